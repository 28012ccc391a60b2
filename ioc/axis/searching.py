"""Homing and jogging (pure)."""

from .actions import Home, Reading, SetLimits
from .core import Denied, Phase
from .legs import Leg, move
from .moving import Moving

JOG_S = 10.0
"""A jog without a limit ahead is asked for in pieces of so many seconds: what is left of it when all else has
died."""
SHORT_OF_LIMIT_S = 1.0
"""A jog ends so far before the soft limit, in seconds of its speed."""


class Searching(Moving):
    """An axis that looks for its reference, and runs while a button is held."""

    def _ask_home(self, way: int) -> None:
        self._movable()
        reading = self.reading
        if reading is None:
            raise Denied("link", f"where the axis is, is not known: {self.link_fault}")
        plus = (way > 0) == (self.settings.resolution > 0)
        if reading.limit_plus if plus else reading.limit_minus:
            raise Denied("state", "the axis is on the limit switch of that side: home the other way")
        self.refused, self.missed = "", False
        if self.active:
            self._next = ("home", float(way))
            self._halt(keep=True)
        else:
            self._home(way)
        self.home_way = way

    def _home(self, way: int) -> None:
        s, resolution = self.settings, abs(self.settings.resolution)
        self.phase, self.home_way, self.travel_up = Phase.HOME, way, way > 0
        ramp = (s.home_velocity - s.velocity_base) / max(s.acceleration_time, 1e-3)
        steps_way = way if s.resolution > 0 else -way
        self._do(SetLimits(None, None))
        self._limits_stale = True
        self._do(
            Home(
                steps_way, s.home_velocity / resolution, ramp / resolution, s.home_velocity / resolution / 10
            )
        )

    def _homed(self, reading: Reading) -> None:
        if reading.homed is not False and not reading.problem:
            self.health.trust()
            self.homed = True
        else:
            self.refused = reading.problem or "the home search did not find its switch"
        self._stay()
        self._finish()

    def _ask_jog(self, way: int, on: bool) -> None:
        if not on:
            if self.jog_way == way:
                self.stop()
            return
        self._movable()
        if self.reading is None:
            raise Denied("link", f"where the axis is, is not known: {self.link_fault}")
        self.refused = ""
        if self.active:
            self._next = ("jog", float(way))
            self._halt(keep=True)
        else:
            self._jog(way)
        self.jog_way = way

    def _jog(self, way: int) -> None:
        """Go on with a jog: to a place, as all moves."""
        s, position, reading = self.settings, self.position, self.reading
        if position is None or reading is None:
            return
        goal = position + way * s.jog_velocity * JOG_S
        if s.limited and s.high_dial >= s.low_dial:
            short = SHORT_OF_LIMIT_S * s.jog_velocity
            end = s.high_dial - short if way > 0 else s.low_dial + short
            goal = min(goal, end) if way > 0 else max(goal, end)
        self.jog_way, self.travel_up = way, way > 0
        if (goal - position) * way <= abs(s.resolution) / 2 or self._blocked(reading):
            self.jog_way = 0
            self._stay()
            self._finish()
            return
        self.phase = Phase.JOG
        time_s = s.jog_velocity / s.jog_acceleration if s.jog_acceleration else 0.0
        self._do(move(s, Leg(goal, s.jog_velocity, time_s), reading.steps, position))

    def _jogged(self) -> None:
        if self.jog_way:
            self._jog(self.jog_way)
        else:
            self._stay()
            self._finish()
