"""Marks of a stream as the driver follows them: one sentence states each rule, words are fed in any split."""

import itertools

import numpy as np
import pytest
from hitline.bus.formats.katherine_scan import scan
from hitline.bus.formats.katherine_words import Header, encode_pixels, encode_word, to_bytes
from hitline.bus.log.codes import Condition
from hitline.ioc.drivers.katherine.stream import LISTED, MOST_FLAWS, Follower
from hypothesis import given
from hypothesis import strategies as st


def pixels(count, generation=1):
    n = np.arange(count)
    return encode_pixels(n % 256, n // 256 % 256, n % 16384, n % 1023, n % 16, generation=generation)


def mark(header, value=0):
    return encode_word(header, value).reshape(1)


def opening(start=1 << 40 | 7):
    return [
        mark(Header.NEW_FRAME),
        mark(Header.START_LOW, start & 0xFFFFFFFF),
        mark(Header.START_HIGH, start >> 32),
    ]


def closing(sent, end=1 << 40 | 400, lost=0):
    lost_words = [mark(Header.LOST, lost)] if lost else []
    return [
        mark(Header.END_LOW, end & 0xFFFFFFFF),
        mark(Header.END_HIGH, end >> 32),
        *lost_words,
        mark(Header.FINISHED, sent),
    ]


def frame(count, sent=None, **more):
    return [*opening(), pixels(count), *closing(count if sent is None else sent, **more)]


def follow(parts, wanted=1, cuts=(), generation=1):
    """Follow these words, cut into pieces at `cuts` (words)."""
    words = np.concatenate(parts)
    follower, lost = Follower(generation), 0
    bounds = [0, *sorted(c for c in cuts if c < len(words)), len(words)]
    for start, stop in itertools.pairwise(bounds):
        lost += follower.take(scan(to_bytes(words[start:stop]), generation))
    follower.close(wanted)
    return follower, lost


@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40), st.integers(0, 5)), min_size=1, max_size=5),
    st.lists(st.integers(1, 200), max_size=8),
)
def test_the_loss_is_what_is_missing_in_each_frame_however_the_words_come(frames, cuts):
    """Frames with so many pixels of so many sent: losses add up, surplus taints, in any split."""
    parts = [part for came, missing, inside in frames for part in frame(came, came + missing, lost=inside)]
    follower, lost = follow(parts, len(frames), cuts)
    assert follower.lost == lost == sum(missing for _, missing, _ in frames)
    assert follower.lost_inside == sum(inside for *_, inside in frames)
    assert follower.sent == sum(came + missing for came, missing, _ in frames)
    assert follower.finished == follower.begun == len(frames)
    assert not follower.flaws and not follower.unknown
    assert [(f.start, f.end) for f in follower.frames] == [(1 << 40 | 7, 1 << 40 | 400)] * len(frames)


FLAWED = {
    "more pixels than were sent": (frame(10, 8), 1, Condition.TAINTED, "10 pixels came, 8 were sent"),
    "a frame in a frame": (
        [*opening(), pixels(5), *frame(10)],
        1,
        Condition.TAINTED | Condition.INCOMPLETE,
        "another new-frame word",
    ),
    "no count": (frame(10)[:-1], 1, Condition.INCOMPLETE, r"its count \(0xC\) is missing"),
    "aborted": (
        [*opening(), pixels(3), mark(Header.ABORTED)],
        1,
        Condition.INCOMPLETE,
        "aborted by the readout",
    ),
    "nothing": ([pixels(0)], 1, Condition.INCOMPLETE, "no frame came"),
    "one frame of two": (frame(10), 2, Condition.INCOMPLETE, "1 of 2 frames came whole"),
}


@pytest.mark.parametrize("parts, wanted, condition, reason", FLAWED.values(), ids=FLAWED)
def test_what_makes_the_loss_unknown(parts, wanted, condition, reason):
    follower, _ = follow(parts, wanted)
    assert follower.unknown
    whole = Condition.GOOD
    for flaw in follower.flaws.values():
        whole |= flaw
    assert whole & condition == condition
    assert any(__import__("re").search(reason, text) for text in follower.flaws)


def test_without_its_new_frame_word_a_frame_still_has_its_count():
    follower, _ = follow(frame(10, 12)[1:])
    assert follower.lost == 2 and not follower.unknown
    assert list(follower.flaws.values()) == [Condition.TAINTED] and "no new-frame word" in next(
        iter(follower.flaws)
    )


def test_a_second_end_is_no_second_frame():
    follower, _ = follow([*frame(10), mark(Header.FINISHED, 10)])
    assert follower.finished == 1 and follower.sent == 10
    assert Condition.TAINTED in follower.flaws.values()


def test_a_mark_that_comes_twice_in_a_frame_taints():
    parts = frame(10)
    follower, _ = follow([*parts[:5], parts[4], *parts[5:]])
    assert follower.finished == 1 and "twice" in next(iter(follower.flaws))


def test_pixels_behind_the_end_of_their_frame_are_no_loss_but_order_is_not_kept():
    parts = frame(10)
    follower, _ = follow([*opening(), *closing(10), parts[3]])
    assert follower.lost == 0 and not follower.unknown
    assert "order is not kept" in next(iter(follower.flaws))
    follower, _ = follow([*opening(), *closing(10), parts[3], pixels(1)])
    assert follower.unknown, "one more than were sent"


def test_after_a_stop_frames_may_be_missing():
    follower, _ = follow(frame(10), wanted=0)
    assert not follower.flaws


@pytest.mark.parametrize("generation, headers", [(1, (0x2, 0x3)), (2, (0x4, 0x6))])
def test_triggers_are_counted_and_are_no_part_of_frames(generation, headers):
    triggers = [mark(header, 0xFFFFFFFFFFF) for header in headers]
    parts = [*triggers, *opening(), pixels(4, generation), *triggers, *closing(4), *triggers]
    follower, _ = follow(parts, generation=generation)
    assert follower.triggers == 6 and not follower.flaws and follower.lost == 0
    assert follower.facts()["trigger_words"] == 6


def test_words_without_a_meaning_are_counted():
    follower, _ = follow([*opening(), mark(0xF, 5), pixels(4), *closing(4)])
    assert follower.words_unknown == 1 and not follower.flaws


def test_facts_stay_small_however_many_frames_and_flaws_there_are():
    parts = [part for _ in range(LISTED + 50) for part in frame(3, 2)]
    follower, _ = follow(parts, LISTED + 50)
    facts = follower.facts()
    assert facts["frames_finished"] == LISTED + 50 and len(facts["frames"]) == LISTED
    assert len(facts["flaws"]) == MOST_FLAWS + 1
