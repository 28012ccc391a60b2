"""The demo's raster: a collimated source, seen by a window of an emulated Katherine on an emulated stage."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hitline.ioc.emulators.world.pixels import FrontEnd
from hitline.plans import Raster, Spot, raster

from .threshold import PATIENCE_S, codes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WINDOW = (slice(123, 133), slice(123, 133))
"""[y, x] of the pixels that count: a square in the middle."""
WINDOW_MM = 10 * 0.055
SOURCE_MM = (0.8, -0.6, 3.0)
"""Place of the source, and its diameter: what the raster must find."""
RATE_HZ = 4e5
BIAS_V = 100.0
"""The sensor of the emulator is depleted."""
ABOVE_E = 900.0
"""Threshold above the noise, electrons: twelve times its width, half of a photon of Fe-55."""
HALF_MM, POINTS, EXPOSURE_S = 3.0, 13, 0.02
NEAR_MM = 0.1


@dataclass(frozen=True)
class Image:
    """What the raster gave."""

    raster: Raster
    picture: Path

    @property
    def spot(self) -> Spot | None:
        """The source as it was found."""
        return self.raster.spot()

    @property
    def good(self) -> bool:
        """Whether place and size are those of the source."""
        if (spot := self.spot) is None:
            return False
        found = (spot.x, spot.y, spot.diameter)
        return all(abs(a - b) < NEAR_MM for a, b in zip(found, SOURCE_MM, strict=True))

    @property
    def text(self) -> str:
        """The result in one line."""
        x, y, diameter = SOURCE_MM
        return f"source at {self.spot or 'no place'} mm (the world's: ({x:g}, {y:g}), diameter {diameter:g})"

    @property
    def row(self) -> dict[str, float]:
        """For summary.json."""
        spot = self.spot
        return {"x_mm": spot.x, "y_mm": spot.y, "diameter_mm": spot.diameter} if spot else {}

    def draw(self, axes: "Axes") -> None:
        """Draw the image."""
        self.raster.draw(axes)


def scan(engine: Any, devices: Any, seed: int, save: Path) -> Image:
    """Open the shutter on a window of pixels and move the detector through the beam."""
    kat, world = devices.kat1, devices.world1
    front = FrontEnd(seed)
    trims = front.best_trim()
    kat.voltage_set.set(BIAS_V).wait(PATIENCE_S)
    kat.pulses.set("Off").wait(PATIENCE_S)
    kat.pixels.set(codes(trims, WINDOW)).wait(PATIENCE_S)
    threshold = front.centre_step(trims)[WINDOW].mean() + ABOVE_E / front.e_per_step
    kat.threshold.set(round(float(threshold))).wait(PATIENCE_S)
    x, y, diameter = SOURCE_MM
    for name, value in (
        ("spot_x", x), ("spot_y", y), ("spot_size", diameter), ("source_rate", RATE_HZ), ("shutter", "Open"),
    ):  # fmt: skip
        getattr(world, name).set(value).wait(PATIENCE_S)
    image = Raster(aperture=WINDOW_MM, save=save)
    grid = (-HALF_MM, HALF_MM, POINTS)
    engine(raster(kat, devices.x, *grid, devices.y, *grid, exposure=EXPOSURE_S), image)
    world.shutter.set("Closed").wait(PATIENCE_S)
    return Image(image, save)
