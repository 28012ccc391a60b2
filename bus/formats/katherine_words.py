"""The 48-bit words of a Katherine readout of either generation: kinds and fields, in both directions.

Six bytes, little-endian; the header is in bits 47 to 44. Layout as in the public client library libkatherine
(MIT): version 1.0.1 for the first generation, the development version 2.0 for the second. Neither generation
nor the mode of the pixels is in the data: the receiver must know how the readout was set up (`Setup`). Words
whose meaning is not public (triggers, some headers) stay whole: 44 bits of value.
"""

from dataclasses import dataclass
from dataclasses import field as column
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from .packets import Words, field, place

WORD_BYTES = 6


class Header(IntEnum):
    """Bits 47 to 44; from 0x5 on, but for 0x6, the same in both generations (see `GENERATIONS`)."""

    TRIGGER_A = 0x2
    TRIGGER_B = 0x3
    """First generation: trigger information; the layout of the value is not public."""
    PIXEL = 0x4
    """First generation: a pixel of its only chip."""
    OFFSET = 0x5
    """Upper part of the time of the pixels that follow: 32 bits of 409.6 us at 40 MHz."""
    NEW_FRAME = 0x7
    """A frame begins; the offset is 0 again."""
    START_LOW = 0x8
    START_HIGH = 0x9
    """Start time of the frame, 32 and 16 bits, always steps of 25 ns."""
    END_LOW = 0xA
    END_HIGH = 0xB
    """End time of the frame, likewise."""
    FINISHED = 0xC
    """The frame is over; the value is how many pixels the readout sent in it."""
    LOST = 0xD
    """Pixels that the readout lost on their way from the chip; added up over a frame."""
    ABORTED = 0xE
    """The measurement was aborted."""


MARKS = tuple(header for header in Header if header >= Header.OFFSET)
"""Headers that mean the same in both generations."""


@dataclass(frozen=True, slots=True)
class Generation:
    """What the headers of a generation of readouts mean beyond `MARKS`."""

    pixels: tuple[int, ...]
    """Headers of pixels, by chip."""
    triggers: tuple[int, int]
    """Headers of trigger words; the layout of their value is not public."""
    is_pixel: NDArray[np.bool_] = column(init=False)
    """bool[16] by header."""
    is_trigger: NDArray[np.bool_] = column(init=False)
    is_known: NDArray[np.bool_] = column(init=False)
    """Whether a header has a public meaning."""

    def __post_init__(self) -> None:
        for name, headers in (
            ("is_pixel", self.pixels),
            ("is_trigger", self.triggers),
            ("is_known", (*self.pixels, *self.triggers, *MARKS)),
        ):
            object.__setattr__(self, name, np.isin(np.arange(16), headers))


GENERATIONS = {
    1: Generation(pixels=(0x4,), triggers=(0x2, 0x3)),
    2: Generation(pixels=(0x0, 0x1, 0x2, 0x3), triggers=(0x4, 0x6)),
}
"""The second: a trigger event is two words, 0x4 with the low half of its time and 0x6 with the high half,
channels and counter (libkatherine 2.0). Its hardware takes up to eight chips; what their pixels from the
fifth chip on look like is not public."""


class Mode(IntEnum):
    """What the counters of a pixel hold."""

    TOA_TOT = 0
    TOA = 1
    EVENT_ITOT = 2


def from_bytes(data: bytes | bytearray | memoryview) -> Words:
    """Whole words in `data`, as uint64[n]; bytes of an incomplete last one are left out."""
    count = len(data) // WORD_BYTES
    wide = np.zeros((count, 8), np.uint8)
    wide[:, :WORD_BYTES] = np.frombuffer(data, np.uint8, count * WORD_BYTES).reshape(count, WORD_BYTES)
    return wide.view("<u8").reshape(count).astype(np.uint64, copy=False)


def to_bytes(words: Words) -> bytes:
    """The inverse of `from_bytes`."""
    narrow = np.ascontiguousarray(words, "<u8").view(np.uint8).reshape(-1, 8)[:, :WORD_BYTES]
    return narrow.tobytes()


def headers_of(words: Words) -> NDArray[np.uint8]:
    """Header of each word."""
    return ((words >> np.uint64(44)) & np.uint64(0xF)).astype(np.uint8)


def encode_word(header: int, value: NDArray | int = 0) -> Words:
    """Words of any header with a value of 44 bits (offset, frame marks, counts, triggers)."""
    return place(header, 44, 4) | place(value, 0, 44)


def encode_pixels(
    x: NDArray,
    y: NDArray,
    high: NDArray,
    middle: NDArray,
    low: NDArray,
    *,
    chip: NDArray | int = 0,
    generation: int = 1,
) -> Words:
    """Pixel words by their three counters, of 14, 10 and 4 bits.

    Those are ToA, ToT and fine ToA (TOA_TOT); ToA, 0 and fine ToA (TOA); iToT, events and 0 (EVENT_ITOT).
    With the fast oscillator off, the last one is the hit count instead, in every mode. ValueError for a chip
    that a generation has no header for.
    """
    headers = np.array(GENERATIONS[generation].pixels, np.int64)
    chips = np.asarray(chip).astype(np.int64)
    if np.any((chips < 0) | (chips >= len(headers))):
        raise ValueError(
            f"chip {int(chips.max())}: words of generation {generation} have chips 0 to {len(headers) - 1}"
        )
    return (
        place(headers[chips], 44, 4)
        | place(y, 36, 8)
        | place(x, 28, 8)
        | place(high, 14, 14)
        | place(middle, 4, 10)
        | place(low, 0, 4)
    )


def pixel_fields(words: Words) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray, NDArray, NDArray]:
    """(x, y, high, middle, low) of pixel words; the counters as int64."""
    x, y = field(words, 28, 8).astype(np.uint8), field(words, 36, 8).astype(np.uint8)
    return x, y, field(words, 14, 14), field(words, 4, 10), field(words, 0, 4)
