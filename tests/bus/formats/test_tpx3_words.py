"""Words and chunks in both directions, and resynchronisation."""

import numpy as np
import pytest
import word_by_word
from hitline.bus.formats import packets
from hitline.bus.formats.chunks import (
    HEADERS,
    MAGIC,
    RESYNCS,
    SKIPPED,
    encode,
    encode_header,
    new_state,
    walk,
)
from hitline.bus.formats.times import extend, split_ticks, unwrap
from hypothesis import given
from hypothesis import strategies as st

BYTE = st.integers(0, 255)


@given(BYTE, BYTE, st.integers(0, 16383), st.integers(0, 1023), st.integers(0, 15), st.integers(0, 65535))
def test_pixel_round_trip(x: int, y: int, toa: int, tot: int, ftoa: int, spidr: int) -> None:
    words = packets.encode_pixels([x], [y], [toa], [tot], [ftoa], [spidr])
    hits = packets.decode_pixels(words, np.array([3], np.uint8), packets.coarse30(words))
    assert [column.tolist() for column in hits.widened().values()] == [
        [value] for value in (3, x, y, toa, tot, ftoa, spidr, ((spidr << 14 | toa) << 4) - ftoa)
    ]
    assert word_by_word.hit({"word": int(words[0]), "chip": 3, "time": 0})[1:3] == (x, y)


@given(st.integers(-(1 << 20), 1 << 52))
def test_time_round_trip(ticks: int) -> None:
    spidr, toa, ftoa = (int(part[0]) for part in split_ticks(np.array([ticks])))
    assert 0 <= ftoa < 16 and toa < 1 << 14
    near = extend(np.array([spidr << 14 | toa]), ticks // 16 + 12345, 30)
    assert near.tolist()[0] * 16 - ftoa == ticks


@given(
    st.sampled_from(packets.TDC_TYPES),
    st.integers(0, 4095),
    st.integers(0, (1 << 35) - 1),
    st.integers(0, 15),
)
def test_trigger_round_trip(kind: int, counter: int, coarse: int, fine: int) -> None:
    tdc = packets.decode_tdc(
        packets.encode_tdc(kind, [counter], [coarse], [fine]), np.array([0], np.uint8), np.array([coarse])
    )
    assert (tdc.type[0], tdc.counter[0], tdc.coarse35[0], tdc.fine[0]) == (kind, counter, coarse, fine)


def test_recorded_global_time_words() -> None:
    """Words of a real quad detector: 1.641 ms after the start."""
    low, high = packets.encode_global_time(np.array([0x0001_0087]))
    assert int(low[0]) & ~0xFFFF == 0x4400000100870004 & ~0xFFFF and int(low[0]) & 0xFFFF == 4
    assert int(high[0]) == 0x4500000000000004


def test_values_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match=r"1024 to 1024 does not fit in 10 bits \(0 to 1023\)"):
        packets.encode_pixels([0], [0], [0], [1024], [0], [0])
    with pytest.raises(ValueError, match="payload of 65536 bytes for chip 1: at most 65528"):
        encode([(1, np.zeros(8192, np.uint64))])


@given(st.lists(st.integers(0, (1 << 20) - 1), max_size=30), st.integers(0, 30))
def test_unwrapping_in_two_calls(values: list[int], cut: int) -> None:
    array = np.array(values, np.int64)
    whole, *_ = unwrap(array, 20)
    first, before, epoch = unwrap(array[:cut], 20)
    assert whole.tolist() == [*first.tolist(), *unwrap(array[cut:], 20, before, epoch)[0].tolist()]
    assert (whole >= 0).all()


def walked(words: np.ndarray) -> tuple[list[int], dict[str, int]]:
    state = new_state()
    chips = walk(words.view(np.uint64), state).tolist()
    return chips, {"headers": state[HEADERS], "resyncs": state[RESYNCS], "skipped": state[SKIPPED]}


def test_magic_inside_a_payload_is_data() -> None:
    pixel = 0xB << 60 | MAGIC
    chips, counts = walked(
        np.frombuffer(
            encode([(2, np.array([pixel, pixel], np.uint64)), (1, np.array([1], np.uint64))]), "<u8"
        )
    )
    assert chips == [-1, 2, 2, -1, 1] and counts == {"headers": 2, "resyncs": 0, "skipped": 0}


def test_a_size_too_large_does_not_give_hits_to_a_wrong_chip() -> None:
    words = np.array([int(encode_header(0, 800)), 7, 7, int(encode_header(1, 8)), 8], np.uint64)
    chips, counts = walked(words)
    assert chips == [-1, 0, 0, -1, 1] and counts == {"headers": 2, "resyncs": 1, "skipped": 0}


@pytest.mark.parametrize("header", [MAGIC ^ 1, MAGIC | 200 << 32 | 8 << 48, MAGIC | 12 << 48])
def test_looking_for_the_next_header(header: int) -> None:
    """Wrong magic, a chip that cannot be, a size that is not of whole words: skipped and counted, once."""
    words = np.array([header, 5, 5, int(encode_header(3, 8)), 9], np.uint64)
    chips, counts = walked(words)
    assert chips == [-1, -1, -1, -1, 3] and counts == {"headers": 1, "resyncs": 1, "skipped": 3}
