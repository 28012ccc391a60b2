"""Katherine streams: golden words, every mode and generation, frames, any split."""

import katherine_by_word
import numpy as np
import pytest
from format_helpers import pieces, rows
from hitline.bus.formats.frames import UNKNOWN, Frame
from hitline.bus.formats.katherine import KatherineBatch, KatherineDecoder
from hitline.bus.formats.katherine_setup import Setup
from hitline.bus.formats.katherine_words import (
    Header,
    Mode,
    encode_pixels,
    encode_word,
    from_bytes,
    headers_of,
    to_bytes,
)
from hypothesis import given, settings
from hypothesis import strategies as st

GOLDEN = """
00 00 00 00 00 70   ef cd ab 89 00 80   01 00 00 00 00 90
45 06 8d a4 40 41   03 00 00 00 00 50   ff 7f 00 f0 0f 40   10 c0 ff 0f f0 4f
02 00 00 00 00 10   09 00 00 00 00 d0   03 00 00 00 00 c0   00 00 00 00 00 e0
"""
"""Checked against the public client library libkatherine."""


def feed(data: bytes, decoder: KatherineDecoder | None = None) -> KatherineBatch:
    return (decoder or KatherineDecoder()).feed(data)


def word(header: int, value: int = 0) -> bytes:
    return to_bytes(np.atleast_1d(encode_word(header, value)))


def pixel(high: int, middle: int = 0, low: int = 0, x: int = 0, y: int = 0) -> bytes:
    return to_bytes(encode_pixels([x], [y], [high], [middle], [low]))


def test_golden_words() -> None:
    decoder = KatherineDecoder()
    batch = feed(bytes.fromhex(GOLDEN), decoder)
    hits = batch.hits
    found = [hits.x, hits.y, hits.toa, hits.tot, hits.ftoa, hits.t_unwrapped]
    assert [column.tolist() for column in found] == [
        [10, 255, 0], [20, 0, 255], [0x1234, 1, 16383], [100, 1023, 1], [5, 15, 0],
        [0x1234 * 16 - 5, 49153 * 16 - 15, 65535 * 16],
    ]  # fmt: skip
    (frame,) = batch.frames
    assert (frame.number, frame.received, frame.sent, frame.lost, frame.missing) == (1, 3, 3, 9, 0)
    assert frame.start == 0x1_89AB_CDEF and frame.end == UNKNOWN
    assert decoder.facts() == {
        "words": 11, "pixels": 3, "trigger_words": 0, "unknown_words": 1,
        "frames": 1, "frames_unannounced": 0, "ends_stray": 0,
        "pixels_missing": 0, "pixels_surplus": 0, "pixels_lost_inside": 9, "aborted": 1, "cut_bytes": 0,
    }  # fmt: skip


def test_golden_words_encoded() -> None:
    made = [
        word(7), word(8, 0x89ABCDEF), word(9, 1),
        pixel(0x1234, 100, 5, 10, 20), word(5, 3), pixel(1, 1023, 15, 255, 0),
        pixel(16383, 1, 0, 0, 255), word(1, 2), word(0xD, 9), word(0xC, 3), word(0xE),
    ]  # fmt: skip
    assert b"".join(made) == bytes.fromhex(GOLDEN)


@given(st.lists(st.integers(0, (1 << 48) - 1), max_size=20))
def test_bytes_there_and_back(words: list[int]) -> None:
    raw = b"".join(word.to_bytes(6, "little") for word in words)
    assert from_bytes(raw + b"\1\2\3\4\5").tolist() == words and to_bytes(from_bytes(raw)) == raw


@pytest.mark.parametrize("fast", [True, False])
@given(x=st.integers(0, 255), y=st.integers(0, 255), high=st.integers(0, 16383), middle=st.integers(0, 1023),
       low=st.integers(0, 15), offset=st.integers(0, (1 << 32) - 1))  # fmt: skip
