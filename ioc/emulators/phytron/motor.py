"""One axis of an emulated phyMOTION or MCC: parameters, reference runs, status bits (pure)."""

from collections import deque
from dataclasses import dataclass, field

from ...protocols.phytron.status import DEFAULTS, P, Status
from ..rail import Rail


@dataclass
class Motor:
    """An axis of a controller on a rail."""

    rail: Rail
    encoder: bool = False
    parameters: dict[int, int] = field(default_factory=lambda: dict(DEFAULTS))
    on: bool = True
    """Power stage."""
    referenced: bool = False
    stage_error: bool = False
    step_loss: bool = False
    _origin: int = 0
    """Place of the carriage at encoder 0."""
    _latched: int = 0
    _search: deque[tuple[int, int]] = field(default_factory=deque)
    """(goal on the rail, speed) of the parts of a reference run that are left."""
    _searching: bool = False
    stopped_s: float = 0.0
    """When the last stop came, on the clock of the rail."""

    @property
    def moving(self) -> bool:
        """Whether it turns, with all parts of a reference run."""
        self._go_on()
        return self.rail.moving

    def read(self, parameter: int) -> int | None:
        """Value of a parameter; None for one that does not exist."""
        if parameter == P.POSITION:
            return self.rail.counter
        if parameter == P.ENCODER:
            return self.rail.place - self._origin if self.encoder else 0
        return self.parameters.get(parameter)

    def write(self, parameter: int, value: int) -> bool:
        """Set a parameter; False for one that does not exist, or a counter while it moves."""
        if parameter not in self.parameters or (parameter in (P.POSITION, P.ENCODER) and self.moving):
            return False
        if parameter == P.POSITION:
            self.rail.count(value)
        elif parameter == P.ENCODER:
            self._origin = self.rail.place - value
        self.parameters[parameter] = value
        return True

    @property
    def linear(self) -> bool:
        """Limits are watched."""
        return self.parameters[P.TYPE] == 1

    def go(self, goal: int) -> bool:
        """Begin an absolute move; False when it may not."""
        if self.moving or not self.on or self.stage_error:
            return False
        p = self.parameters
        if self.linear and (p[P.SOFT_MINUS] or p[P.SOFT_PLUS]):
            goal = max(p[P.SOFT_MINUS], min(goal, p[P.SOFT_PLUS]))
        self.rail.move(goal, p[P.START], p[P.SPEED], p[P.RAMP], watched=self.linear)
        if self.rail.hit:
            self._latched |= Status.LIMIT_ERROR
            return False
        return True

    def home(self, *, plus: bool, centre: bool = False) -> bool:
        """Begin a reference run to a limit switch, or to the centre switch."""
        if self.moving or not self.on or self.stage_error:
            return False
        self.referenced = False
        p, rail = self.parameters, self.rail
        end, run, creep = rail.ends[plus], p[P.HOME_SPEED], p[P.CREEP]
        if centre:
            ahead = (rail.centre > rail.place) == plus
            self._search = deque([(rail.centre, run)] if ahead else [(end, run), (rail.centre, run)])
        else:
            self._search = deque([(end, run), (end - rail.width if plus else end + rail.width, creep)])
        self._searching = True
        self._next()
        return True

    def stop(self, *, hard: bool = False) -> None:
        """Come to rest with the ramp of the run, or with the emergency ramp."""
        self.stopped_s = self.rail.clock()
        self._search.clear()
        self._searching = False
        self.rail.stop(self.parameters[P.START], self.parameters[P.STOP_RAMP if hard else P.RAMP])

    def status(self) -> int:
        """SE."""
        moving, rail = self.moving, self.rail
        bits = self._latched
        for on, bit in (
            (moving, Status.BUSY | Status.RUNNING),
            (self.referenced, Status.INITIALISED),
            (rail.pressed(True), Status.LIMIT_PLUS),
            (rail.pressed(False), Status.LIMIT_MINUS),
            (rail.centred, Status.CENTRE),
            (self.stage_error, Status.STAGE),
            (self.step_loss, Status.STEP_LOSS),
            (not moving, Status.IN_POSITION),
        ):
            bits |= int(bit) if on else 0
        return bits

    def invalid(self) -> None:
        """The last command was none."""
        self._latched |= Status.INVALID

    def clear(self) -> None:
        """SEC: latched errors go."""
        self._latched, self.step_loss = 0, False

    def _go_on(self) -> None:
        """Bring everything up to date: the next part of a reference run, an end on a switch."""
        self.rail.look()
        if self.rail.hit:
            self._latched |= Status.LIMIT_ERROR
        while self._searching and not self.rail.moving:
            self._next()

    def _next(self) -> None:
        if not self._search:
            self._searching = False
            self.rail.count(0)
            self._origin = self.rail.place
            self.referenced = True
            return
        place, speed = self._search.popleft()
        p = self.parameters
        self.rail.move(place - self.rail.slip, p[P.START], speed, p[P.HOME_RAMP], watched=False)
