"""When a peer counts as dead: three intervals without a heartbeat, by our own clock.

The sender's time stamps are not used: a clock ten seconds ahead would hide a death for ten seconds. At most
one life is taken per tick, and the caller reads all waiting beats before it ticks; so a process that itself
slept for seconds finds its peers alive.
"""

from dataclasses import dataclass

LIVES = 3
SHORTEST_S = 0.1
"""Intervals below are taken as this: a peer cannot make itself die of haste."""


@dataclass(slots=True)
class Lives:
    """Count of one peer; times are monotonic seconds of the caller."""

    left: int = 0
    """0 is dead, also before the first beat."""
    interval_s: float = 0.5
    since_s: float = 0.0

    def beat(self, now_s: float, interval_ms: int) -> None:
        """Give all lives back."""
        self.left, self.since_s = LIVES, now_s
        self.interval_s = max(interval_ms / 1000, SHORTEST_S)

    def tick(self, now_s: float) -> bool:
        """Take a life if an interval has passed in silence; True when it was the last."""
        if not self.left or now_s - self.since_s <= self.interval_s:
            return False
        self.left -= 1
        self.since_s = max(self.since_s + self.interval_s, now_s - self.interval_s)
        return not self.left

    def end(self) -> None:
        """Take all lives: the link is lost, or the peer said goodbye."""
        self.left = 0