def test_every_mode(fast: bool, x: int, y: int, high: int, middle: int, low: int, offset: int) -> None:
    raw = word(Header.OFFSET, offset) + pixel(high, middle, low, x, y)
    fine, count = (low, 0) if fast else (0, low)
    time = ((offset << 14) + high) * 16 - fine
    for mode, tot in ((Mode.TOA_TOT, middle), (Mode.TOA, 0)):
        batch = feed(raw, KatherineDecoder(mode, fast=fast, chip=2))
        assert rows(batch.hits) == [(2, x, y, high, tot, fine, offset & 0xFFFF, time)]
        assert batch.hits.t.tolist() == [time % (1 << 34)]
        assert batch.hit_count.tolist() == [count] and not len(batch.counted)
    batch = feed(raw, KatherineDecoder(Mode.EVENT_ITOT, fast=fast))
    assert rows(batch.counted) == [(0, x, y, high, middle, low, 0)] and not len(batch.hits)


def test_offset_holds_until_the_next_frame() -> None:
    raw = word(5, 2) + pixel(1) + pixel(2) + word(7, 9) + pixel(3) + word(5, 1) + pixel(4)
    decoder = KatherineDecoder()
    times = [t for part in pieces(raw, range(len(raw))) for t in decoder.feed(part).hits.t_unwrapped.tolist()]
    assert times == [((2 << 14) + 1) * 16, ((2 << 14) + 2) * 16, 48, ((1 << 14) + 4) * 16]


def test_frames_and_what_is_missing() -> None:
    raw = (
        word(7) + pixel(1) * 3 + word(0xA, 5) + word(0xB, 2) + word(0xC, 5)
        + word(7) + pixel(1) + word(0xD, 4) + word(0xD, 3)
        + word(7) + pixel(1) * 2
    )  # fmt: skip
    decoder = KatherineDecoder()
    batch = decoder.feed(raw)
    frames = [*batch.frames, *decoder.flush()]
    assert [(f.number, f.first_pixel, f.received, f.sent, f.missing, f.lost) for f in frames] == [
        (1, 0, 3, 5, 2, 0), (2, 3, 1, UNKNOWN, UNKNOWN, 7), (3, 4, 2, UNKNOWN, UNKNOWN, 0),
    ]  # fmt: skip
    assert frames[0].end == 2 << 32 | 5 and all(frame.announced for frame in frames)
    assert batch.frame.tolist() == [1, 1, 1, 2, 3, 3]
    assert decoder.facts()["pixels_missing"] == 2 and decoder.facts()["pixels_lost_inside"] == 7
    assert decoder.flush() == []


def test_more_pixels_than_were_sent() -> None:
    decoder = KatherineDecoder()
    (frame,) = decoder.feed(word(7) + pixel(1) * 5 + word(0xC, 3)).frames
    assert (frame.missing, frame.surplus) == (0, 2)
    assert decoder.facts()["pixels_surplus"] == 2 and decoder.facts()["pixels_missing"] == 0


def test_the_lost_word_of_a_new_frame_shows() -> None:
    """The pixels are a frame of their own, which says that nothing told of its begin."""
    raw = word(7) + word(5, 9) + pixel(1) + word(0xC, 1)
    raw += pixel(2) + word(5, 1) + pixel(2) + word(0xB, 1) + word(0xC, 2)
    decoder = KatherineDecoder()
    batch = decoder.feed(raw)
    assert [(f.number, f.announced, f.received, f.missing) for f in batch.frames] == [
        (1, True, 1, 0), (2, False, 2, 0),
    ]  # fmt: skip
    assert batch.frame.tolist() == [1, 2, 2] and batch.hits.t_unwrapped.tolist()[1:] == [
        32,
        (1 << 18) + 32,
    ]
    assert decoder.facts()["frames_unannounced"] == 1
    decoder.feed(word(0xC, 5) + word(0xD, 2) + word(0xE))
    assert decoder.facts()["ends_stray"] == 1, "a frame of which nothing but its end came, or an end doubled"
    assert decoder.facts()["pixels_lost_inside"] == 2 and decoder.frames.number == 2


@pytest.mark.parametrize(("generation", "triggers"), [(1, (2, 3)), (2, (4, 6))])
def test_triggers_and_unknown_words_stay_whole(generation: int, triggers: tuple[int, int]) -> None:
    value = 0xABC_DEF0_1234
    one, two = triggers
    hit = to_bytes(encode_pixels([0], [0], [1], [0], [0], generation=generation))
    raw = hit + word(one, value) + hit + word(two, 1) + word(0xF, 2)
    decoder = KatherineDecoder(generation=generation)
    assert rows(decoder.feed(raw).marks) == [(one, value, 1, 1), (two, 1, 2, 1), (0xF, 2, 2, 1)]
    assert decoder.facts()["unknown_words"] == 1 and decoder.facts()["trigger_words"] == 2


