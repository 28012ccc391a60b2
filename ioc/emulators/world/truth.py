"""What happened: the known answer behind the words of a readout."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .chance import Ints

NOISE, PULSE = -1, -2
"""`Truth.particle` of hits that no particle made."""


@dataclass(frozen=True)
class Truth:
    """What happened, in time order; equal-length arrays.

    x, y: uint16, pixels of the whole picture, origin bottom left. t: int64, ticks of 1.5625 ns since the
    timer's zero. tot: uint16, steps of 25 ns. particle: int64, which particle made the hit; NOISE, PULSE.
    Two particles close in space and time make one cluster, so the count of particles bounds that of clusters.
    """

    x: NDArray[np.uint16]
    y: NDArray[np.uint16]
    t: Ints
    tot: NDArray[np.uint16]
    particle: Ints

    def __len__(self) -> int:
        return len(self.t)

    def take(self, which: NDArray | slice) -> "Truth":
        """Those that a slice or an index or mask array chooses."""
        return Truth(self.x[which], self.y[which], self.t[which], self.tot[which], self.particle[which])

    @classmethod
    def none(cls) -> "Truth":
        """Nothing at all."""
        pixels, times = np.empty(0, np.uint16), np.empty(0, np.int64)
        return cls(pixels, pixels, times, pixels, times)

    @classmethod
    def merged(cls, *parts: "Truth") -> "Truth":
        """All of them, in order of time; at least one."""
        columns = ("x", "y", "t", "tot", "particle")
        whole = cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in columns))
        return whole.take(np.argsort(whole.t, kind="stable"))
