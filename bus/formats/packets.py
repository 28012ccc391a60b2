"""The 64-bit words of a Timepix3 behind SPIDR: which kinds there are, and their fields in both directions.

Bit positions follow the Serval user manual (raw file format). `words` is always uint64[n], little-endian in
memory; `chips` is uint8[n], the chip that sent each word.
"""

import numpy as np
from numpy.typing import NDArray

from .hits import NO_TIME, Control, Counted, Hits, Tdc
from .times import Ints

Words = NDArray[np.uint64]
Chips = NDArray[np.uint8]

PIXEL, PIXEL_COUNTED = 0xB, 0xA
"""Top nibbles: a pixel with time and charge; a pixel of a sequential read-out."""
TDC_TYPES = (0x6F, 0x6A, 0x6E, 0x6B, 0x4F, 0x4A)
"""TDC1 rising and falling, TDC2 rising and falling; 0x4F and 0x4A are TDC1 of old firmware."""
GLOBAL_LOW, GLOBAL_HIGH = 0x44, 0x45
PACKET_ID = 0x50
SHUTTER_OPEN, SHUTTER_CLOSE, HEARTBEAT = 0x5F, 0x5A, 0x5C
EXTRA_TIME, EXTRA_TIME_MPX3 = 0x51, 0x21

NAMES = {
    0x6F: "TDC1 rising", 0x6A: "TDC1 falling", 0x6E: "TDC2 rising", 0x6B: "TDC2 falling",
    0x4F: "TDC1 rising, old firmware", 0x4A: "TDC1 falling, old firmware",
    GLOBAL_LOW: "global time, low", GLOBAL_HIGH: "global time, high", PACKET_ID: "packet counter",
    SHUTTER_OPEN: "shutter open", SHUTTER_CLOSE: "shutter close", HEARTBEAT: "heartbeat",
    EXTRA_TIME: "extra time stamp", EXTRA_TIME_MPX3: "extra time stamp, Medipix3",
    **{0x70 | low: "chip command echo" for low in range(16)},
    **{PIXEL << 4 | low: "pixel" for low in range(16)},
    **{PIXEL_COUNTED << 4 | low: "pixel, sequential" for low in range(16)},
}  # fmt: skip
"""Every top byte with a meaning."""

KNOWN = np.isin(np.arange(256), list(NAMES))
"""bool[256]: whether a top byte has a meaning."""
IS_TDC = np.isin(np.arange(256), TDC_TYPES)
"""bool[256]: whether a top byte is that of a trigger."""

IS_CONTROL = np.isin(np.arange(256) >> 4, (PIXEL, PIXEL_COUNTED), invert=True) & ~IS_TDC
"""bool[256]: whether a top byte is anything else than a pixel, a trigger or the packet counter."""
IS_CONTROL[PACKET_ID] = False


def types_of(words: Words) -> NDArray[np.uint8]:
    """Top byte of each word."""
    return (words >> np.uint64(56)).astype(np.uint8)


def field(words: Words, low: int, bits: int) -> Ints:
    """Bits `low` to `low + bits - 1` as int64 (bits < 64)."""
    return ((words >> np.uint64(low)) & np.uint64((1 << bits) - 1)).astype(np.int64)


def place(value: NDArray | int, low: int, bits: int) -> Words:
    """The inverse of `field`; refuses a value that does not fit."""
    wide = np.asarray(value).astype(np.int64)
    if np.any((wide < 0) | (wide >> bits != 0)):
        raise ValueError(f"{wide.min()} to {wide.max()} does not fit in {bits} bits (0 to {(1 << bits) - 1})")
    return wide.astype(np.uint64) << np.uint64(low)


def coordinates(words: Words) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """(x, y) on the chip from the pixel address: double column, super pixel, pixel."""
    x = field(words, 52, 8) & 0xFE | field(words, 46, 1)
    y = field(words, 45, 8) & 0xFC | field(words, 44, 2)
    return x.astype(np.uint8), y.astype(np.uint8)


def coarse30(words: Words) -> Ints:
    """Time of a pixel word without its fine part: 30 bits of 25 ns."""
    return field(words, 0, 16) << 14 | field(words, 30, 14)