def test_headers_of_each_generation() -> None:
    """As in the table of the reference, one stream of every header read both ways."""
    raw = b"".join(word(header, 7) for header in range(16))
    for generation, pixels, triggers, unknown in ((1, 1, 2, 4), (2, 4, 2, 1)):
        decoder = KatherineDecoder(generation=generation)
        decoder.feed(raw)
        facts = decoder.facts()
        found = facts["pixels"], facts["trigger_words"], facts["unknown_words"]
        assert found == (pixels, triggers, unknown) and facts["words"] == 16


def test_chips_of_the_second_generation() -> None:
    chips = [3, 0, 2, 1]
    words = encode_pixels([9] * 4, [8] * 4, [7] * 4, [6] * 4, [5] * 4, chip=np.array(chips), generation=2)
    assert headers_of(words).tolist() == chips
    hits = KatherineDecoder(generation=2).feed(to_bytes(words)).hits
    assert rows(hits) == [(chip, 9, 8, 7, 6, 5, 0, 7 * 16 - 5) for chip in chips]
    for chip, generation in ((4, 2), (-1, 2), (1, 1)):
        with pytest.raises(ValueError, match=f"chip {chip}: words of generation {generation}"):
            encode_pixels([0], [0], [0], [0], [0], chip=chip, generation=generation)


def test_fine_time_only_at_40_mhz() -> None:
    with pytest.raises(ValueError, match="40 MHz"):
        KatherineDecoder(fast=True, coarse_ticks=32)
    assert feed(pixel(3), KatherineDecoder(fast=False, coarse_ticks=32)).hits.t_unwrapped.tolist() == [96]


