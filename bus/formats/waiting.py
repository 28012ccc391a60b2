"""Words that wait for a global time, with their place in the stream."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from .clock import Fill
from .packets import Chips, Words
from .times import Ints

COLUMNS = {"words": "<u8", "chips": "u1", "types": "u1", "references": "<i8"}


@dataclass(slots=True)
class Part:
    """Consecutive payload words; equal-length columns."""

    start: int
    """Position of the first in the stream."""
    words: Words
    chips: Chips
    types: NDArray[np.uint8]
    """Top bytes."""
    references: Ints
    """What the clock said of each."""

    @property
    def stop(self) -> int:
        """Position behind the last."""
        return self.start + len(self.words)

    def cut(self, stop: int) -> tuple[Self, Self]:
        """The words before position `stop`, and those from it on."""
        at = stop - self.start
        columns = [getattr(self, name) for name in COLUMNS]
        return type(self)(self.start, *(c[:at] for c in columns)), type(self)(
            stop, *(c[at:] for c in columns)
        )

    def fill(self, fill: Fill) -> None:
        """Write what is now known of words that waited."""
        part = slice(max(fill.start - self.start, 0), max(fill.stop - self.start, 0))
        # All timed words of the chip in there waited; what stands with the others is never used.
        self.references[part][self.chips[part] == fill.chip] = fill.value

    def state(self) -> dict[str, NDArray]:
        """Its columns, by name."""
        return {name: getattr(self, name) for name in COLUMNS}

    @classmethod
    def of(cls, start: int, columns: Mapping[str, NDArray]) -> Self:
        """A part from its columns; copies them."""
        return cls(start, *(np.array(columns[name], dtype) for name, dtype in COLUMNS.items()))

    @classmethod
    def join(cls, parts: Iterable[Self]) -> Self:
        """Consecutive parts as one; the columns are new arrays."""
        parts = list(parts)
        columns = (
            np.concatenate([np.empty(0, dtype), *(getattr(part, name) for part in parts)]).astype(dtype)
            for name, dtype in COLUMNS.items()
        )
        return cls(parts[0].start if parts else 0, *columns)
