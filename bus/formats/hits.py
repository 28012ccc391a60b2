"""Decoded tables: equal-length numpy columns, one class per kind of thing that a detector sends.

Times are int64 ticks of 1.5625 ns (1/640 MHz, the step of the fine time of Timepix3); the epoch is the zero
of the detector's own timer, usually the start of the measurement. Columns are compact; whoever writes a file
widens them (`widened`). A table owns its columns and nobody writes to them after it was made.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

TICK_NS = 1.5625
"""One tick of every time column, in ns."""
TICKS_PER_COARSE = 16
"""Ticks in one step of the 40 MHz clock (25 ns)."""
T_MODULUS = 1 << 34
"""Ticks after which the time in a Timepix3 pixel word repeats: 26.8435456 s."""
NO_TIME = int(np.iinfo(np.int64).min)
"""Stands in a time column where the detector said that it has no valid time."""


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Base of the tables: columns as dataclass fields, their dtypes in `DTYPES`, in the same order."""

    DTYPES: ClassVar[dict[str, str]] = {}

    @classmethod
    def empty(cls) -> Self:
        """A table of no rows."""
        return cls(*(np.empty(0, dtype) for dtype in cls.DTYPES.values()))

    @classmethod
    def concat(cls, tables: Iterable[Self]) -> Self:
        """Tables one after the other; the columns are new arrays."""
        parts = [table for table in tables if len(table)]
        if not parts:
            return cls.empty()
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in cls.DTYPES))

    def __len__(self) -> int:
        return len(getattr(self, fields(self)[0].name))

    def take(self, index: NDArray | slice) -> Self:
        """Rows by index array, mask or slice (a slice gives views)."""
        return type(self)(*(getattr(self, name)[index] for name in self.DTYPES))

    def widened(self) -> dict[str, NDArray[np.int64]]:
        """Every column as int64, by name."""
        return {name: getattr(self, name).astype(np.int64) for name in self.DTYPES}


@dataclass(frozen=True, slots=True, eq=False)
class Hits(Table):
    """Pixel hits with time and charge, in the order of the stream unless sorted."""

    DTYPES: ClassVar[dict[str, str]] = {
        "chip": "u1",
        "x": "u1",
        "y": "u1",
        "toa": "<u2",
        "tot": "<u2",
        "ftoa": "u1",
        "spidr": "<u2",
        "t_unwrapped": "<i8",
    }

    chip: NDArray[np.uint8]
    """Index of the chip, 0 to 15."""
    x: NDArray[np.uint8]
    """Column on the chip, 0 to 255, from the left."""
    y: NDArray[np.uint8]
    """Row on the chip, 0 to 255, from the bottom."""
    toa: NDArray[np.uint16]
    """Time of arrival, 14 bit, steps of 25 ns."""
    tot: NDArray[np.uint16]
    """Time over threshold, 10 bit, steps of 25 ns; 1022 and 1023 mean saturated."""
    ftoa: NDArray[np.uint8]
    """Fine time, 4 bit, ticks of 1.5625 ns to subtract."""
    spidr: NDArray[np.uint16]
    """SPIDR time, 16 bit, steps of 409.6 us."""
    t_unwrapped: NDArray[np.int64]
    """Absolute time, ticks of 1.5625 ns; a hit just before the timer's zero is negative."""

    @property
    def t(self) -> NDArray[np.int64]:
        """Time as the word itself has it, ticks, modulo 2**34; computed on each call."""
        coarse = self.spidr.astype(np.int64) << 14 | self.toa
        return ((coarse << 4) - self.ftoa) % T_MODULUS


@dataclass(frozen=True, slots=True, eq=False)
class Tdc(Table):
    """Time stamps of the trigger inputs."""

    DTYPES: ClassVar[dict[str, str]] = {
        "chip": "u1",
        "type": "u1",
        "counter": "<u2",
        "coarse35": "<i8",
        "fine": "u1",
        "abs": "<i8",
        "units12": "<i8",
    }

    chip: NDArray[np.uint8]
    """Index of the chip that sent this copy."""
    type: NDArray[np.uint8]
    """Top byte of the word: 0x6F TDC1 rising, 0x6A TDC1 falling, 0x6E TDC2 rising, 0x6B TDC2 falling."""
    counter: NDArray[np.uint16]
    """Trigger counter, 12 bit, shared by both edges of an input."""
    coarse35: NDArray[np.int64]
    """Coarse time, 35 bit, steps of 3.125 ns."""
    fine: NDArray[np.uint8]
    """Fine time, valid from 1 to 12, steps of 3.125/12 ns above 1."""
    abs: NDArray[np.int64]
    """Absolute coarse time, steps of 3.125 ns; NO_TIME where `fine` is not valid."""
    units12: NDArray[np.int64]
    """Absolute time, 12*abs + fine - 1, steps of 3.125/12 ns (1/3840 MHz); NO_TIME where `fine` is not
    valid."""


@dataclass(frozen=True, slots=True, eq=False)
class Counted(Table):
    """Pixels read out in sequential (frame) mode: counts in place of a time."""

    DTYPES: ClassVar[dict[str, str]] = {
        "chip": "u1",
        "x": "u1",
        "y": "u1",
        "itot": "<u2",
        "events": "<u2",
        "hit_count": "u1",
        "spidr": "<u2",
    }

    chip: NDArray[np.uint8]
    x: NDArray[np.uint8]
    y: NDArray[np.uint8]
    itot: NDArray[np.uint16]
    """Integrated time over threshold, 14 bit, steps of 25 ns."""
    events: NDArray[np.uint16]
    """Events counted, 10 bit."""
    hit_count: NDArray[np.uint8]
    """Hit counter, 4 bit."""
    spidr: NDArray[np.uint16]
    """SPIDR time of the read-out, 16 bit, steps of 409.6 us."""


@dataclass(frozen=True, slots=True, eq=False)
class Control(Table):
    """Words that are neither pixels nor triggers: timer, shutter, heartbeat, command echoes, unknown ones."""

    DTYPES: ClassVar[dict[str, str]] = {"chip": "u1", "type": "u1", "word": "<u8"}

    chip: NDArray[np.uint8]
    type: NDArray[np.uint8]
    """Top byte of the word."""
    word: NDArray[np.uint64]
    """The word as it came."""
