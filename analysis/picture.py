"""Hits per pixel of a whole recording."""

import numpy as np
from numpy.typing import NDArray

from ..bus.formats.quad import QUAD_SIDE, SIDE, add_to_image
from .recording import Tables

QUAD_RULE = (
    "int64[y, x], origin bottom left; chip 0: (x+256, y), 1: (511-x, 511-y), 2: (255-x, 511-y), 3: (x, y)"
)
SINGLE_RULE = "int64[y, x], origin bottom left"
TILES_RULE = (
    "int64[y, x], origin bottom left; chip n: (x + 256 (n mod 2), y + 256 (n div 2)), side by side, "
    "for where the chips lie is not known"
)


class Picture:
    """`quad_image`, int64[512, 512], of a quad; `image` of others, int64[256, 256] if chip 0 is alone."""

    def __init__(self, *, quad: bool) -> None:
        self.quad = quad
        self.name = "quad_image" if quad else "image"
        self._counts = np.zeros((QUAD_SIDE, QUAD_SIDE), np.int64)
        self._single = not quad
        self.left_out = 0
        """Hits on chips that a quad does not have."""

    def add(self, tables: Tables) -> None:
        """Count the hits of another part; pixels of sequential read-out count by word."""
        for columns in (tables[name] for name in ("hits", "counted") if name in tables):
            chip, x, y = (columns[name] for name in ("chip", "x", "y"))
            on = chip < 4
            self.left_out += int(len(chip) - np.count_nonzero(on))
            chip, x, y = chip[on], x[on], y[on]
            if self.quad:
                add_to_image(self._counts, chip, x, y)
            else:
                self._single &= not np.any(chip)
                chip = chip.astype(np.int64)
                flat = (y + SIDE * (chip >> 1)) * QUAD_SIDE + x + SIDE * (chip & 1)
                self._counts += np.bincount(flat, minlength=self._counts.size).reshape(self._counts.shape)

    @property
    def image(self) -> NDArray[np.int64]:
        """The picture so far."""
        return self._counts[:SIDE, :SIDE] if self._single else self._counts

    @property
    def rule(self) -> str:
        """Where hits are placed in it."""
        return QUAD_RULE if self.quad else SINGLE_RULE if self._single else TILES_RULE
