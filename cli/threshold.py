"""The demo's threshold scan: test pulses in an emulated Katherine, their S-curve, and every sum."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from hitline.ioc.emulators.katherine.source import E_PER_MV
from hitline.ioc.emulators.world.pixels import FrontEnd
from hitline.plans import Curve, threshold_scan
from hitline.plans.drawing import draw_one

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PULSED = (slice(8, None, 16), slice(8, None, 16))
"""[y, x] of the pixels with pulses: 256 of them."""
PULSES, VTP_COARSE, VTP_FINE = 100, 116, 200
"""Number, and the DACs of their amplitude: 116 * 5 mV - 200 * 2.5 mV."""
FIRST, LAST, POINTS, EXPOSURE_S = 1750, 1850, 21, 0.02
NEAR_STEPS, NEAR_ERRORS = 1.0, 5.0
"""How near the middle of the curve must be to the emulator's truth."""
PATIENCE_S = 30.0


@dataclass(frozen=True)
class Found:
    """What the scan gave."""

    row: dict[str, int]
    """For summary.json."""
    curve: Curve
    truth: float
    """Middle of the S-curve by the pixels of the emulator."""
    picture: Path

    @property
    def good(self) -> bool:
        """Whether all sums agree, nothing is lost, and the fit is near the truth."""
        row = self.row
        equal = row["hits_sent"] == row["hits_received"] == row["hits_analysed"] > 0
        return equal and row["hits_lost"] == 0 and self.near

    def draw(self, axes: "Axes") -> None:
        """Draw the curve with its fit."""
        draw_one(axes, self.curve, self.curve.quantities[0])
        axes.set_xlabel("threshold (steps of the fine DAC)")

    @property
    def near(self) -> bool:
        """Whether the fit agrees with the truth."""
        fit = self.curve.fits.get("hits")
        if fit is None:
            return False
        middle = fit["midpoint"]
        return abs(middle.value - self.truth) < NEAR_STEPS + NEAR_ERRORS * middle.error

    @property
    def text(self) -> str:
        """The result in one line."""
        fit = self.curve.fits.get("hits")
        if fit is None:
            return f"no fit: {self.curve.problems.get('hits', 'no points')}"
        return f"midpoint {fit['midpoint']}, width {fit['width']} (the emulator's: {self.truth:.1f})"


def scan(engine: Any, kat: Any, seed: int, data: Path, save: Path) -> Found:
    """Pulse the pixels and scan over their amplitude; `data`: folder of run logs."""
    from .measure import logged

    front = FrontEnd(seed)
    trims = front.best_trim()
    kat.pixels.set(codes(trims, PULSED, pulsed=True)).wait(PATIENCE_S)
    for name, code in (("VTP_coarse", VTP_COARSE), ("VTP_fine", VTP_FINE)):
        kat.dac(name).set(code).wait(PATIENCE_S)
    kat.pulse_count.set(PULSES).wait(PATIENCE_S)
    kat.pulses.set("Analogue").wait(PATIENCE_S)
    curve, points = Curve(save=save), []

    def keep(name: str, document: dict[str, Any]) -> None:
        if name == "event":
            points.append(document["data"])

    engine(threshold_scan(kat, FIRST, LAST, POINTS, exposure=EXPOSURE_S, of="pulses"), [curve, keep])
    worker = kat.analyses[0]
    row = {
        "hits_sent": int(kat.hits_sent.get()),
        "hits_received": logged(data / kat.run.get() / kat.name),
        "hits_analysed": sum(point[worker.exposure_hits.name] for point in points),
        "hits_lost": int(kat.hits_lost.get()),
        "clusters": int(worker.clusters.get()),
        "tot_sum": int(worker.tot_sum.get()),
    }
    electrons = (5.0 * VTP_COARSE - 2.5 * VTP_FINE) * E_PER_MV * front.gain
    middles = front.centre_step(trims) + electrons / front.e_per_step
    return Found(row, curve, float(middles[PULSED].mean()), save)


def codes(trims: np.ndarray, where: tuple[slice, slice], *, pulsed: bool = False) -> np.ndarray:
    """Configuration with these trims, uint8[256, 256]: all pixels but those at [y, x] are masked.

    `pulsed`: those take test pulses.
    """
    on = np.ones((256, 256), np.uint8)
    on[where] = 1 << 5 if pulsed else 0
    for bit in range(4):
        on[where] |= ((trims[where] >> 3 - bit) & 1) << 1 + bit
    return on
