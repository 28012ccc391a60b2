"""Where each chip's pixels lie on the detector."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Layout:
    """Chips of 256 x 256 pixels on one plane, origin bottom-left, X to the right, Y upwards.

    `places` has one row per chip number: X0, dX/dx, dX/dy, Y0, dY/dx, dY/dy with which a chip's own x, y
    become `X = X0 + dX/dx * x + dX/dy * y` and the same for Y. Chips beyond the last row are not on this
    detector.
    """

    name: str
    width: int
    """Pixels."""
    height: int
    places: tuple[tuple[int, int, int, int, int, int], ...]

    def table(self) -> np.ndarray:
        """Give `places` as int64[chips, 6]."""
        return np.array(self.places, np.int64)


SINGLE = Layout("single", 256, 256, ((0, 1, 0, 0, 0, 1),))
"""One chip."""

QUAD = Layout(
    "quad",
    512,
    512,
    (
        (256, 1, 0, 0, 0, 1),
        (511, -1, 0, 511, 0, -1),
        (255, -1, 0, 511, 0, -1),
        (0, 1, 0, 0, 0, 1),
    ),
)
"""Four chips without a gap, as `bus.formats.quad` has them: 3 and 0 below, 2 and 1 above and upside down."""

TILES = Layout("tiles", 512, 512, tuple((256 * (n % 2), 1, 0, 256 * (n // 2), 0, 1) for n in range(4)))
"""Up to four chips side by side, 0 and 1 below, 2 and 3 above: a picture of chips whose true places are not
known. Those that touch here are no neighbours."""
