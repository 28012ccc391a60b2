"""Prepared ways of electrons through silicon without end, to be tilted, turned and cut to a sensor.

Straight steps of 20 um, between which the direction is scattered. Numbers and their sources:
* Loss: 0.352 keV/um at 1 MeV, as (velocity)^-1.4 below, which meets NIST's ESTAR (collision losses) within
  some 10 % from 30 keV to 3 MeV; 50 % rms in each step is an assumption of this scene.
* Scattering: Highland's formula as in the Review of Particle Physics, radiation length 93.7 mm.
* Below 40 keV (range below 20 um) the rest is left on the spot.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from .chance import Floats, Ints

STEP_UM = 20.0
ENERGIES = np.geomspace(5.0, 4000.0, 56)
"""keV. The charge of a way is scaled from the nearest of these to the electron's energy, by 6 % or less."""
EACH = 16
"""Ways for each energy."""
STEPS = 250
"""Longest way, 5 mm."""
_MASS = 510.999
_REST_KEV = 40.0


@dataclass(frozen=True)
class Curls:
    """Ways one after the other; `begins` has one more entry than there are ways.

    ahead: float64, um in the direction of the start. aside, left: float64, um, the other two axes. loss:
    float64, keV left at the point. energy: float64, keV, of each way. begins: int64, its first row.
    """

    ahead: Floats
    aside: Floats
    left: Floats
    loss: Floats
    energy: Floats
    begins: Ints

    def choose(self, energy: Floats, luck: Floats) -> Ints:
        """Number of a way for each energy (keV), by a number in (0, 1)."""
        scale = np.log(energy / ENERGIES[0]) / np.log(ENERGIES[-1] / ENERGIES[0]) * (len(ENERGIES) - 1)
        nearest = np.clip(np.rint(scale), 0, len(ENERGIES) - 1).astype(np.int64)
        return nearest * EACH + (luck * EACH).astype(np.int64)


@lru_cache(maxsize=4)
def curls(seed: int) -> Curls:
    """The library of a seed."""
    rng = np.random.default_rng((seed, 0xE1))
    start = np.repeat(ENERGIES, EACH)
    energy, place = start.copy(), np.zeros((3, len(start)))
    heading = np.zeros((3, len(start)))
    heading[0] = 1.0
    places, losses = [], []
    for _ in range(STEPS):
        beta = np.sqrt(energy * (energy + 2 * _MASS)) / (energy + _MASS)
        mean = STEP_UM * 0.352 * (0.941 / np.maximum(beta, 0.05)) ** 1.4
        loss = np.minimum(mean * rng.gamma(4.0, 0.25, len(start)), energy)
        stops = energy - loss < _REST_KEV
        loss = np.where(stops, energy, loss)
        places.append(place + heading * np.where(stops, np.minimum(STEP_UM, energy / 4), STEP_UM) / 2)
        losses.append(loss)
        place = place + heading * STEP_UM
        energy = energy - loss
        heading = _scattered(heading, energy, rng)
        if not energy.any():
            break
    walked, left = np.array(places), np.array(losses)
    way, step = np.nonzero(left.T > 0)
    begins = np.concatenate(([0], np.cumsum((left > 0).sum(axis=0))))
    ahead, aside, across = walked[step, :, way].T
    return Curls(ahead, aside, across, left[step, way], start, begins)


def _scattered(heading: np.ndarray, energy: Floats, rng: np.random.Generator) -> np.ndarray:
    """Directions float64[3, n] after a step, for the energy (keV) that is left; what has stopped stays."""
    energy = np.maximum(energy, 1.0)
    momentum = np.sqrt(energy * (energy + 2 * _MASS))
    part = STEP_UM / 93_700.0
    rms = 13_600.0 * (energy + _MASS) / momentum**2 * np.sqrt(part) * (1 + 0.038 * np.log(part))
    bend, turn = rms * np.sqrt(2 * rng.exponential(1.0, len(energy))), rng.uniform(0, 2 * np.pi, len(energy))
    bend = np.minimum(bend, np.pi)
    # Any direction across the heading; its smallest component gives one that is far from parallel.
    other = np.zeros_like(heading)
    other[np.argmin(np.abs(heading), axis=0), np.arange(heading.shape[1])] = 1.0
    across = np.cross(heading, other, axis=0)
    across /= np.linalg.norm(across, axis=0)
    third = np.cross(heading, across, axis=0)
    new = heading * np.cos(bend) + (across * np.cos(turn) + third * np.sin(turn)) * np.sin(bend)
    return new / np.linalg.norm(new, axis=0)
