"""From a target to the bounded moves that lead there: overshoot, last approach, ramps (pure)."""

from dataclasses import dataclass

from .actions import MoveTo
from .settings import Settings


@dataclass(frozen=True, slots=True)
class Leg:
    """A part of a move."""

    dial: float
    """Where it ends."""
    speed: float
    """Units per second."""
    time: float
    """Seconds from base speed to speed."""
    final: bool = True


def legs(settings: Settings, now: float, target: float) -> list[Leg]:
    """Parts of the move from `now` to `target`, dial frame.

    With a backlash the last approach always comes from the same side: from `target - backlash`, at its own
    speed. A move of that direction which is no longer than the backlash needs no overshoot. The overshoot
    stays inside of the soft limits.
    """
    s = settings
    # The backlash is signed in the user frame.
    backlash = s.backlash * s.sign
    last = Leg(target, s.backlash_velocity, s.backlash_acceleration)
    if abs(backlash) < abs(s.resolution):
        return [Leg(target, s.velocity, s.acceleration_time)]
    way = target - now
    if way * backlash > 0 and abs(way) <= abs(backlash):
        return [last]
    first = s.clipped(target - backlash)
    if abs(first - target) < abs(s.resolution):
        return [Leg(target, s.velocity, s.acceleration_time)]
    return [Leg(first, s.velocity, s.acceleration_time, final=False), last]


def move(settings: Settings, leg: Leg, steps: int, position: float) -> MoveTo:
    """The action of a leg; `steps` and `position` (dial) are where the axis is.

    With an encoder the way is that of the encoder, in steps from where the motor is.
    """
    s, resolution = settings, abs(settings.resolution)
    far = round((leg.dial - position) / s.resolution)
    goal = steps + far if s.use_encoder else s.steps(leg.dial)
    base = min(s.velocity_base, leg.speed)
    ramp = (leg.speed - base) / leg.time if leg.time > 0 else float("inf")
    return MoveTo(goal, leg.speed / resolution, base / resolution, ramp / resolution)
