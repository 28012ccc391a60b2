"""Where a particle leaves its charge in silicon: points along its way.

Lengths in um; z is the height above the pixels: a particle enters at z = thickness and flies towards 0.

Numbers and their sources:
* 3.62 eV for an electron-hole pair, Fano factor 0.115: usual values for silicon at room temperature.
* Attenuation of X-rays: NIST's tables (XCOM) at 2.33 g/cm3, between them straight in the logarithms. One
  point takes all the energy: the way of the photoelectron, escape and Compton scattering are left out.
* Alphas: range 28 um at 5.486 MeV (NIST ASTAR), as energy to the power 1.5; the charge sits at 0.6 of it.
  Dead layer of the back 0.5 um at 140 keV/um: an assumption of this scene.
* Muons: most probable loss 0.28 keV/um in 500 um, width xi 0.0178 keV/um (Landau for a minimum-ionising
  particle in silicon); fluctuations by Moyal's form, at most 20 keV/um (harder knocks leave as electrons),
  of the whole way and of how it is shared out to its parts.
* Ions: the same loss all along, 5 % rms in each step: an assumption; no delta electrons.
* Electrons: see `curls`.
"""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from .chance import Floats, Ints, normal, uniform
from .curls import curls
from .particles import ALPHA, ELECTRON, ION, MUON, XRAY, Particles

PAIR_KEV = 3.62e-3
"""Energy of an electron-hole pair."""
FANO = 0.115
STEP_UM = 27.0
"""Longest way between two points in the plane of the pixels, about half a pixel."""
DEPTH_UM = 70.0
"""Longest way between two points in depth."""
_DEAD_KEV = 70.0
# fmt: off
_XRAY_KEV = np.array([
    1.0, 1.5, 1.838, 1.839, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0,
    10.0, 15.0, 20.0, 30.0, 40.0, 50.0, 60.0, 80.0, 100.0, 150.0,
])
_CM2_G = np.array([
    1570.0, 535.0, 309.0, 3192.0, 2777.0, 978.0, 453.0, 245.0, 147.0, 64.7,
    33.9, 10.3, 4.46, 1.44, 0.701, 0.439, 0.321, 0.223, 0.184, 0.145,
])
# fmt: on


@dataclass(frozen=True)
class Points:
    """Points of charge, those of a particle together; equal-length arrays.

    particle: int64, index into the particles, rising. x, y, z: float64, um, x and y from the middle of the
    detector. electrons: float64.
    """

    particle: Ints
    x: Floats
    y: Floats
    z: Floats
    electrons: Floats

    def take(self, which: NDArray) -> "Points":
        """Those that an index or mask array chooses."""
        return Points(*(getattr(self, column.name)[which] for column in fields(self)))


def points_of(particles: Particles, thickness_um: float, seed: int) -> Points:
    """All points of all particles."""
    parts = []
    for kind, way in ((XRAY, _xray), (ELECTRON, _electron), (ALPHA, _alpha), (MUON, _muon), (ION, _ion)):
        which = np.flatnonzero(particles.kind == kind)
        if len(which):
            mine = particles.take(which) if len(which) < len(particles) else particles
            index, ahead, left, up, electrons = way(mine, thickness_um, seed)
            turn = mine.phi[index]
            cos, sin = np.cos(turn), np.sin(turn)
            x = mine.x[index] * 1e3 + ahead * cos - left * sin
            y = mine.y[index] * 1e3 + ahead * sin + left * cos
            parts.append((which[index], x, y, up, electrons))
    if not parts:
        nothing = np.empty(0)
        return Points(np.empty(0, np.int64), nothing, nothing, nothing, nothing)
    if len(parts) == 1:
        return Points(*parts[0])
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    order = np.argsort(columns[0], kind="stable")
    return Points(*(column[order] for column in columns))


Way = tuple[Ints, Floats, Floats, Floats, Floats]
"""Index of the particle, way ahead (in its direction), to the left, z (all um), electrons."""


def _xray(particles: Particles, thickness: float, seed: int) -> Way:
    cm2_g = np.exp(np.interp(np.log(particles.energy), np.log(_XRAY_KEV), np.log(_CM2_G)))
    way = -np.log(uniform(particles.id, 1, seed)) * (1e4 / 2.33) / cm2_g
    down = way * np.cos(particles.theta)
    index = np.flatnonzero(down < thickness)
    pairs = particles.energy[index] / PAIR_KEV
    pairs += np.sqrt(FANO * pairs) * normal(particles.id[index], 2, seed)
    ahead = (way * np.sin(particles.theta))[index]
    return index, ahead, np.zeros(len(index)), thickness - down[index], pairs


