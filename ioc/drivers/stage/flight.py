"""What a flight is: equal ways at a constant speed, between a run-up and a run-off (pure)."""

from dataclasses import dataclass

SETTLE_S = 0.1
"""Flown at full speed before the first edge and behind the last: a drive needs a moment to be steady."""
MOST_POINTS = 100_000


@dataclass(frozen=True)
class Flight:
    """`points` equal parts from `start` to `stop` (user frame), `rate_hz` of them in a second.

    Edge n, of points + 1, is where part n begins and part n - 1 ends.
    """

    axis: str
    start: float
    stop: float
    points: int
    rate_hz: float

    def __post_init__(self) -> None:
        if not 1 <= self.points <= MOST_POINTS:
            raise ValueError(f"fly_points of {self.points}: must be 1 to {MOST_POINTS}")
        if not self.rate_hz > 0:
            raise ValueError(f"fly_rate of {self.rate_hz} points per second: must be above 0")
        if self.start == self.stop:
            raise ValueError(f"fly_start and fly_stop are both {self.start}: there is no way to fly")

    @property
    def pitch(self) -> float:
        """Way of one part, signed."""
        return (self.stop - self.start) / self.points

    @property
    def velocity(self) -> float:
        """Speed, positive."""
        return abs(self.pitch) * self.rate_hz

    @property
    def seconds(self) -> float:
        """From the first edge to the last."""
        return self.points / self.rate_hz

    def ends(self, base: float, ramp_s: float) -> tuple[float, float]:
        """Where the run-up begins and the run-off ends, for an axis that takes `ramp_s` from speed `base`."""
        way = (min(base, self.velocity) + self.velocity) / 2 * ramp_s + self.velocity * SETTLE_S
        sign = 1 if self.stop > self.start else -1
        return self.start - sign * way, self.stop + sign * way
