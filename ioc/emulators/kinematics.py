"""Where a stepper is while it moves: stretches of constant acceleration, in closed form (pure)."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stretch:
    """From `begun_s` on for `length_s`: place in steps, speed in steps/s, signed."""

    begun_s: float
    length_s: float
    place: float
    speed: float
    ramp: float

    def at(self, t: float) -> tuple[float, float]:
        """(place, speed) after t seconds of it."""
        return self.place + self.speed * t + self.ramp * t * t / 2, self.speed + self.ramp * t


@dataclass(frozen=True, slots=True)
class Travel:
    """A move: its stretches, one after the other."""

    stretches: tuple[Stretch, ...]
    goal: float

    @property
    def ends_s(self) -> float:
        """When it is over."""
        last = self.stretches[-1]
        return last.begun_s + last.length_s

    def at(self, now_s: float) -> tuple[float, float]:
        """(place, speed)."""
        if now_s >= self.ends_s:
            return self.goal, 0.0
        for part in reversed(self.stretches):
            if now_s >= part.begun_s:
                return part.at(now_s - part.begun_s)
        return self.stretches[0].place, 0.0

    def crosses(self, place: float, *, up: bool) -> float | None:
        """When it comes to `place` while going up (or down); None when it does not."""
        start = self.stretches[0].place
        low, high = sorted((start, self.goal))
        if (self.goal > start) != up or not low <= place <= high:
            return None
        early, late = self.stretches[0].begun_s, self.ends_s
        for _ in range(60):
            middle = (early + late) / 2
            early, late = (middle, late) if (self.at(middle)[0] < place) == up else (early, middle)
        return late


def trapezoid(start: float, goal: float, base: float, speed: float, ramp: float, now_s: float) -> Travel:
    """Give the move from rest: begins at `base`, goes up to `speed` and down again; all positive.

    A way that is too short for its speed has a triangle.
    """
    way, sign = abs(goal - start), math.copysign(1.0, goal - start)
    base = min(base, speed)
    if math.isinf(ramp) or speed == base:
        flat = Stretch(now_s, way / speed, start, sign * speed, 0.0)
        return Travel((flat,), goal)
    top = min(speed, math.sqrt(base * base + way * ramp))
    rise_s = (top - base) / ramp
    up = (base + top) / 2 * rise_s
    flat_s = max(way - 2 * up, 0.0) / top
    return Travel(
        (
            Stretch(now_s, rise_s, start, sign * base, sign * ramp),
            Stretch(now_s + rise_s, flat_s, start + sign * up, sign * top, 0.0),
            Stretch(now_s + rise_s + flat_s, rise_s, goal - sign * up, sign * top, -sign * ramp),
        ),
        goal,
    )


def braked(travel: Travel, base: float, ramp: float, now_s: float) -> Travel:
    """Give what comes of a move that is stopped now with another ramp: it never goes beyond its goal."""
    place, speed = travel.at(now_s)
    rate, sign = abs(speed), math.copysign(1.0, speed)
    base = min(base, rate)
    way = 0.0 if math.isinf(ramp) else (rate * rate - base * base) / (2 * ramp)
    way = min(way, abs(travel.goal - place))
    goal = float(round(place + sign * way))
    if way < 1.0 or rate == 0.0:
        return Travel((Stretch(now_s, 0.0, goal, 0.0, 0.0),), goal)
    length_s = 2 * way / (rate + base)
    return Travel((Stretch(now_s, length_s, place, speed, sign * (base - rate) / length_s),), goal)
