"""From chips to one picture: the four chips of a quad as they are mounted, seen as the hits are numbered.

Origin bottom left, X to the right, Y up. Chips 0 and 3 stand upright in the lower row (3 left), chips 1 and 2
turned by 180 degrees in the upper row (2 left). Pictures for a screen have their origin at the top left:
`screen` turns Y over, as areaDetector's images want it.
"""

import numpy as np
from numpy.typing import NDArray

from .times import Ints

SIDE = 256
"""Pixels along the side of a chip."""
QUAD_SIDE = 2 * SIDE


def stitch(chip: NDArray, x: NDArray, y: NDArray, *, gap: int = 0, side: int = SIDE) -> tuple[Ints, Ints]:
    """Coordinates on the quad of pixels on their chips.

    chip: 0 to 3. x, y: 0 to side - 1 on the chip. gap: pixels left free between the chips (the canvas is then
    2*side + gap wide). Returns int64 arrays (X, Y). Raises ValueError for other chips.
    """
    chip, x, y = (np.asarray(value, np.int64) for value in (chip, x, y))
    if np.any((chip < 0) | (chip > 3)):
        raise ValueError(f"chip {int(chip.max())} is not on a quad: chips are 0 to 3")
    turned = (chip == 1) | (chip == 2)
    right, upper = chip < 2, turned
    local_x, local_y = np.where(turned, side - 1 - x, x), np.where(turned, side - 1 - y, y)
    return local_x + right * (side + gap), local_y + upper * (side + gap)


def unstitch(big_x: NDArray, big_y: NDArray, *, gap: int = 0, side: int = SIDE) -> tuple[Ints, Ints, Ints]:
    """(chip, x, y) of pixels of the quad; inverse of `stitch`. Raises ValueError in the gap or outside."""
    big_x, big_y = np.asarray(big_x, np.int64), np.asarray(big_y, np.int64)
    right, upper = big_x >= side + gap, big_y >= side + gap
    x, y = big_x - right * (side + gap), big_y - upper * (side + gap)
    if np.any((x < 0) | (x >= side) | (y < 0) | (y >= side)):
        raise ValueError(f"a pixel lies in the gap or outside of the quad: 0 to {2 * side + gap - 1}")
    chip = np.where(right, np.where(upper, 1, 0), np.where(upper, 2, 3))
    return chip, np.where(upper, side - 1 - x, x), np.where(upper, side - 1 - y, y)


def add_to_image(image: Ints, chip: NDArray, x: NDArray, y: NDArray) -> None:
    """Count hits into `image`, int64[512, 512], row Y, column X, origin bottom left."""
    big_x, big_y = stitch(chip, x, y)
    image += np.bincount(big_y * QUAD_SIDE + big_x, minlength=image.size).reshape(image.shape)


def screen(big_y: NDArray, *, gap: int = 0, side: int = SIDE) -> Ints:
    """Row from the top of a picture for Y from the bottom, and the other way round."""
    return 2 * side + gap - 1 - np.asarray(big_y, np.int64)
