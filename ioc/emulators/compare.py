"""Position compare: an output of a controller that gives a pulse at each of many places (pure).

When pulses come is worked out from the moves of the rail when somebody asks, to the precision of the clock.
Hardware looks at its encoder from time to time: a pulse comes up to `jitter_s` late.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .rail import Rail

MOST = 100_000
"""Places of one output."""
KEPT = 4
"""Times that it was armed, for who asks late."""


@dataclass(frozen=True)
class Armed:
    """Places of pulses, and the time in which they were wanted."""

    rail: Rail
    places: NDArray[np.float64]
    late_s: NDArray[np.float64]
    since_s: float
    until_s: float = math.inf

    def pulses(self, since_s: float, until_s: float) -> Iterator[float]:
        """When the carriage came by a place in that direction, and the pulse within this time."""
        most_s = float(self.late_s.max(initial=0.0))
        up = len(self.places) < 2 or self.places[1] > self.places[0]
        early, late = max(since_s - most_s, self.since_s), min(until_s, self.until_s)
        for travel, ended_s in self.rail.travels:
            begin, end = max(early, travel.stretches[0].begun_s), min(late, ended_s, travel.ends_s)
            if begin >= end or (travel.goal > travel.stretches[0].place) != up:
                continue
            way = 1 if up else -1
            low, high = (travel.at(t)[0] * way for t in (begin, end))
            first, last = np.searchsorted(self.places * way, (low - 1.0, high + 1.0))
            for n in range(int(first), int(last)):
                at_s = travel.crosses(float(self.places[n]), up=up)
                if at_s is not None and self.since_s <= at_s < min(ended_s, self.until_s):
                    at_s += float(self.late_s[n])
                    if since_s <= at_s < until_s:
                        yield at_s


@dataclass
class Compare:
    """One output; places are those of the rail's counter. `lose` and `extra` are numbers, from 1; 0: none."""

    rail: Rail
    jitter_s: float = 0.0
    seed: int = 1
    lose: int = 0
    """The pulse that does not come."""
    extra: int = 0
    """The pulse after which another one comes, half a pitch on."""
    _armed: tuple[Armed, ...] = ()

    def arm(self, first: float, pitch: float, last: float) -> None:
        """Give pulses at first, first + pitch, ... up to last from now on, in the direction of pitch."""
        self.disarm()
        count = min(int((last - first) / pitch + 1e-6) + 1, MOST) if (last - first) * pitch >= 0 else 0
        given = [float(n) for n in range(count) if n + 1 != self.lose]
        if 0 < self.extra <= count:
            given = sorted([*given, self.extra - 0.5])
        places = first + np.array(given) * pitch
        late_s = np.random.default_rng(self.seed).uniform(0.0, self.jitter_s, len(places))
        self._armed = (*self._armed[-KEPT + 1 :], Armed(self.rail, places, late_s, self.rail.clock()))

    def disarm(self) -> None:
        """Give no more."""
        if self._armed and math.isinf(self._armed[-1].until_s):
            self._armed = (*self._armed[:-1], replace(self._armed[-1], until_s=self.rail.clock()))

    def pulses(self, since_s: float, until_s: float) -> list[float]:
        """When pulses came in [since_s, until_s), by the clock of the rail; in any thread."""
        return sorted(at_s for armed in self._armed for at_s in armed.pulses(since_s, until_s))
