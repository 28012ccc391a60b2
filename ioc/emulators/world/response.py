"""How a pixel turns charge into ToT and into a delay, and how often its noise alone makes a hit.

* ToT(E) = a E + b - c / (E - t), in steps of 25 ns, E in keV: the usual curve of Timepix (Jakubek).
  At the pixel's threshold it is 0. With the threshold goes t, one below it by c / (a E1 + b), and b falls
  by a for each keV above E1 = 3.62 keV (1000 electrons): the pulse is over sooner when it is cut higher.
* Time walk: dt(E) = A / (E - E0) + D, ns. Form and A = 23.8, D = -1.07 as calibrated for one chip in public
  files; there E0 was 1.7 keV, here it goes with the threshold, 1.9 keV below it.
* Noise hits: a level of height h is crossed f0 exp(-h^2 / (2 n^2)) times a second (Rice 1944), n the noise
  rms; f0 = 1 / (2 pi tau) for a CR-RC shaper with tau = 25 ns, an assumption of this scene. A pixel that is
  busy counts nothing, which bounds the rate.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .chance import Floats
from .tracks import PAIR_KEV

E1_KEV = 1000 * PAIR_KEV
TOT_MAX = 1022
"""Largest count of ToT."""
STEP_TICKS = 16
"""Ticks of 1.5625 ns in a step of ToT, 25 ns."""
DEAD_TICKS = 304
"""475 ns that a pixel needs after the end of its pulse before it sees another one (Timepix3, data driven)."""
ZERO_CROSSINGS_HZ = 1 / (2 * np.pi * 25e-9)
NOISE_TOT = 1.5
"""Mean ToT of a noise hit beyond the first step; an assumption of this scene."""
_WALK_NS, _WALK_BELOW_KEV, _WALK_OFFSET_NS = 23.8, 1.9, -1.07
_TICK_NS = 1.5625


@dataclass(frozen=True)
class Curve:
    """The curve of ToT of each pixel at its threshold; a in 1/keV, c in keV, t in keV. Equal shapes."""

    a: Floats
    b: Floats
    c: Floats
    t: Floats

    def tot(self, energy_kev: Floats) -> Floats:
        """ToT, steps of 25 ns, not rounded; for energies above t."""
        return self.a * energy_kev + self.b - self.c / (energy_kev - self.t)

    def energy_kev(self, tot: Floats) -> Floats:
        """The inverse: energy for a ToT."""
        part = self.b + self.t * self.a - tot
        return (self.t * self.a + tot - self.b + np.sqrt(part * part + 4 * self.a * self.c)) / (2 * self.a)


def curve(a: Floats, b: Floats, c: Floats, threshold_e: Floats) -> Curve:
    """Give the curve at a threshold, from what it is at 1000 electrons."""
    threshold = threshold_e * PAIR_KEV
    return Curve(a, b - a * (threshold - E1_KEV), c, threshold - c / (a * E1_KEV + b))


def walk_ticks(energy_kev: Floats, threshold_e: Floats) -> Floats:
    """Delay of the moment at which a pulse crosses the threshold, ticks."""
    above = energy_kev - threshold_e * PAIR_KEV
    return np.maximum(_WALK_NS / (above + _WALK_BELOW_KEV) + _WALK_OFFSET_NS, 0.0) / _TICK_NS


def noise_rate_hz(threshold_e: Floats, noise_e: Floats, mask: NDArray | None = None) -> Floats:
    """Hits per second of the noise of each pixel; 0 where mask is true. Equal shapes."""
    crossings = ZERO_CROSSINGS_HZ * np.exp(-0.5 * (threshold_e / noise_e) ** 2)
    dead_s = (DEAD_TICKS + STEP_TICKS * (1 + NOISE_TOT)) * _TICK_NS * 1e-9
    rate = crossings / (1 + crossings * dead_s)
    return rate if mask is None else np.where(mask, 0.0, rate)
