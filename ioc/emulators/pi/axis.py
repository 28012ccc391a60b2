"""One axis of an emulated PI controller: servo, reference runs, parameters, status register (pure)."""

from collections import deque
from dataclasses import dataclass, field

from ...protocols.pi.codes import Code, Param, Status
from ..rail import Rail


class GcsError(Exception):
    """A line that is not carried out; `code` as of ERR?."""

    def __init__(self, code: int) -> None:
        super().__init__(str(code))
        self.code = code


def number(word: str) -> float:
    """Read a number; GcsError where it is none."""
    try:
        return float(word)
    except ValueError:
        raise GcsError(Code.NUMBER) from None


@dataclass
class Axis:
    """A closed-loop stage on a rail; positions in its unit."""

    rail: Rail
    counts: float
    """Per unit."""
    travel: float
    """Half of the travel range."""
    servo: bool = False
    referenced: bool = False
    must_reference: bool = True
    """RON."""
    motion_error: bool = False
    """The servo is off after too large a position error."""
    parameters: dict[int, float | str] = field(default_factory=dict)
    _parts: deque[tuple[int, float]] = field(default_factory=deque)
    """(place, speed) of the parts of a reference run that are left."""
    _home: float | None = None
    """Position at the end of the reference run that goes on."""
    target: float = 0.0
    stopped_s: float = 0.0
    """When the last stop came, on the clock of the rail."""

    def __post_init__(self) -> None:
        self.defaults()

    def defaults(self) -> None:
        """As after power on."""
        self.parameters = {
            Param.SPEED_MAX: 50.0, Param.ACCELERATION: 50.0, Param.DECELERATION: 50.0,
            Param.COUNTS: self.counts, Param.UNITS: 1, Param.HAS_REFERENCE: 1, Param.HIGH: self.travel,
            Param.AT_REFERENCE: 0.0, Param.LOW: -self.travel, Param.NO_SWITCHES: 0, Param.STAGE: "M-111.1DG",
            Param.SPEED: 10.0, Param.ACCELERATION_MAX: 5000.0, Param.DECELERATION_MAX: 5000.0,
            Param.HOME_SPEED: 20.0, Param.UNIT: "MM",
        }  # fmt: skip

    def number(self, param: int) -> float:
        """Value of a parameter that is a number."""
        return float(self.parameters[param])

    @property
    def moving(self) -> bool:
        """Whether it moves, with all parts of a reference run; brings it up to date."""
        self.rail.look()
        if self.motion_error and self.servo:
            self.stop()
            self.servo = False
        while self._home is not None and not self.rail.moving:
            self._next()
        return self.rail.moving

    @property
    def position(self) -> float:
        """Of the encoder, which sees the carriage."""
        return self.rail.counter / self.counts

    def go(self, target: float) -> None:
        """Move; the target may change on the way."""
        if not self.servo or (self.must_reference and not self.referenced):
            raise GcsError(Code.UNREFERENCED)
        if not self.number(Param.LOW) <= target <= self.number(Param.HIGH):
            raise GcsError(Code.LIMIT)
        if self._home is not None:
            raise GcsError(Code.MOVING)
        if self.moving:  # braked at once: the emulated drive has no mass
            self.rail.stop(1e9, 1e12)
            self.rail.look()
        self.target = target
        self._run(round(target * self.counts), self.number(Param.SPEED), watched=True)

    def home(self, kind: str) -> None:
        """Begin FRF (reference switch), FNL or FPL (limit switches)."""
        if not self.servo:
            raise GcsError(Code.UNREFERENCED)
        if self.moving:
            raise GcsError(Code.MOVING)
        self.referenced, rail, speed = False, self.rail, self.number(Param.HOME_SPEED)
        if kind == "FRF":
            self._parts, self._home = deque([(rail.centre, speed)]), self.number(Param.AT_REFERENCE)
        else:
            plus = kind == "FPL"
            end = rail.ends[plus]
            back = end - rail.width if plus else end + rail.width
            self._parts = deque([(end, speed), (back, speed / 10)])
            self._home = self.number(Param.HIGH if plus else Param.LOW)
        self._next()

    def stop(self) -> None:
        """Come to rest, by HLT or STP."""
        self.stopped_s = self.rail.clock()
        self._parts.clear()
        self._home = None
        ramp = self.number(Param.DECELERATION) * self.counts
        self.rail.stop(1.0, ramp)
        self.target = self.position

    def define(self, position: float) -> None:
        """POS: say where it is."""
        if self.must_reference:
            raise GcsError(Code.UNREFERENCED)
        self.rail.count(round(position * self.counts))
        self.target = position

    def status(self) -> int:
        """The status register."""
        moving, rail, bits = self.moving, self.rail, 0
        for on, bit in (
            (rail.pressed(False), Status.LIMIT_MINUS),
            (rail.centred, Status.REFERENCE),
            (rail.pressed(True), Status.LIMIT_PLUS),
            (self.servo, Status.SERVO),
            (moving, Status.MOVING),
            (self._home is not None, Status.REFERENCING),
            (self.servo and not moving, Status.ON_TARGET),
        ):
            bits |= int(bit) if on else 0
        return bits

    def _run(self, counter: int, speed: float, *, watched: bool) -> None:
        scale = self.counts
        self.rail.move(counter, 1.0, speed * scale, self.number(Param.ACCELERATION) * scale, watched=watched)

    def _next(self) -> None:
        if self._parts:
            place, speed = self._parts.popleft()
            self._run(place - self.rail.slip, speed, watched=False)
        elif self._home is not None:
            self.rail.count(round(self._home * self.counts))
            self.target, self._home, self.referenced = self._home, None, True
