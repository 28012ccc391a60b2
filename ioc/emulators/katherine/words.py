"""From what happened in the pixels to the words of a Katherine, and the record of what was put into them."""

from dataclasses import dataclass, fields

import numpy as np
from hitline.bus.formats import katherine_words as wire
from hitline.bus.formats.katherine_words import Header, Mode
from hitline.bus.formats.packets import Words
from numpy.typing import NDArray

from ...protocols.katherine.matrix import SIDE
from ..world.chance import Ints
from ..world.response import NOISE_TOT
from ..world.truth import NOISE, Truth
from .chip import Setting

TOT_MAX, EVENTS_MAX, ITOT_MAX, COUNT_MAX, FTOA_MAX = 1022, 1022, 16382, 14, 15
"""Where the counters stop. That of iToT is what a counter of 14 bits gives; a public note says 1022."""
VALUE_MAX = (1 << 44) - 1


@dataclass(frozen=True)
class Hits:
    """Pixels as they were put into words, in the order of sending; equal-length arrays.

    What the mode does not carry is 0. x, y, ftoa, hit_count: uint8. toa, tot, itot, events: uint16.
    window: int64, the part of the time above the 14 bits of toa. t: int64, ticks of 1.5625 ns on the chip's
    timer as the words tell it, with the shift of clock phases taken out again. particle: int64, id in the
    world, or NOISE or PULSE; of several hits in one word the first.
    """

    x: NDArray[np.uint8]
    y: NDArray[np.uint8]
    toa: NDArray[np.uint16]
    tot: NDArray[np.uint16]
    ftoa: NDArray[np.uint8]
    hit_count: NDArray[np.uint8]
    itot: NDArray[np.uint16]
    events: NDArray[np.uint16]
    window: Ints
    t: Ints
    particle: Ints

    def __len__(self) -> int:
        return len(self.x)

    @classmethod
    def concat(cls, parts: "list[Hits]") -> "Hits":
        """All of them, in the order given."""
        return cls(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(cls)))

    def take(self, which: NDArray | slice) -> "Hits":
        """Those that an index, a mask or a slice chooses."""
        return Hits(*(getattr(self, f.name)[which] for f in fields(self)))


