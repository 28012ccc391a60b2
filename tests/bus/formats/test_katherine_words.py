"""Katherine streams: golden words, every mode, frames, any split."""

import numpy as np
import pytest
from format_helpers import pieces, rows
from hitline.bus.formats.frames import UNKNOWN, Frame
from hitline.bus.formats.katherine import KatherineBatch, KatherineDecoder
from hitline.bus.formats.katherine_words import Header, Mode, encode_pixels, encode_word, from_bytes, to_bytes
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
        "words": 11, "pixels": 3, "unknown_words": 1, "frames": 1,
        "pixels_missing": 0, "pixels_lost_inside": 9, "aborted": 1, "cut_bytes": 0,
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
        pixel(1)
        + word(7) + pixel(1) * 3 + word(0xA, 5) + word(0xB, 2) + word(0xC, 5)
        + word(7) + pixel(1) + word(0xD, 4) + word(0xD, 3)
        + word(7) + pixel(1) * 2
    )  # fmt: skip
    decoder = KatherineDecoder()
    batch = decoder.feed(raw)
    frames = [*batch.frames, *decoder.flush()]
    assert [(f.number, f.first_pixel, f.received, f.sent, f.missing, f.lost) for f in frames] == [
        (0, 0, 1, UNKNOWN, UNKNOWN, 0), (1, 1, 3, 5, 2, 0),
        (2, 4, 1, UNKNOWN, UNKNOWN, 7), (3, 5, 2, UNKNOWN, UNKNOWN, 0),
    ]  # fmt: skip
    assert frames[1].end == 2 << 32 | 5
    assert batch.frame.tolist() == [0, 1, 1, 1, 2, 3, 3]
    assert decoder.facts()["pixels_missing"] == 2 and decoder.facts()["pixels_lost_inside"] == 7
    assert decoder.flush() == []


def test_triggers_and_unknown_words_stay_whole() -> None:
    value = 0xABC_DEF0_1234
    raw = pixel(1) + word(2, value) + pixel(1) + word(3, 1) + word(0xF, 2)
    decoder = KatherineDecoder()
    assert rows(decoder.feed(raw).marks) == [(2, value, 1), (3, 1, 2), (0xF, 2, 2)]
    assert decoder.facts()["unknown_words"] == 1


def test_fine_time_only_at_40_mhz() -> None:
    with pytest.raises(ValueError, match="40 MHz"):
        KatherineDecoder(fast=True, coarse_ticks=32)
    assert feed(pixel(3), KatherineDecoder(fast=False, coarse_ticks=32)).hits.t_unwrapped.tolist() == [96]


def everything(parts: list[bytes], mode: Mode, restart: bool) -> tuple:
    decoder = KatherineDecoder(mode)
    hits, counted, marks, frames, numbers = [], [], [], list[Frame](), []
    for part in parts:
        batch = decoder.feed(part)
        hits += rows(batch.hits)
        counted += rows(batch.counted)
        marks += rows(batch.marks)
        numbers += batch.frame.tolist()
        frames += batch.frames
        if restart:
            state, decoder = decoder.state(), KatherineDecoder(mode)
            decoder.restore(state)
    return hits, counted, marks, numbers, [*frames, *decoder.flush()], decoder.facts()


WORD = st.builds(lambda header, value: (header << 44 | value).to_bytes(6, "little"),
                 st.sampled_from([0, 2, 4, 4, 4, 5, 7, 8, 9, 0xA, 0xB, 0xC, 0xD, 0xE, 0xF]),
                 st.one_of(st.integers(0, 9), st.integers(0, (1 << 44) - 1)))  # fmt: skip


@settings(deadline=None)
@given(
    st.lists(WORD, max_size=40),
    st.lists(st.integers(0, 300), max_size=8),
    st.sampled_from(Mode),
    st.booleans(),
)
def test_any_split_and_any_restart(words: list[bytes], cuts: list[int], mode: Mode, restart: bool) -> None:
    """Whatever the words, cutting the stream or carrying the decoder over changes nothing."""
    raw = b"".join(words)
    assert everything(pieces(raw, cuts), mode, restart) == everything([raw], mode, False)
