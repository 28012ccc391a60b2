"""Hits that the noise of the pixels makes by itself: independent moments at a rate for each pixel."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from .chance import Floats, Ints
from .particles import SLICE, TICKS_PER_S
from .response import NOISE_TOT

Hits = tuple[Ints, Ints, Ints]
"""Pixel (y * side + x), time in ticks, ToT in steps; in order of time."""


class NoiseMaker:
    """Makes them slice by slice, so that they do not depend on the portions in which they are asked for."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._of: tuple[object, object] = (None, None)
        self._summed = np.zeros(1)
        self._last: tuple[int, float, Floats] | None = None
        self._hits: Hits

    def rates(
        self, threshold_e: Floats, mask: NDArray | None, rate: Callable[[Floats, NDArray | None], Floats]
    ) -> Floats:
        """Running sum of the rates over the pixels, Hz; made anew for other arrays only."""
        if self._of[0] is not threshold_e or self._of[1] is not mask:
            self._of = threshold_e, mask
            self._summed = np.cumsum(rate(threshold_e, mask))
        return self._summed

    def hits(self, start: int, stop: int, summed_hz: Floats, most_hz: float) -> Hits:
        """Hits in [start, stop), ticks."""
        total = min(float(summed_hz[-1]), most_hz)
        parts = [self._slice(index, summed_hz, total) for index in range(start // SLICE, -(-stop // SLICE))]
        if not parts:
            return (np.empty(0, np.int64),) * 3
        pixel, t, tot = (np.concatenate(column) for column in zip(*parts, strict=True))
        low, high = np.searchsorted(t, (start, stop))
        return pixel[low:high], t[low:high], tot[low:high]

    def _slice(self, index: int, summed_hz: Floats, total_hz: float) -> Hits:
        key = self._last
        if key is not None and key[:2] == (index, total_hz) and key[2] is summed_hz:
            return self._hits
        rng = np.random.default_rng((self._seed, 0xA0, index))
        count = int(rng.poisson(total_hz * SLICE / TICKS_PER_S))
        t = np.sort(rng.integers(index * SLICE, (index + 1) * SLICE, count))
        pixel = np.searchsorted(summed_hz, rng.random(count) * summed_hz[-1], side="right")
        tot = 1 + np.floor(rng.exponential(NOISE_TOT, count)).astype(np.int64)
        self._last, self._hits = (index, total_hz, summed_hz), (pixel, t, tot)
        return self._hits
