"""Invariant: of each subscription the newest survive, in the order of their coming; replies never drop."""

import asyncio

from hitline.ioc.faces.ca.outbox import Outbox
from hypothesis import given
from hypothesis import strategies as st
from kit.patience import WAIT_S


def drained(box: Outbox) -> list:
    found = []
    while (item := box.pop()) is not None:
        found.append(item)
    return found


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=60), st.integers(1, 4))
def test_newest_of_each_in_order(steps, quota):
    box: Outbox = Outbox()
    sent: list[tuple[int, int]] = []
    for number, (key, is_reply) in enumerate(steps):
        if is_reply:
            box.reply((None, number))
            sent.append((None, number))
        else:
            box.event(key, quota, (key, number))
            sent.append((key, number))
    newest = {key: [n for k, n in sent if k == key][-quota:] for key in range(4)}
    expected = [(k, n) for k, n in sent if k is None or n in newest[k]]
    assert drained(box) == expected
    assert box.dropped == len(sent) - len(expected)
    assert len(box) == 0


def test_held_sends_replies_only_and_keeps_the_newest():
    box: Outbox = Outbox()
    for n in range(3):
        box.event(1, 8, n)
    box.hold()
    box.event(2, 8, "a")
    box.event(2, 8, "b")
    box.reply("answer")
    assert drained(box) == ["answer"]
    box.release()
    assert drained(box) == [2, "b"]
    assert box.dropped == 3


@given(st.lists(st.sampled_from(["0", "1", "hold", "release", "read"]), max_size=200), st.integers(2, 64))
def test_of_a_flag_no_edge_is_lost_but_by_who_is_far_behind(steps, quota):
    """What is read alternates and ends with the level of now; the begin of what has ended is never missed."""
    box: Outbox = Outbox()
    read: list[str] = []
    sent: list[str] = []
    for step in [*steps, "release", "read"]:
        if step == "hold":
            box.hold()
        elif step == "release":
            box.release()
        elif step == "read":
            read += drained(box)
        else:
            sent += [step] if sent[-1:] != [step] else []
            box.event(1, quota, step, step)
    changes = [step for n, step in enumerate(read) if n == 0 or read[n - 1] != step]
    assert changes[-1:] == sent[-1:]
    assert len(changes) >= min(len(sent), 2)
    if "hold" not in steps and len(sent) <= quota:
        assert changes == sent


def test_a_flag_over_its_quota_is_cut_to_its_last_two_levels():
    box: Outbox = Outbox()
    for n in range(65):
        box.event(1, 64, n, n % 2)
    assert drained(box) == [63, 64] and box.dropped == 63
    box.hold()
    for n in range(65):
        box.event(1, 64, n, n % 2)
    box.release()
    assert drained(box) == [63, 64]


def test_forgotten_subscription_is_not_sent():
    box: Outbox = Outbox()
    box.event(1, 2, "gone")
    box.event(2, 2, "stays")
    box.forget(1)
    assert drained(box) == ["stays"]


async def test_wait_sleeps_until_there_is_something():
    box: Outbox = Outbox()
    assert box.pop() is None
    waiting = asyncio.create_task(box.wait())
    await asyncio.sleep(0)
    assert not waiting.done()
    box.hold()
    box.event(1, 1, "held")
    await asyncio.sleep(0)
    assert not waiting.done()
    box.release()
    await asyncio.wait_for(waiting, WAIT_S)
    assert box.pop() == "held"
