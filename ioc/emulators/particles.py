"""Particles on their way into a sensor: what a source sends, with the truth of each of them.

Lengths in mm from the middle of the detector, energies in keV, angles in rad, times in ticks of 1.5625 ns.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from .chance import Floats, Ints

KINDS = ("xray", "electron", "alpha", "muon", "ion")
"""What a particle can be; `Particles.kind` is the index here."""
ANGLE_MAX = 80.0
"""Degrees from the normal; a particle at a larger angle would run along the whole sensor."""


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
    """Smallest and largest angle to the normal; all directions between are equally likely."""
    beta: bool = False
    """The lines are end points of beta spectra, not energies."""
    let_kev_um: float = 20.0
    """What an ion leaves on its way, keV per um; it stops when its energy is used up."""
    collimated: bool = True
    """It goes through shutter and collimator; the others (cosmic muons) come from everywhere, always."""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"source of kind {self.kind!r}: must be one of {', '.join(KINDS)}")
        if not 0 <= self.rate_hz <= 1e8:
            raise ValueError(f"source of {self.rate_hz} particles per second: must be 0 to 1e8")
        if not self.lines or any(energy <= 0 or weight < 0 for energy, weight in self.lines):
            raise ValueError(f"lines {self.lines}: energies in keV must be above 0 and weights not below it")
        low, high = self.angle_deg
        if not 0 <= low <= high <= ANGLE_MAX:
            raise ValueError(f"angles {low} to {high} degrees: must rise and be 0 to {ANGLE_MAX}")
        if not self.let_kev_um > 0:
            raise ValueError(f"ions that leave {self.let_kev_um} keV/um: must be above 0")


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

    def take(self, which: NDArray) -> "Particles":
        """Those that an index or mask array chooses."""
        return Particles(*(getattr(self, column.name)[which] for column in fields(self)))

    @classmethod
    def concat(cls, parts: Sequence["Particles"]) -> "Particles":
        """All of them, in the order given."""
        return cls(
            *(np.concatenate([getattr(part, column.name) for part in parts]) for column in fields(cls))
        )


def particles_of(
    source: Source, number: int, rng: np.random.Generator, start: int, stop: int, rate: float = 1.0
) -> Particles:
    """What source `number` sends in [start, stop), ticks; positions in (0, 1), for the world to place."""
    raise NotImplementedError