def test_phases_of_the_pixel_clock() -> None:
    """A hit that all columns saw at once is at one time again; sixteen phases are a tick each at 40 MHz."""
    x = np.arange(256)
    delay = x // 2 % 16
    ticks = 16_000 - delay
    words = encode_pixels(x, x, -(-ticks // 16), np.ones(256), -ticks % 16)
    hits = feed(to_bytes(words), KatherineDecoder(phases=16)).hits
    assert hits.t_unwrapped.tolist() == [16_000] * 256
    assert feed(to_bytes(words)).hits.t_unwrapped.tolist() == ticks.tolist(), "one phase: nothing is added"
    one = feed(pixel(3, x=6), KatherineDecoder(fast=False, phases=4, coarse_ticks=32))
    assert one.hits.t_unwrapped.tolist() == [3 * 32 + 3 * 8]


def test_sequential_times_are_within_one_turn() -> None:
    raw = word(7) + word(5, 3) + pixel(16383, low=0) + pixel(0, low=5)
    hits = feed(raw, KatherineDecoder(sequential=True)).hits
    assert hits.t_unwrapped.tolist() == [16383 * 16, (1 << 18) - 5]


def test_exposures_go_on_in_one_stream() -> None:
    """An exposure may be cut inside a frame; part of a word between two is left out and counted."""
    decoder = KatherineDecoder()
    decoder.begin(1)
    decoder.feed(word(7) + word(5, 2) + pixel(1) + b"abc")
    decoder.begin(2, Setup(Mode.EVENT_ITOT))
    batch = decoder.feed(pixel(300, 3) + word(0xC, 2) + word(7) + pixel(1) + b"ab")
    assert rows(batch.counted) == [(0, 0, 0, 300, 3, 0, 0), (0, 0, 0, 1, 0, 0, 0)]
    assert [(f.exposure, f.missing) for f in [*batch.frames, *decoder.flush()]] == [(1, 0), (2, UNKNOWN)]
    assert decoder.facts()["cut_bytes"] == 5


def test_bytes_lost_inside_a_word_cannot_be_seen() -> None:
    """There is no framing: what follows is read as other words, until six bytes are gone in all."""
    words = [bytes.fromhex("45068da44041")] * 10
    raw = b"".join([*words, words[0][:5], *words, words[0][:1], *words])
    decoder = KatherineDecoder()
    hits = decoder.feed(raw).hits
    good = rows(feed(words[0]).hits)[0]
    assert rows(hits)[:10] == [good] * 10 == rows(hits)[-10:]
    assert decoder.facts()["words"] == 31 and rows(hits).count(good) == 20


SETUPS = st.builds(
    lambda mode, fast, generation, clock, phases, sequential: Setup(
        mode, fast and clock == 16, generation, clock, min(phases, clock), sequential
    ),
    st.sampled_from(Mode), st.booleans(), st.sampled_from([1, 2]), st.sampled_from([4, 8, 16, 32]),
    st.sampled_from([1, 2, 4, 8, 16]), st.booleans(),
)  # fmt: skip


@given(SETUPS)
def test_setups_there_and_back(setup: Setup) -> None:
    assert Setup.of({**setup.facts(), "chip_id": "K7-W0005"}) == setup
    assert Setup.of_vector(setup.vector()) == setup


@pytest.mark.parametrize(
    ("facts", "text"),
    [
        ({"mode": "tot"}, "mode = 'tot'"),
        ({"mode": ["toa"]}, "mode = "),
        ({"fast": 1}, "fast = 1"),
        ({"generation": 3}, "generation 3: 1 or 2"),
        ({"generation": "2"}, "generation = '2'"),
        ({"coarse_ticks": 17}, "17 ticks"),
        ({"phases": 3}, "3 phases"),
        ({"coarse_ticks": 8, "fast": False, "phases": 16}, "16 phases of a clock of 8"),
        ({"readout": "frames"}, "readout = 'frames'"),
    ],
)
def test_facts_that_make_no_sense(facts: dict, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        Setup.of(facts)
    assert Setup.of({}) == Setup()


def everything(parts: list[bytes], setup: Setup, restart: bool) -> tuple:
    decoder = KatherineDecoder.of(setup)
    hits, counted, marks, frames = [], [], [], list[Frame]()
    for part in parts:
        batch = decoder.feed(part)
        frame = batch.frame.tolist()
        hits += [
            (*row, *more)
            for row, *more in zip(rows(batch.hits), batch.hit_count.tolist(), frame, strict=False)
        ]
        counted += [(*row[:6], number) for row, number in zip(rows(batch.counted), frame, strict=False)]
        marks += rows(batch.marks)
        frames += batch.frames
        if restart:
            state, decoder = decoder.state(), KatherineDecoder()
            decoder.restore(state)
    return hits, counted, marks, [*frames, *decoder.flush()], decoder.facts()


WORD = st.builds(lambda header, value: (header << 44 | value).to_bytes(6, "little"),
                 st.sampled_from([0, 1, 2, 3, 4, 4, 4, 5, 6, 7, 8, 9, 0xA, 0xB, 0xC, 0xD, 0xE, 0xF]),
                 st.one_of(st.integers(0, 9), st.integers(0, (1 << 44) - 1)))  # fmt: skip


@settings(deadline=None)
@given(
    st.lists(WORD, max_size=40),
    st.binary(max_size=5),
    st.lists(st.integers(0, 300), max_size=8),
    SETUPS,
    st.booleans(),
)
def test_any_words_any_split_and_any_restart(
    words: list[bytes], rest: bytes, cuts: list[int], setup: Setup, restart: bool
) -> None:
    """Whatever the words, they mean what they mean one by one, however they are cut or carried over."""
    raw = b"".join(words) + rest
    hits, counted, marks, frames, facts = everything(pieces(raw, cuts), setup, restart)
    wanted = katherine_by_word.Reader(setup).read(raw)
    wanted.close()
    assert hits == wanted.hits and counted == wanted.counted and marks == wanted.marks
    assert facts["cut_bytes"] == len(rest)
    assert {name: facts[name] for name in wanted.counts} == wanted.counts
    assert len(frames) == len(wanted.frames) == facts["frames"]
    for frame, other in zip(frames, wanted.frames, strict=True):
        known = {name: UNKNOWN if value is None else value for name, value in other.items()}
        assert frame.first_pixel == known.pop("first")
        assert {name: getattr(frame, name) for name in known} == known
    assert facts["pixels_missing"] == sum(max(frame.missing, 0) for frame in frames)
    assert facts["pixels_surplus"] == sum(max(frame.surplus, 0) for frame in frames)
    assert facts["frames_unannounced"] == sum(not frame.announced for frame in frames)