def decode_pixels(words: Words, chips: Chips, coarse: Ints) -> Hits:
    """Pixel words (0xB) to hits; `coarse` is the absolute time of each, int64 steps of 25 ns."""
    x, y = coordinates(words)
    ftoa = field(words, 16, 4)
    return Hits(
        chip=chips,
        x=x,
        y=y,
        toa=field(words, 30, 14).astype(np.uint16),
        tot=field(words, 20, 10).astype(np.uint16),
        ftoa=ftoa.astype(np.uint8),
        spidr=field(words, 0, 16).astype(np.uint16),
        t_unwrapped=(coarse << 4) - ftoa,
    )


def encode_pixels(
    x: NDArray, y: NDArray, toa: NDArray, tot: NDArray, ftoa: NDArray, spidr: NDArray, kind: int = PIXEL
) -> Words:
    """Pixel words from their fields; for PIXEL_COUNTED pass itot, events, hit count in their places."""
    x, y = np.asarray(x, np.int64), np.asarray(y, np.int64)
    address = place(x >> 1, 53, 7) | place(y >> 2, 47, 6) | place(x & 1, 46, 1) | place(y & 3, 44, 2)
    values = place(toa, 30, 14) | place(tot, 20, 10) | place(ftoa, 16, 4) | place(spidr, 0, 16)
    return address | values | np.uint64(kind << 60)


def decode_counted(words: Words, chips: Chips) -> Counted:
    """Pixel words of a sequential read-out (0xA)."""
    x, y = coordinates(words)
    return Counted(
        chip=chips,
        x=x,
        y=y,
        itot=field(words, 30, 14).astype(np.uint16),
        events=field(words, 20, 10).astype(np.uint16),
        hit_count=field(words, 16, 4).astype(np.uint8),
        spidr=field(words, 0, 16).astype(np.uint16),
    )


def valid_fine(fine: NDArray) -> NDArray[np.bool_]:
    """Whether the fine time of a trigger is one that the TDC can give."""
    return (fine >= 1) & (fine <= 12)


def decode_tdc(words: Words, chips: Chips, absolute: Ints) -> Tdc:
    """Trigger words; `absolute` is the absolute coarse time of each, int64 steps of 3.125 ns."""
    fine = field(words, 5, 4)
    valid = valid_fine(fine)
    return Tdc(
        chip=chips,
        type=types_of(words),
        counter=field(words, 44, 12).astype(np.uint16),
        coarse35=field(words, 9, 35),
        fine=fine.astype(np.uint8),
        abs=np.where(valid, absolute, NO_TIME),
        units12=np.where(valid, absolute * 12 + fine - 1, NO_TIME),
    )


def encode_tdc(type: NDArray | int, counter: NDArray, coarse35: NDArray, fine: NDArray) -> Words:
    """Trigger words from their fields."""
    return place(type, 56, 8) | place(counter, 44, 12) | place(coarse35, 9, 35) | place(fine, 5, 4)


def encode_global_time(coarse: Ints) -> tuple[Words, Words]:
    """(low words, high words) that tell a global time of 48 bits, steps of 25 ns."""
    spidr = place((coarse >> 14) & 0xFFFF, 0, 16)
    low = place(coarse & 0xFFFFFFFF, 16, 32) | spidr | np.uint64(GLOBAL_LOW << 56)
    return low, place(coarse >> 32, 16, 16) | spidr | np.uint64(GLOBAL_HIGH << 56)


def encode_packet_id(counter: NDArray | int) -> Words:
    """Packet counter words (48 bits)."""
    return place(counter, 0, 48) | np.uint64(PACKET_ID << 56)


def encode_shutter(type: int, coarse: NDArray | int) -> Words:
    """Shutter open or close, or heartbeat, at a time of 34 bits in steps of 25 ns."""
    return place(coarse, 12, 34) | np.uint64(type << 56)


def control_time(control: Control) -> Ints:
    """Time in shutter and heartbeat words, steps of 25 ns, modulo 2**34 (429 s); NO_TIME for other words."""
    has_time = np.isin(control.type, (SHUTTER_OPEN, SHUTTER_CLOSE, HEARTBEAT))
    return np.where(has_time, field(control.word, 12, 34), NO_TIME)
