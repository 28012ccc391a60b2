"""The hit image: hits per pixel."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from ...bus.attribute import Attribute
from .base import HitBatch
from .counting import Counting, saturated

SIDE = 512


@dataclass(frozen=True)
class ImageOptions:
    """Options of the hit image."""

    of: str = field(default="run", metadata={"choices": ("run", "exposure")})
    """Whether it begins anew with each run or with each exposure."""


class Image(Counting):
    """Hits per pixel, row 0 at the bottom of the detector, late hits included; events where pixels count."""

    SHAPES: ClassVar[dict[str, tuple[int, ...]]] = {"image": (SIDE, SIDE), "size": (2,)}
    outputs: ClassVar[tuple[Attribute, ...]] = (
        Attribute(
            "image",
            "<i4",
            "Hits per pixel. Row by row, the lowest row first.",
            shape=(SIDE, SIDE),
            pv="image1:ArrayData",
        ),
        Attribute("image_width", "int", "Columns of the image.", unit="px", pv="image1:ArraySize0_RBV"),
        Attribute("image_height", "int", "Rows of the image.", unit="px", pv="image1:ArraySize1_RBV"),
        Attribute("image_total", "int", "Hits in the image.", pv="Stats1:Total_RBV"),
        Attribute("image_max", "int", "Hits of the brightest pixel.", pv="Stats1:MaxValue_RBV"),
        Attribute("image_max_x", "int", "Column of the brightest pixel.", unit="px", pv="Stats1:MaxX_RBV"),
        Attribute("image_max_y", "int", "Row of the brightest pixel.", unit="px", pv="Stats1:MaxY_RBV"),
    )
    Options: ClassVar[type | None] = ImageOptions

    def __init__(self, options: ImageOptions | None = None) -> None:
        from ..kernels.histogram import count_pixels

        self._count_pixels = count_pixels
        self._of = (options or ImageOptions()).of
        if self._of not in ("run", "exposure"):
            raise ValueError(f"image: of = {self._of!r} is neither 'run' nor 'exposure'")
        super().__init__()

    def exposure_begin(self) -> None:
        """Begin anew when the image is to be of the exposure."""
        if self._of == "exposure":
            self.counts["image"][:] = 0

    def hits(self, batch: HitBatch) -> None:
        """Count hits at their pixels."""
        self.counts["size"][:] = batch.height, batch.width
        if batch.events is None:
            self._count_pixels(self.counts["image"], batch.x, batch.y)
        else:
            np.add.at(self.counts["image"], (batch.y, batch.x), batch.events)

    def results(self) -> dict[str, Any]:
        """Give the image in the size of the detector; before the first hit in the largest."""
        height, width = (size or SIDE for size in self.counts["size"].tolist())
        counts = self.counts["image"][:height, :width]
        y, x = divmod(int(counts.argmax()), width)
        return {
            "image": saturated(counts),
            "image_width": width,
            "image_height": height,
            "image_total": int(counts.sum()),
            "image_max": int(counts[y, x]),
            "image_max_x": x,
            "image_max_y": y,
        }
