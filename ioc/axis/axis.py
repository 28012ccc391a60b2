"""The axis: requests and readings in, actions out; done, targets and flags as the motor record has them.

Nothing here waits. What must follow on something else (rest after a stop, the next leg of a move, the time to
settle) is done when a reading shows it: one that was taken after the last action had been carried out
(`Reading.acted`). So a reading that is older than a move never ends it.
"""

from typing import Any

from .actions import ClearErrors, Enable, Reading
from .core import Denied, Phase
from .searching import Searching
from .settings import changed

BUTTONS = ("tweak_forward", "tweak_reverse")
SCALES = ("resolution", "units_per_revolution", "steps_per_revolution")
LIMITS = ("high", "low", "high_dial", "low_dial", *SCALES)
TARGETS = ("target", "target_dial", "target_raw", "relative")


def asks_for_move(name: str, value: Any) -> bool:
    """Say whether writing an attribute asks for a move: done falls, also where nothing moves."""
    return name in TARGETS or (name in BUTTONS and bool(value))


class Axis(Searching):
    """Of one motor. `take` gives the actions that are due; `update` takes readings."""

    def set(self, name: str, value: Any, now_s: float) -> None:
        """Write an attribute; Denied when it is not carried out."""
        if name in TARGETS:
            self._set_target(name, value, now_s)
        elif name in BUTTONS:
            if value:
                s = self.settings
                way = s.tweak_size if name == "tweak_forward" else -s.tweak_size
                self._set_target("relative", way, now_s)
        elif name in ("home_forward", "home_reverse"):
            if value:
                self._ask_home(1 if name == "home_forward" else -1)
            elif self.home_way:
                self.stop()
        elif name in ("jog_forward", "jog_reverse"):
            self._ask_jog((1 if name == "jog_forward" else -1) * self.settings.sign, bool(value))
        elif name == "mode":
            self._set_mode(value, now_s)
        elif name == "enabled":
            if not self._enables:
                raise Denied("state", "the power stage of this controller cannot be switched")
            self._do(Enable(bool(value)))
        else:
            self._set_setting(name, value)

    def clear(self) -> None:
        """Clear errors of the controller."""
        self._do(ClearErrors())

    def lost(self, reason: str) -> None:
        """It does not answer: nothing is known, and what was asked may still go on."""
        self.reading, self.link_fault = None, reason

    def turned_down(self, reason: str) -> None:
        """It did not accept an action: what that belonged to is over."""
        self.refused = reason
        self._legs.clear()
        self._next = None
        if self.phase is not Phase.REST:
            self._halt()

    def update(self, reading: Reading, now_s: float) -> None:
        """Take a reading, and go on where it shows that something is over."""
        first = self.reading is None and not self.active
        self.reading, self.link_fault = reading, ""
        if reading.homed is not None:
            self.homed = reading.homed and not self.health.fault
        if new := self.health.look(self.settings, reading):
            self.homed = False
            if self.phase in (Phase.MOVE, Phase.JOG, Phase.SETTLE):
                self._next = None
                self._halt()
            self.refused = new
        if reading.acted < self._issued:
            return
        if first and reading.moving:
            # It was moving before we came: wait for its end.
            self.phase = Phase.STOP
            self._next = ("stay", 0.0)
        if self.phase is Phase.SETTLE and now_s >= self._settled_at:
            self._judge(now_s)
        elif not reading.moving:
            self._rested(now_s)
        if self.phase is Phase.REST:
            if first:
                self._stay()
            if not reading.moving:
                self._refresh()

    # Inside.

    def _rested(self, now_s: float) -> None:
        """At rest, by a reading that is young enough."""
        reading = self.reading
        if reading is None:
            return
        if self.phase is Phase.MOVE:
            if self._legs and not self._blocked(reading):
                self._advance()
                return
            if now_s < self._pulse_until:
                return
            self._legs.clear()
            self.phase, self._settled_at = Phase.SETTLE, now_s + self.settings.settle_time
            if now_s >= self._settled_at:
                self._judge(now_s)
        elif self.phase is Phase.STOP:
            self._stopped(now_s)
        elif self.phase is Phase.HOME:
            self._homed(reading)
        elif self.phase is Phase.JOG:
            self._jogged()
        elif self.phase is Phase.LOAD:
            self._loaded()
        elif self.phase is Phase.FRAME and now_s >= self._pulse_until:
            self._finish()

    def _stopped(self, now_s: float) -> None:
        what, value = self._next or ("stay", 0.0)
        self._next = None
        self.phase = Phase.REST
        if what == "move":
            self._begin(value)
        elif what == "home":
            self._home(int(value))
        elif what == "jog":
            self._jog(int(value))
        elif what == "hold":
            self.phase = Phase.REST
        else:
            self._stay()
            self._finish()

    def _set_mode(self, mode: str, now_s: float) -> None:
        before, self.settings = self.settings.mode, changed(self.settings, "mode", mode)
        if mode == "Stop":
            if self.active:
                self.stop()
        elif mode == "Pause":
            if self.phase in (Phase.MOVE, Phase.SETTLE):
                self._next, self._paused = ("hold", 0.0), True
                self._halt(keep=True)
        elif before in ("Stop", "Pause") and self._paused:
            self._paused = False
            if not self.active:
                self._begin(self.target)
            else:
                self._next = ("move", self.target)

    def _set_setting(self, name: str, value: Any) -> None:
        s = self.settings
        if name in SCALES and self.active:
            raise Denied("busy", f"{name} is not changed while the axis moves: stop it first")
        try:
            self.settings = changed(s, name, value)
        except ValueError as error:
            raise Denied("limit", str(error)) from None
        if name in LIMITS:
            self._limits_stale = True
            moving = self.phase in (Phase.MOVE, Phase.SETTLE, Phase.JOG)
            if moving and (self.phase is Phase.JOG or self.settings.clipped(self.target) != self.target):
                self.stop()
            elif not self.active:
                self._refresh()
        if name in SCALES:
            self._stay()
