"""The detector's clock against this computer's, from when words arrived: a first fit (pure)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
BINS = 16
LONG_S = 20.0
"""A longer exposure has a slope fitted as well: clocks drift by some 10 ppm."""


@dataclass(frozen=True, slots=True)
class Clock:
    """detector = monotonic + offset_s + slope * (monotonic - middle_s), wrong by at most error_s."""

    offset_s: float
    slope: float
    middle_s: float
    error_s: float

    def detector(self, monotonic_s: Floats) -> Floats:
        """Detector time of monotonic times, s."""
        return monotonic_s + self.offset_s + self.slope * (monotonic_s - self.middle_s)


def fit(points: Floats, latency_s: float) -> Clock:
    """Fit (detector time of the last hit, monotonic time of arrival) of blocks, float64[blocks, 2], s.

    Nothing arrives before it was made, so the fastest blocks tell, and they are taken to have been under
    way for anything from nothing to `latency_s`: half of that is in the error,
    as is what the fastest tenth scatters. Raises ValueError without blocks.
    """
    if not len(points):
        raise ValueError("no hits came, so that nothing tells the detector's time")
    made_s, at_s = points[:, 0], points[:, 1]
    ahead_s = made_s - at_s
    begin_s, end_s = float(at_s.min()), float(at_s.max())
    middle_s = (begin_s + end_s) / 2
    which = np.minimum(((at_s - begin_s) / max(end_s - begin_s, 1e-9) * BINS).astype(int), BINS - 1)
    bins = np.unique(which)
    fastest = np.array([np.flatnonzero(which == n)[np.argmax(ahead_s[which == n])] for n in bins])
    slope = 0.0
    if end_s - begin_s > LONG_S and len(bins) > BINS // 2:
        slope = float(np.polyfit(at_s[fastest], ahead_s[fastest], 1)[0])
    rest_s = ahead_s - slope * (at_s - middle_s)
    best_s = float(rest_s.max())
    fast = np.sort(rest_s)[-max(len(rest_s) // 10, 2) :]
    return Clock(best_s + latency_s / 2, slope, middle_s, latency_s / 2 + best_s - float(fast.min()))
