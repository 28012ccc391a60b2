"""What one detector sees of the world: particles, sensor and pixels joined, as hits in order of time."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .chance import Floats
from .pixels import FrontEnd
from .sensor import Sensor
from .truth import Truth
from .world import World

START_STEP = 1750
"""Threshold step to begin with, 1000 electrons above the middle of the noise of an average pixel."""


@dataclass
class View:
    """Set bias, thresholds and mask at any time; they hold for the hits asked for from then on.

    bias_v: V at the sensor. threshold_e: float64[side, side], electrons (see `FrontEnd.threshold_e`); None:
    trims that equalise the pixels, at START_STEP. mask: bool[side, side], true: off. noise: with hits that
    noise makes.
    """

    world: World
    sensor: Sensor = field(default_factory=Sensor)
    front: FrontEnd = field(default_factory=FrontEnd)
    bias_v: float = 150.0
    threshold_e: Floats | None = None
    mask: NDArray | None = None
    noise: bool = True

    def __post_init__(self) -> None:
        if self.sensor.side != self.front.side:
            raise ValueError(
                f"sensor of {self.sensor.side} pixels on a chip of {self.front.side}: must be equal"
            )
        self._equalised = self.front.threshold_e(START_STEP, self.front.best_trim())
        self._busy = np.zeros((self.front.side, self.front.side))
        self._next = -1
        self._later = Truth.none()

    def hits(self, start: int, stop: int) -> Truth:
        """Hits with times in [start, stop), ticks, in order of time.

        Goes on where the last call ended: a hit of its last particles that comes later is in the next one.
        After a gap nothing is left of before.
        """
        if start != self._next:
            self._busy[:] = 0
            self._later = Truth.none()
        deposits = self.sensor.deposit(self.world.particles(start, stop), self.bias_v)
        threshold = self._equalised if self.threshold_e is None else self.threshold_e
        parts = [self._later, self.front.respond(deposits, threshold, self.mask, self._busy)]
        if self.noise:
            parts.append(self.front.noise_hits(start, stop, threshold, self.mask))
        whole = Truth.merged(*parts)
        end = int(np.searchsorted(whole.t, stop))
        self._later, self._next = whole.take(slice(end, None)), stop
        return whole.take(slice(0, end))
