"""A planar silicon sensor: from particles to the charge that reaches each pixel, and when."""

from dataclasses import dataclass

import numpy as np
from hitline.bus.formats.quad import SIDE
from numpy.typing import NDArray

from .chance import Floats, Ints
from .particles import Particles


@dataclass(frozen=True)
class Deposits:
    """Charge in pixels, by particle; equal-length arrays.

    x, y: uint16, pixels of the whole picture. t: float64, ticks of 1.5625 ns: when the charge arrives.
    electrons: float64. particle: int64, `Particles.id`.
    """

    x: NDArray[np.uint16]
    y: NDArray[np.uint16]
    t: Floats
    electrons: Floats
    particle: Ints

    def __len__(self) -> int:
        return len(self.t)


@dataclass
class Sensor:
    """p-on-n silicon of one bump-bonded chip or a quad of them, lit from the back."""

    thickness_um: float = 500.0
    depletion_v: float = 60.0
    side: int = SIDE
    pitch_um: float = 55.0
    seed: int = 1

    def deposit(self, particles: Particles, bias_v: float) -> Deposits:
        """Charge that the pixels collect of each particle at a bias of |bias_v| V."""
        raise NotImplementedError
