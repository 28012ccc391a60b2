"""Hits per pixel of a whole recording."""

import numpy as np

from ..bus.formats.quad import QUAD_SIDE, SIDE, add_to_image
from .recording import Tables

QUAD_RULE = (
    "int64[y, x], origin bottom left; chip 0: (x+256, y), 1: (511-x, 511-y), 2: (255-x, 511-y), 3: (x, y)"
)
SINGLE_RULE = "int64[y, x], origin bottom left"


class Picture:
    """`quad_image`, int64[512, 512] of a quad; `image`, int64[256, 256], of a detector with a single chip."""

    def __init__(self, *, quad: bool) -> None:
        self.quad = quad
        self.name, self.rule = ("quad_image", QUAD_RULE) if quad else ("image", SINGLE_RULE)
        side = QUAD_SIDE if quad else SIDE
        self.image = np.zeros((side, side), np.int64)
        self.left_out = 0
        """Hits on chips that a quad does not have."""

    def add(self, tables: Tables) -> None:
        """Count the hits of another part; pixels of sequential read-out count by word."""
        for columns in (tables[name] for name in ("hits", "counted") if name in tables):
            chip, x, y = (columns[name] for name in ("chip", "x", "y"))
            if self.quad:
                on = chip < 4
                self.left_out += int(len(chip) - np.count_nonzero(on))
                add_to_image(self.image, chip[on], x[on], y[on])
            else:
                flat = y.astype(np.int64) * SIDE + x
                self.image += np.bincount(flat, minlength=self.image.size).reshape(self.image.shape)
