"""Moves to a target: legs, retries, what happens on the way (pure)."""

from collections import deque

from .actions import ClearErrors, Reading, SetPosition
from .core import Core, Denied, Phase
from .legs import legs, move
from .settings import changed

PULSE_S = 0.03
"""Shortest time for which a move is not done, even one of no length: clients wait for the change."""

FRAME_S = 0.1
"""Shortest time for a new frame. ophyd reads limit by limit anew, in the thread that also takes the position,
and its clients look at the position as soon as the put has completed."""


class Moving(Core):
    """An axis that goes to places."""

    def load(self, dial: float) -> None:
        """Say that the axis is at `dial` now; nothing moves."""
        if self.active:
            raise Denied("busy", "the axis moves: stop it first")
        s = self.settings
        self._do(SetPosition(s.steps(dial), round(dial / s.count)))
        self.phase, self.target, self.refused = Phase.LOAD, dial, ""

    def _loaded(self) -> None:
        """A position was given to the controller: see that it has it; a broken link may have swallowed it."""
        s, position = self.settings, self.position
        if position is not None and abs(position - self.target) > max(s.deadband, abs(s.count)):
            self.refused = f"the controller has not taken the position {s.user(self.target):g}: load it again"
            self._stay()
        else:
            self.health.trust()
        self._finish()

    def _set_target(self, name: str, value: float, now_s: float) -> None:
        s = self.settings
        position = self.position
        if name == "target":
            dial = s.dial(value)
        elif name == "target_dial":
            dial = float(value)
        elif name == "target_raw":
            dial = value * s.resolution
        else:
            dial = self.target + value * s.sign
        if s.calibrate:
            if name in ("target", "relative") and not s.offset_frozen:
                now = self.target if position is None else position
                self.settings = changed(
                    s, "offset", (value if name == "target" else s.user(dial)) - now * s.sign
                )
                self.target = now
                if position is not None and not self.active:
                    self.phase, self._pulse_until = Phase.FRAME, now_s + FRAME_S
                return
            self.load(dial)
            return
        self._movable()
        if position is None:
            raise Denied("link", f"where the axis is, is not known: {self.link_fault}")
        if self.health.fault:
            raise Denied("state", f"{self.health.fault}: home the axis, or load its position, first")
        if not s.allowed(dial, position):
            self.limit_violation = True
            raise Denied("limit", f"{s.user(dial):g} is outside of the soft limits {s.low:g} to {s.high:g}")
        self.limit_violation = False
        self._go(dial, now_s)

    def _go(self, dial: float, now_s: float) -> None:
        """Go to a place that was found to be allowed."""
        self.target, self.retry_count, self.missed, self.refused = dial, 0, False, ""
        self._pulse_until = now_s + PULSE_S
        if self.settings.mode == "Pause":
            self._paused = True
            return
        self._end_jog_and_home()
        if self.active:
            self._next = ("move", dial)
            if self.phase is not Phase.STOP:
                self._halt(keep=True)
            return
        self._begin(dial)

    def _begin(self, dial: float) -> None:
        """Begin the legs of a move; at rest."""
        reading, position = self.reading, self.position
        self.phase = Phase.MOVE
        self._leg = None
        if reading is None or position is None:
            return
        if not self.settings.allowed(dial, position):  # it was, when it was asked for
            self.limit_violation = True
            self.refused = f"{self.settings.user(dial):g} is outside of the soft limits by now"
            self._stay()
            self._finish()
            return
        self._legs = deque(legs(self.settings, position, dial))
        if abs(dial - position) <= abs(self.settings.resolution) / 2 and len(self._legs) == 1:
            self._legs.clear()  # there already: done with the next reading, for everybody to see
            return
        if reading.problem:
            self._do(ClearErrors())
        self._advance()

    def _advance(self) -> None:
        reading, position = self.reading, self.position
        if reading is None or position is None:
            return
        self._leg = leg = self._legs.popleft()
        if abs(leg.dial - position) > abs(self.settings.resolution) / 2:
            self.travel_up = leg.dial > position
        self._do(move(self.settings, leg, reading.steps, position))

    def _judge(self, now_s: float) -> None:
        """A move is over: say whether it was good, or try again."""
        s, reading, position = self.settings, self.reading, self.position
        if reading is None or position is None:
            return
        off = self.target - position
        blocked = self._blocked(reading)
        if (
            abs(off) <= s.deadband
            or blocked
            or self.retry_count >= s.retries
            or s.retry_mode == "In-Position"
        ):
            self.missed = abs(off) > s.deadband
            if blocked:
                self.target = position
            self._finish()
            return
        self.retry_count += 1
        scale = {
            "Arithmetic": (s.retries - self.retry_count + 1) / s.retries,
            "Geometric": 0.5 ** (self.retry_count - 1),
        }
        self._begin(s.clipped(position + off * scale.get(s.retry_mode, 1.0)))

    def _blocked(self, reading: Reading) -> bool:
        """On the limit switch that it was moving into."""
        plus = self.travel_up == (self.settings.resolution > 0)
        return reading.limit_plus if plus else reading.limit_minus