def _alpha(particles: Particles, thickness: float, seed: int) -> Way:
    way = 0.6 * 28.0 * (particles.energy / 5486.0) ** 1.5
    cos = np.cos(particles.theta)
    left = particles.energy - _DEAD_KEV / cos + 8.0 * normal(particles.id, 2, seed)
    up = np.maximum(thickness - way * cos, 0.0)
    ahead = way * np.sin(particles.theta)
    return np.arange(len(particles)), ahead, np.zeros(len(particles)), up, np.maximum(left, 0.0) / PAIR_KEV


def _muon(particles: Particles, thickness: float, seed: int) -> Way:
    length = thickness / np.cos(particles.theta)
    index, number, step, share = _line(particles, thickness, length)
    parts = _landau(step, _moyal((particles.id[index] << 8) + number, 3, seed))
    # Added up, Moyal's form has lost its tail, which Landau's keeps: the whole way has a draw of its own.
    whole = _landau(length, _moyal(particles.id, 7, seed))
    loss = parts * (whole / np.bincount(index, parts, len(length)))[index]
    return index, *_along(particles, thickness, index, share), loss / PAIR_KEV


def _moyal(number: Ints, stream: int, seed: int) -> Floats:
    return -2 * np.log(np.abs(normal(number, stream, seed)) + 1e-9)


def _landau(length: Floats, moyal: Floats) -> Floats:
    """Loss in keV over a way."""
    return length * np.clip(0.28 + 0.0178 * (np.log(length / 500.0) + moyal), 0.02, 20.0)


def _ion(particles: Particles, thickness: float, seed: int) -> Way:
    reach = np.minimum(thickness / np.cos(particles.theta), particles.energy / particles.let)
    index, number, step, share = _line(particles, thickness, reach)
    luck = 1 + 0.05 * normal((particles.id[index] << 8) + number, 3, seed)
    loss = step * particles.let[index] * np.maximum(luck, 0.0)
    ahead, left, up = _along(particles, thickness, index, share)
    return index, ahead, left, up, loss / PAIR_KEV


def _line(particles: Particles, thickness: float, length: Floats) -> tuple[Ints, Ints, Floats, Floats]:
    """Steps of straight ways: (index of the particle, number of the step, its length, middle from entry)."""
    flat, deep = length * np.sin(particles.theta) / STEP_UM, length * np.cos(particles.theta) / DEPTH_UM
    steps = np.clip(np.ceil(np.maximum(flat, deep)), 1, 255).astype(np.int64)
    index = np.repeat(np.arange(len(particles)), steps)
    number = np.arange(len(index)) - np.repeat(np.cumsum(steps) - steps, steps)
    step = (length / steps)[index]
    return index, number, step, (number + 0.5) * step


def _along(particles: Particles, thickness: float, index: Ints, way: Floats) -> tuple[Floats, Floats, Floats]:
    ahead, down = way * np.sin(particles.theta)[index], way * np.cos(particles.theta)[index]
    return ahead, np.zeros(len(index)), thickness - down


def _electron(particles: Particles, thickness: float, seed: int) -> Way:
    """A prepared curl, tilted by the angle, cut where it leaves the sensor for the first time."""
    library = curls(seed)
    entry = library.choose(particles.energy, uniform(particles.id, 4, seed))
    begin, sizes = library.begins[entry], library.begins[entry + 1] - library.begins[entry]
    index = np.repeat(np.arange(len(particles)), sizes)
    first = np.cumsum(sizes) - sizes
    row = np.arange(len(index)) + np.repeat(begin - first, sizes)
    cos, sin = np.cos(particles.theta)[index], np.sin(particles.theta)[index]
    way, aside = library.ahead[row], library.aside[row]
    down = way * cos - aside * sin
    outside = (down < 0) | (down > thickness)
    # Where it has left it does not come back: whatever follows the first point outside is gone too.
    gone = np.cumsum(outside)
    kept = np.flatnonzero(gone == np.repeat(gone[first] - outside[first], sizes))
    index, row, down = index[kept], row[kept], down[kept]
    ahead = way[kept] * sin[kept] + aside[kept] * cos[kept]
    energy = library.loss[row] * (particles.energy / library.energy[entry])[index]
    return index, ahead, library.left[row], thickness - down, energy / PAIR_KEV
