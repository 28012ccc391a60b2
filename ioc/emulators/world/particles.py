"""Particles on their way into a sensor: what a source sends, with the truth of each of them.

Lengths in mm from the middle of the detector, energies in keV, angles in rad, times in ticks of 1.5625 ns.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from .chance import Floats, Ints

TICKS_PER_S = 640_000_000
SLICE = 1 << 23
"""Ticks (13.1 ms) for which a source's particles are made at once."""
KINDS = ("xray", "electron", "alpha", "muon", "ion")
"""What a particle can be; `Particles.kind` is the index here."""
XRAY, ELECTRON, ALPHA, MUON, ION = range(5)
ANGLE_MAX = 80.0
"""Degrees from the normal; a particle at a larger angle would run along the whole sensor."""
RATE_MAX = 1e8
"""Particles per second; their number in a slice must fit its 21 bits of the id."""
SOURCES_MAX = 16
_MASS_KEV = 510.999
"""Of an electron."""


@dataclass(frozen=True)
class Source:
    """Something that sends particles of one kind."""

    kind: str = "xray"
    """One of KINDS."""
    rate_hz: float = 1e4
    """Particles per second that arrive at the detector (in the spot, or all over it)."""
    lines: tuple[tuple[float, float], ...] = ((5.9, 1.0),)
    """(energy in keV, weight) of each line. For muons the energy is kept but does not matter."""
    angle_deg: tuple[float, float] = (0.0, 0.0)
    """Smallest and largest angle to the normal; between them the directions of an even radiation."""
    beta: bool = False
    """The lines are end points of beta spectra (allowed shape, no Coulomb correction), not energies."""
    let_kev_um: float = 20.0
    """What an ion leaves on its way, keV per um; it stops when its energy is used up."""
    collimated: bool = True
    """It goes through shutter and collimator; the others (cosmic muons) come from everywhere, always."""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"source of kind {self.kind!r}: must be one of {', '.join(KINDS)}")
        if not 0 <= self.rate_hz <= RATE_MAX:
            raise ValueError(f"source of {self.rate_hz} particles per second: must be 0 to {RATE_MAX:g}")
        if not any(weight > 0 for _, weight in self.lines) or any(e <= 0 or w < 0 for e, w in self.lines):
            raise ValueError(
                f"lines {self.lines}: energies (keV) must be above 0, weights not below, not all 0"
            )
        low, high = self.angle_deg
        if not 0 <= low <= high <= ANGLE_MAX:
            raise ValueError(f"angles {low} to {high} degrees: must rise and be 0 to {ANGLE_MAX:g}")
        if not self.let_kev_um > 0:
            raise ValueError(f"ions that leave {self.let_kev_um} keV/um: must be above 0")


FE55 = Source("xray", 1e4, ((5.895, 0.88), (6.49, 0.12)))
"""K lines of manganese; energies and rounded weights as in the X-Ray Data Booklet."""
AM241_GAMMA = Source("xray", 1e3, ((59.54, 0.6), (13.9, 0.2), (17.8, 0.2)))
"""The gamma line and two groups of L lines of neptunium; the weights are an assumption of this scene."""
AM241 = Source("alpha", 1e2, ((5486.0, 0.85), (5443.0, 0.13), (5388.0, 0.02)), (0.0, 60.0))
"""Alpha lines as in the tables of nuclides; no air and no window before the sensor."""
SR90 = Source("electron", 1e3, ((546.0, 0.5), (2280.0, 0.5)), (0.0, 60.0), beta=True)
"""Strontium in balance with yttrium: two end points."""
COSMIC = Source("muon", 10.0, ((4e6, 1.0),), (0.0, ANGLE_MAX), collimated=False)
"""Far more often than at sea level (1 per cm2 and minute), so that one need not wait."""
CARBON = Source("ion", 1e2, ((5e6, 1.0),), (40.0, 75.0), let_kev_um=25.0)
"""About a carbon ion of 400 MeV per nucleon."""
PRESETS = dict(zip(KINDS, (FE55, SR90, AM241, COSMIC, CARBON), strict=True))
"""A source of each kind."""


