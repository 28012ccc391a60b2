"""Order, overtaking, deadlines and the end of actions."""

import asyncio
import time
from typing import Any

import pytest
from bus_toy import Toy
from hitline.bus import serve
from hitline.bus.attribute import Refused
from hitline.bus.proxy import Proxy
from hitline.bus.states import State
from kit.patience import WAIT_S
from kit.until import until


async def refused(work: Any) -> Refused:
    with pytest.raises(Refused) as refusal:
        await work
    return refusal.value


async def test_stop_and_get_overtake_a_set_in_flight(proxy: Proxy, toy: Toy) -> None:
    slow = asyncio.create_task(proxy.set("slow", 1.0))
    await until(lambda: ("slow", 1.0) in toy.calls)
    behind = asyncio.create_task(proxy.set("label", "behind"))
    await proxy.command("stop")  # by how much they overtake is measured in bench/bus.py
    await proxy.get("voltage")
    assert not slow.done() and not behind.done() and "do_stop" in toy.calls and "behind" not in toy.calls
    toy.gate.set()
    assert (await slow).value == 1.0
    await behind
    assert toy.calls[-1] == "behind"


async def test_sets_keep_their_order(proxy: Proxy, toy: Toy) -> None:
    await asyncio.gather(*(proxy.set("label", f"{n}", timeout_s=WAIT_S) for n in range(200)))
    assert toy.calls[-200:] == [f"{n}" for n in range(200)]


async def test_a_set_waits_for_a_transition_and_sees_the_new_state(proxy: Proxy, toy: Toy) -> None:
    toy.gate.clear()
    slow = asyncio.create_task(proxy.set("slow", 1.0))
    await until(lambda: ("slow", 1.0) in toy.calls)
    landing = asyncio.create_task(proxy.transition("launch"))
    await proxy.wait_state(State.LAUNCHING, timeout_s=WAIT_S)
    assert "launch" not in toy.calls
    toy.gate.set()
    await asyncio.gather(slow, landing)
    await proxy.wait_state(State.ORBIT, timeout_s=WAIT_S)


async def test_deadlines_are_checked_on_arrival_and_in_turn(proxy: Proxy, toy: Toy) -> None:
    link = proxy._here().link
    past = time.time_ns() - 10**9
    late = await refused(link.ask("set", ["label", "late"], tags={"deadline": past}))
    assert late.code == "late" and "not done" in late.text
    slow = asyncio.create_task(proxy.set("slow", 2.0))
    await until(lambda: ("slow", 2.0) in toy.calls)
    soon = time.time_ns() + 50_000_000
    waiting = asyncio.create_task(link.ask("set", ["label", "late"], tags={"deadline": soon}))
    command = asyncio.create_task(link.ask("add", [1, 2], tags={"deadline": soon}))
    await until(lambda: time.time_ns() > soon)
    toy.gate.set()
    assert (await refused(waiting)).code == "late"
    assert (await refused(command)).code == "late"
    await slow
    assert "late" not in toy.calls


async def test_everything_is_answered_within_the_limit(
    proxy: Proxy, toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serve, "ANSWER_S", 0.1)
    slow = asyncio.create_task(proxy.set("slow", 3.0))
    await until(lambda: ("slow", 3.0) in toy.calls)
    busy = await refused(proxy.set("label", "behind"))
    assert busy.code == "busy" and "not done" in busy.text
    late = await refused(slow)
    assert late.code == "late" and "outcome unknown" in late.text
    toy.gate.set()
    await proxy.set("label", "next")
    assert "behind" not in toy.calls


async def test_the_busy_number_is_that_of_this_request(proxy: Proxy, toy: Toy) -> None:
    toy.publish("ramping", True)
    toy.publish("ramping", False)  # an earlier action ends
    reply = await proxy.set("voltage", -5.0)
    assert reply.busy_seq == toy.board.updates["ramping"].seq
    waiting = asyncio.create_task(proxy.wait_idle("voltage", reply, WAIT_S))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    toy.publish("ramping", False)
    await waiting
    quick = await proxy.set("mode", "Fast")
    assert quick.busy_seq is None
    await proxy.wait_idle("mode", quick, 0.1)


