"""What all parts of the axis stand on: what it is at, what was asked of the controller (pure)."""

from collections import deque
from enum import StrEnum

from .actions import Action, Reading, SetLimits, Stop, StopHard
from .health import Health
from .legs import Leg
from .settings import Settings, changed


class Phase(StrEnum):
    """What the axis is at."""

    REST = "rest"
    MOVE = "move"
    SETTLE = "settle"
    STOP = "stop"
    HOME = "home"
    JOG = "jog"
    LOAD = "load"
    FRAME = "frame"
    """It was said where the axis is; a reading has to show it."""


class Denied(Exception):
    """A request that is not carried out; nothing has changed. `code` as of Refused."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


class Core:
    """State of one axis; nothing here waits."""

    def __init__(self, settings: Settings | None = None, *, channel_enables: bool = True) -> None:
        self.settings = settings or Settings()
        self.reading: Reading | None = None
        """The last one; None before the first and after the link was lost."""
        self.phase = Phase.REST
        self.health = Health()
        self.target = 0.0
        """Where to go, dial frame."""
        self.homed: bool = False
        self.limit_violation = self.missed = False
        self.retry_count = 0
        self.travel_up = True
        """Last direction, dial frame."""
        self.link_fault = "no reading yet"
        self.refused = ""
        """What the controller turned down last."""
        self.home_way = self.jog_way = 0
        """+1 or -1 (dial frame) while that goes on."""
        self._enables = channel_enables
        self._actions: list[Action] = []
        self._issued = 0
        self._legs: deque[Leg] = deque()
        self._leg: Leg | None = None
        self._next: tuple[str, float] | None = None
        self._settled_at = 0.0
        self._paused = False
        self._limits_stale = True
        self._pulse_until = 0.0

    @property
    def active(self) -> bool:
        """A request is being carried out."""
        return self.phase is not Phase.REST

    @property
    def position(self) -> float | None:
        """Where it is, dial frame; None when not known."""
        reading, s = self.reading, self.settings
        if reading is None:
            return None
        if s.use_encoder and reading.encoder is not None:
            return reading.encoder * s.count
        return reading.steps * s.resolution

    @property
    def waiting(self) -> bool:
        """There is something to carry out."""
        return bool(self._actions)

    @property
    def stopping(self) -> bool:
        """A stop is among what is to be carried out."""
        return any(isinstance(action, Stop | StopHard) for action in self._actions)

    def limits_lost(self) -> None:
        """The controller did not get the soft limits: they are given again."""
        self._limits_stale = True

    def take(self) -> list[Action]:
        """Give the actions to carry out now, in their order; each counts in `Reading.acted` when it is."""
        given, self._actions = self._actions, []
        return given

    def update(self, reading: Reading, now_s: float) -> None:
        """Take a reading; see `Axis`."""
        raise NotImplementedError

    def stop(self, *, hard: bool = False) -> None:
        """Come to rest; the target becomes the position. At rest nothing changes: no edge of done."""
        waits, self._next, self._paused = self._paused, None, False
        if self.phase is not Phase.REST or (self.reading is not None and self.reading.moving):
            self._halt(hard=hard)
        elif waits:
            self._stay()

    def program(self) -> None:
        """Write the soft limits into the controller."""
        self._limits_stale = False
        s = self.settings
        if not s.limited or s.high_dial < s.low_dial:
            self._do(SetLimits(None, None))
            return
        low, high = sorted((s.steps(s.low_dial), s.steps(s.high_dial)))
        self._do(SetLimits(low, high))

    def _refresh(self) -> None:
        """Give the controller the limits, if they have changed since; at rest."""
        if self._limits_stale and self.reading is not None:
            self.program()

    def _finish(self) -> None:
        self.phase = Phase.REST
        self.home_way = 0
        self._refresh()
        if self.settings.mode == "Move":
            self.settings = changed(self.settings, "mode", "Pause")

    def _stay(self) -> None:
        """The target becomes the position."""
        if (position := self.position) is not None:
            self.target = position

    def _halt(self, *, keep: bool = False, hard: bool = False) -> None:
        """Stop; what follows is in `_next`. `keep`: the target stays."""
        self._legs.clear()
        self._end_jog_and_home()
        if not keep:
            self._next = self._next or ("stay", 0.0)
        self.phase = Phase.STOP
        # A stop that waits behind a move would come too late: what waits is dropped.
        self._issued -= len(self._actions)
        self._actions.clear()
        self._do(StopHard() if hard else Stop())

    def _movable(self) -> None:
        if self.settings.mode == "Stop":
            raise Denied("state", "mode is Stop: set it to Go")

    def _end_jog_and_home(self) -> None:
        self.jog_way = self.home_way = 0

    def _do(self, action: Action) -> None:
        self._actions.append(action)
        self._issued += 1