def timed(truth: Truth, setting: Setting, count: NDArray | int = 1) -> Hits:
    """Hits with times: modes ToA+ToT and ToA."""
    coarse_ticks, phases = setting.coarse_ticks, setting.pll.phases_real
    # The clock of a double column is late by its phase, so its counter stands lower.
    shift = (truth.x.astype(np.int64) >> 1) % phases * (coarse_ticks // phases)
    at = truth.t - shift
    coarse = -(-at // coarse_ticks)
    fine = np.minimum(coarse * coarse_ticks - at, FTOA_MAX) if setting.general.fast else np.zeros_like(at)
    none = np.zeros(len(truth), np.uint16)
    slow = 0 if setting.general.fast else 1
    return Hits(
        truth.x.astype(np.uint8),
        truth.y.astype(np.uint8),
        (coarse & 0x3FFF).astype(np.uint16),
        np.minimum(truth.tot, TOT_MAX).astype(np.uint16) if setting.general.mode == Mode.TOA_TOT else none,
        fine.astype(np.uint8),
        (np.minimum(np.broadcast_to(count, len(truth)), COUNT_MAX) * slow).astype(np.uint8),
        none,
        none,
        coarse >> 14,
        coarse * coarse_ticks - fine + shift,
        truth.particle,
    )


def first_of_each(truth: Truth, setting: Setting) -> Hits:
    """One word for each pixel that was hit, with its first hit, as a frame is read."""
    pixel = truth.y.astype(np.int64) << 16 | truth.x
    _, first, count = np.unique(pixel, return_index=True, return_counts=True)
    return timed(truth.take(first), setting, count)


def counted(truth: Truth, setting: Setting, noise: Ints | None = None) -> Hits:
    """One word for each pixel that was hit, with how often and the sum of its ToT.

    noise: int64[y, x], how often each pixel fired by noise beside that, with NOISE_TOT steps on average.
    """
    shape = (SIDE, SIDE)
    count, itot = np.zeros(shape, np.int64), np.zeros(shape)
    np.add.at(count, (truth.y, truth.x), 1)
    np.add.at(itot, (truth.y, truth.x), truth.tot)
    particle = np.full(shape, NOISE)
    # The first one stays: later ones are written before it.
    particle[truth.y[::-1], truth.x[::-1]] = truth.particle[::-1]
    if noise is not None:
        count, itot = count + noise, itot + np.rint(noise * (1 + NOISE_TOT))
    y, x = np.nonzero(count)
    count, itot = count[y, x], itot[y, x]
    none, wide = np.zeros(len(x), np.uint16), np.zeros(len(x), np.int64)
    slow = 0 if setting.general.fast else 1
    return Hits(
        x.astype(np.uint8),
        y.astype(np.uint8),
        none,
        none,
        none.astype(np.uint8),
        (np.minimum(count, COUNT_MAX) * slow).astype(np.uint8),
        np.minimum(itot, ITOT_MAX).astype(np.uint16),
        np.minimum(count, EVENTS_MAX).astype(np.uint16),
        wide,
        wide,
        particle[y, x],
    )


def pixel_words(hits: Hits, setting: Setting, generation: int) -> Words:
    """Words of pixels; those of the second generation have the number of the chip, 0, for a header."""
    if setting.general.mode == Mode.EVENT_ITOT:
        counters = (hits.itot, hits.events, hits.hit_count)
    else:
        counters = (hits.toa, hits.tot, hits.ftoa if setting.general.fast else hits.hit_count)
    return wire.encode_pixels(hits.x, hits.y, *counters, generation=generation)


def with_offsets(words: Words, windows: Ints, last: int) -> tuple[Words, int]:
    """Put an offset word before each pixel whose window is another than that of the one before (`last`)."""
    if not len(words):
        return words, last
    change = np.flatnonzero(np.diff(windows, prepend=last))
    offsets = wire.encode_word(Header.OFFSET, windows[change] & 0xFFFFFFFF)
    return np.insert(words, change, offsets), int(windows[-1])


def opening(start_25ns: int) -> Words:
    """A frame begins at a time of 48 bits in steps of 25 ns."""
    return np.concatenate([_word(Header.NEW_FRAME), *_time(Header.START_LOW, Header.START_HIGH, start_25ns)])


def closing(end_25ns: int, sent: int, lost: int) -> Words:
    """A frame ends; hits that the readout lost itself are told only if there are any."""
    parts = _time(Header.END_LOW, Header.END_HIGH, end_25ns)
    return np.concatenate(
        [*parts, *([_word(Header.LOST, lost)] if lost else []), _word(Header.FINISHED, sent)]
    )


def aborted() -> Words:
    """The measurement was aborted."""
    return _word(Header.ABORTED)


def trigger(generation: int, number: int, at_25ns: int) -> Words:
    """What is sent of a trigger; the layout of its values is not public, so these are only told apart.

    First generation: one word 0x2 with the time. Second: 0x4 with the low half of the time, 0x6 with a count.
    """
    first, second = wire.GENERATIONS[generation].triggers
    if generation == 1:
        return _word(first, at_25ns & VALUE_MAX)
    return np.concatenate([_word(first, at_25ns & 0xFFFFFFFF), _word(second, number & VALUE_MAX)])


def _word(header: int, value: int = 0) -> Words:
    return np.atleast_1d(wire.encode_word(header, value))


def _time(low: Header, high: Header, steps: int) -> list[Words]:
    return [_word(low, steps & 0xFFFFFFFF), _word(high, steps >> 32 & 0xFFFF)]