async def test_an_action_that_fails_is_told_to_those_who_wait_for_it_alone(proxy: Proxy, toy: Toy) -> None:
    reply = await proxy.set("voltage", -5.0)
    joined = await proxy.command("halt")
    toy.ended("ramping", "the supply has tripped")
    with pytest.raises(Refused, match="one: voltage has failed: the supply has tripped"):
        await proxy.wait_idle("voltage", reply, WAIT_S)
    await proxy.wait_idle("halt", joined, WAIT_S)
    later = await proxy.command("halt")  # at rest: what has failed before is none of its business
    await proxy.wait_idle("halt", later, WAIT_S)
    again = await proxy.set("voltage", -5.0)
    toy.ended("ramping")
    await proxy.wait_idle("voltage", again, WAIT_S)


async def test_waiting_for_the_end_gives_up_with_the_names(proxy: Proxy, toy: Toy) -> None:
    reply = await proxy.set("voltage", -5.0)
    with pytest.raises(TimeoutError, match=r"one: voltage still under way after 0\.1 s \(ramping is true\)"):
        await proxy.wait_idle("voltage", reply, 0.1)


async def test_an_action_that_ended_before_the_reply_is_idle(
    proxy: Proxy, toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def instant(value: float) -> float:
        toy.publish("ramping", True)
        toy.publish("ramping", False)
        return value

    monkeypatch.setattr(toy, "set_voltage", instant)
    reply = await proxy.set("voltage", -7.0)
    assert reply.busy_seq == toy.board.updates["ramping"].seq - 1
    await proxy.wait_idle("voltage", reply, 1.0)


@pytest.fixture
async def late(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> Proxy:
    """The proxy, to which each update comes 5 ms late: replies, on their own connection, overtake them."""
    assert proxy._session is not None
    stream, loop = proxy._session.stream, asyncio.get_running_loop()
    show = stream._show
    monkeypatch.setattr(stream, "_show", lambda metric: loop.call_later(0.005, show, metric))
    return proxy


async def test_what_a_set_changed_is_shown_when_it_returns(late: Proxy) -> None:
    for value in range(-9, 0):
        await late.set("voltage", float(value))
        assert late.updates["voltage"].value == value


async def test_so_is_what_a_refused_one_changed(
    late: Proxy, toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def set_interlock(value: int) -> int:
        toy.publish("label", f"tried {value}")
        raise Refused("interlock", "interlock is open")

    monkeypatch.setattr(toy, "set_interlock", set_interlock)
    for value in range(9):
        with pytest.raises(Refused, match="is open"):
            await late.set("interlock", value)
        assert late.updates["label"].value == f"tried {value}"


async def test_so_is_what_was_lost_on_the_way(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    assert proxy._session is not None
    with monkeypatch.context() as lossy:
        lossy.setattr(proxy._session.stream, "_show", lambda metric: None)
        await proxy.set("voltage", -3.0)
    assert proxy.updates["voltage"].value == -3.0 and proxy.gaps


async def test_an_end_that_was_lost_on_the_way_comes_with_what_belongs_to_it(
    proxy: Proxy, toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The busy flag is read by itself then; on a busy machine the values before it may only be late."""
    assert proxy._session is not None
    reply = await proxy.set("voltage", -5.0)
    await until(lambda: proxy.updates["ramping"].value is True)
    monkeypatch.setattr(proxy._session.stream, "_show", lambda metric: None)
    toy.publish("label", "arrived")
    toy.publish("ramping", False)
    await proxy.wait_idle("voltage", reply, WAIT_S)
    assert proxy.updates["label"].value == "arrived"


async def test_a_command_may_move_its_own_state_machine(proxy: Proxy, toy: Toy) -> None:
    await proxy.command("run_once")
    await proxy.wait_state(State.RUN, timeout_s=WAIT_S)
    assert toy.calls[-2:] == ["launch", "start"]
