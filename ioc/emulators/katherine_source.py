"""What the pixels of an emulated Katherine see of the world."""

import numpy as np

from ..protocols.katherine.matrix import SIDE
from .katherine_chip import Setting
from .pixels import Truth
from .scene import TICKS_PER_S, Scene

PREPARED = 20_000
"""Hits that come again and again."""


class SceneSource:
    """The same stretch of a scene over and over."""

    def __init__(self, seed: int, rate_hz: float) -> None:
        scene = Scene(seed=seed, rate_hz=rate_hz, side=SIDE)
        self._hits = scene.hits(PREPARED)
        self._period = int(PREPARED / rate_hz * TICKS_PER_S)

    def hits(self, start: int, stop: int, setting: Setting, opened: int) -> Truth:
        """See `katherine_frames.Source`."""
        made = self._hits
        parts = []
        for turn in range(start // self._period, (stop - 1) // self._period + 1):
            begin = turn * self._period
            low, high = np.searchsorted(made.t, (start - begin, stop - begin))
            parts.append((slice(int(low), int(high)), begin))
        x, y, tot, particle = (
            np.concatenate([getattr(made, name)[part] for part, _ in parts])
            for name in ("x", "y", "tot", "particle")
        )
        t = np.concatenate([made.t[part] + begin for part, begin in parts])
        on = setting.pixels.mask[y, x] == 0
        return Truth(x[on], y[on], t[on], tot[on], particle[on])