@dataclass(frozen=True)
class Particles:
    """Particles in order of time; equal-length arrays."""

    id: Ints
    """int64: unique in its world; hits name it."""
    kind: NDArray[np.uint8]
    """Index into KINDS."""
    source: NDArray[np.uint8]
    """Index of its source in the world."""
    energy: Floats
    """float64, keV, before the sensor."""
    let: Floats
    """float64, keV/um; 0 but for ions."""
    x: Floats
    """float64, mm from the middle: where it enters the sensor's back (the side away from the pixels)."""
    y: Floats
    theta: Floats
    """float64, rad to the normal of the sensor."""
    phi: Floats
    """float64, rad: direction of flight in the plane, 0 is towards larger x."""
    t: Ints
    """int64, ticks: when it enters."""

    def __len__(self) -> int:
        return len(self.id)

    def take(self, which: NDArray | slice) -> "Particles":
        """Those that a slice or an index or mask array chooses."""
        return Particles(*(getattr(self, column.name)[which] for column in fields(self)))

    def at(self, x: Floats, y: Floats) -> "Particles":
        """The same ones in other places."""
        return replace(self, x=x, y=y)

    @classmethod
    def concat(cls, parts: Sequence["Particles"]) -> "Particles":
        """All of them, in the order given; at least one part."""
        return cls(
            *(np.concatenate([getattr(part, column.name) for part in parts]) for column in fields(cls))
        )


def particles_of(source: Source, number: int, seed: int, index: int, rate: float = 1.0) -> Particles:
    """What source `number` (0 to 15) sends in slice `index` of time: [index, index + 1) * SLICE ticks.

    rate: factor on its rate. Positions are even in (0, 1), for the world to place. Depends on the arguments
    only.
    """
    rng = np.random.default_rng((seed, number, index))
    count = min(int(rng.poisson(source.rate_hz * rate * SLICE / TICKS_PER_S)), (1 << 21) - 1)
    low, high = np.sin(np.radians(source.angle_deg)) ** 2
    return Particles(
        id=(index << 25 | number << 21) + np.arange(count),
        kind=np.full(count, KINDS.index(source.kind), np.uint8),
        source=np.full(count, number, np.uint8),
        t=np.sort(rng.integers(index * SLICE, (index + 1) * SLICE, count)),
        energy=_energies(source, rng, count),
        let=np.full(count, source.let_kev_um if source.kind == "ion" else 0.0),
        x=rng.random(count),
        y=rng.random(count),
        # As many through a plane as come from there: the sine squared is even (Lambert's cosine law).
        theta=np.arcsin(np.sqrt(rng.uniform(low, high, count))),
        phi=rng.uniform(-np.pi, np.pi, count),
    )


def _energies(source: Source, rng: np.random.Generator, count: int) -> Floats:
    energies, weights = (np.array(column, float) for column in zip(*source.lines, strict=True))
    line = np.searchsorted(np.cumsum(weights) / weights.sum(), rng.random(count))
    if not source.beta:
        return energies[line]
    share = rng.random(count)
    out = np.empty(count)
    for index, end in enumerate(energies.tolist()):
        mine = line == index
        out[mine] = np.interp(share[mine], *_beta(end))
    return out


@cache
def _beta(end_kev: float) -> tuple[Floats, Floats]:
    """(share of electrons below it, energy in keV) of an allowed beta spectrum without Coulomb correction."""
    energy = np.linspace(0.0, end_kev, 257)
    middle = (energy[1:] + energy[:-1]) / 2
    momentum = np.sqrt(middle * (middle + 2 * _MASS_KEV))
    below = np.cumsum(momentum * (middle + _MASS_KEV) * (end_kev - middle) ** 2)
    return np.concatenate(([0.0], below / below[-1])), np.maximum(energy, 1e-3)
