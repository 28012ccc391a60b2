"""The image of a raster, gathered from its documents: counts over two axes, and where the spot is."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from event_model import DocumentRouter, Event, EventDescriptor, RunStart, RunStop

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STANDS_OUT = 3.0
"""Counts below the background and so many of its roots are not of the spot."""


@dataclass(frozen=True, slots=True)
class Spot:
    """A round spot of even brightness, from the moments of its image."""

    x: float
    y: float
    diameter: float
    """4 standard deviations of the place, which for an even disc is its diameter."""
    counts: float
    """Above the background."""

    def __str__(self) -> str:
        return f"({self.x:.2f}, {self.y:.2f}), diameter {self.diameter:.2f}"


class Raster(DocumentRouter):
    """A callback for `RunEngine.subscribe`.

    image: float64[y, x], counts, NaN where no point was taken yet; x, y: float64, places of its columns and
    rows. aperture: side of what counts, in the unit of the axes, by which the spot is widened; 0 for a point.
    save: file of the picture, written at the end. Made for one run at a time, and reusable.
    """

    def __init__(self, *, aperture: float = 0.0, save: Path | str | None = None) -> None:
        super().__init__()
        self.aperture = aperture
        self._save = Path(save) if save else None
        self.unit = ""
        self.problem = ""
        """Why there is no spot."""
        self._read_grid({})

    def start(self, doc: RunStart) -> None:
        """Begin."""
        told: Mapping[str, Any] = doc  # its own keys, too
        self._read_grid(told.get("raster") or {})

    def _read_grid(self, told: Mapping[str, Any]) -> None:
        self._keys = [told.get(name, "") for name in ("x", "y", "counts")]
        x, y = told.get("grid") or ([0, 1, 2], [0, 1, 2])
        self.x, self.y = np.linspace(*x), np.linspace(*y)
        self.image = np.full((len(self.y), len(self.x)), np.nan)

    def descriptor(self, doc: EventDescriptor) -> None:
        """Take note of the unit."""
        described: Mapping[str, Mapping[str, Any]] = doc["data_keys"]
        self.unit = described.get(self._keys[0], {}).get("units") or self.unit

    def event(self, doc: Event) -> Event:
        """Take a point: it belongs where the axes say that they are."""
        x, y, counts = (doc["data"].get(key) for key in self._keys)
        if x is not None and y is not None and counts is not None:
            row, column = np.abs(self.y - y).argmin(), np.abs(self.x - x).argmin()
            self.image[row, column] = counts
        return doc

    def stop(self, doc: RunStop) -> None:
        """Write the picture."""
        if self._save is None:
            return
        from matplotlib.figure import Figure

        figure = Figure(figsize=(6, 5), layout="constrained")
        self.draw(figure.subplots())
        figure.savefig(self._save, dpi=110)

    def spot(self) -> Spot | None:
        """Where the spot is, and how large; None where `problem` tells why not."""
        missing = int(np.isnan(self.image).sum())
        if missing:
            self.problem = f"{missing} of {self.image.size} points are missing"
            return None
        edge = np.concatenate([self.image[0], self.image[-1], self.image[1:-1, 0], self.image[1:-1, -1]])
        floor = float(np.median(edge))
        light = self.image - floor
        light[light < STANDS_OUT * math.sqrt(max(floor, 1.0))] = 0.0
        if not (total := float(light.sum())) > 0:
            self.problem = f"nothing stands out of the background of {floor:g} counts at the edge"
            return None
        self.problem = ""
        x = float((light.sum(axis=0) * self.x).sum() / total)
        y = float((light.sum(axis=1) * self.y).sum() / total)
        spread = float((light * ((self.x - x) ** 2 + (self.y[:, None] - y) ** 2)).sum() / total) / 2
        return Spot(x, y, 4 * math.sqrt(max(spread - self.aperture**2 / 12, 0.0)), total)

    def draw(self, axes: "Axes") -> None:
        """Draw the image, with a ring where the spot is."""
        from matplotlib.patches import Circle

        half_x, half_y = (abs(places[1] - places[0]) / 2 for places in (self.x, self.y))
        image = self.image[:: 1 if self.y[0] < self.y[-1] else -1, :: 1 if self.x[0] < self.x[-1] else -1]
        shown = axes.imshow(
            image,
            origin="lower",
            extent=(
                self.x.min() - half_x,
                self.x.max() + half_x,
                self.y.min() - half_y,
                self.y.max() + half_y,
            ),
            cmap="viridis",
        )
        axes.figure.colorbar(shown, ax=axes, label="hits")
        unit = f" ({self.unit})" if self.unit else ""
        axes.set_xlabel(f"{self._keys[0]}{unit}")
        axes.set_ylabel(f"{self._keys[1]}{unit}")
        if (spot := self.spot()) is not None:
            axes.add_patch(
                Circle((spot.x, spot.y), spot.diameter / 2, fill=False, color="white", linewidth=1.5)
            )
            axes.set_title(f"spot at {spot}{' ' + self.unit if self.unit else ''}")
