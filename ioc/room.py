"""Room on the disk that a station's data go to, and how long it lasts at the rate at which it shrinks."""

import os
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

SPAN_S = 30.0
"""The rate is that of so long: shorter jumps with each file, longer is late to tell."""
LONGEST_S = 1e7
"""Shown for a disk that does not fill."""


class Room:
    """Looks at the disk of a folder, which need not be there yet."""

    def __init__(self, folder: Path, *, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._folder, self._clock_s = folder, clock_s
        self._looks: deque[tuple[float, int]] = deque()

    def look(self) -> tuple[int, float]:
        """Give free bytes and the seconds until there are none. May wait for the disk; OSError as it says."""
        folder = next(place for place in (self._folder, *self._folder.parents) if place.exists())
        status = os.statvfs(folder)
        return self.found(status.f_bavail * status.f_frsize)

    def found(self, free: int) -> tuple[int, float]:
        """Take what was found now."""
        now_s = self._clock_s()
        while self._looks and now_s - self._looks[0][0] > SPAN_S:
            self._looks.popleft()
        self._looks.append((now_s, free))
        began_s, before = self._looks[0]
        gone = before - free
        return free, min(LONGEST_S, free * (now_s - began_s) / gone) if gone > 0 else LONGEST_S
