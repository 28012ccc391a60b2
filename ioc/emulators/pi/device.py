"""An emulated PI controller: bytes in, replies out, by GCS 2.0 (pure but for the clock that it is given)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ...protocols.pi import gcs
from ...protocols.pi.codes import Code, Status
from ..compare import Compare
from .axis import Axis, GcsError, number
from .commands import COMMANDS
from .trigger import Triggers

BOOT_S = 2.0
"""Deaf so long after RBT."""


@dataclass(frozen=True, slots=True)
class Model:
    """A kind of controller."""

    identity: str
    several: bool = False
    """Parameter commands take several items in a line."""


MODELS = {
    "C-663": Model("(c)2011-2020 Physik Instrumente (PI) GmbH & Co. KG, C-663.12, 0120012345, 1.2.1.0"),
    "C-863": Model("(c)2015 Physik Instrumente (PI) GmbH & Co. KG, C-863.12, 0116040211, 1.2.2.5"),
    "C-884": Model(
        "(c)2013-2020 Physik Instrumente (PI) GmbH & Co. KG, C-884.4DC, 0120067890, 1.1.0.0", True
    ),
}


class Device:
    """The controller; `motors` by their names, as in "1"."""

    def __init__(
        self,
        motors: Mapping[str, Axis],
        clock: Callable[[], float],
        model: str = "C-863",
        address: int = 1,
        compare: Compare | None = None,
    ) -> None:
        self.motors: dict[str, Axis] = dict(motors)
        self.triggers = Triggers(compare or Compare(next(iter(self.motors.values())).rail))
        self.model: Model = MODELS[model]
        self.address, self._clock = address, clock
        self._framer = gcs.RequestFramer()
        self.error: int = 0
        """What ERR? tells next."""
        self.level: int = 0
        """Command level, of CCL."""
        self.refuse = 0
        """Lines to come that are taken for unknown ones."""
        self.telegrams = 0
        self._deaf_until = 0.0

    def receive(self, data: bytes) -> list[bytes]:
        """Take bytes; give the replies."""
        replies: list[bytes] = []
        for item in self._framer.feed(data):
            if self._clock() < self._deaf_until:
                continue
            self.telegrams += 1
            reply = self._single(item) if isinstance(item, int) else self._line(item)
            if reply:
                replies.append(reply)
        return replies

    def reboot(self, seconds: float = BOOT_S) -> None:
        """Power off and on: servos are off, references and written parameters are gone."""
        self._deaf_until = self._clock() + seconds
        self.error = self.level = 0
        self.triggers.reset()
        for axis in self.motors.values():
            axis.stop()
            axis.rail.stop(1e9, 1e12)
            axis.rail.look()
            axis.rail.count(0)
            axis.defaults()
            axis.servo = axis.referenced = axis.motion_error = False
            axis.must_reference, axis.target = True, 0.0

    def halt(self) -> None:
        """Stop all; ERR? tells of it."""
        for axis in self.motors.values():
            axis.stop()
        self.error = Code.STOPPED

    def named(self, names: list[str]) -> list[str]:
        """The axes that a command means: those that it names, or all; GcsError for a wrong one."""
        if len(set(names)) != len(names):
            raise GcsError(Code.TWICE)
        if any(name not in self.motors for name in names):
            raise GcsError(Code.ILLEGAL_AXIS)
        return names or list(self.motors)

    def pairs(self, words: list[str]) -> list[tuple[str, float]]:
        """Axes and the numbers for them."""
        if not words or len(words) % 2:
            raise GcsError(Code.COUNT if words else Code.MISSING)
        self.named(words[::2])
        return list(zip(words[::2], map(number, words[1::2]), strict=True))

    def _single(self, command: int) -> bytes:
        axes = list(self.motors.values())
        if self.address != gcs.ALL_ANSWER_FIRST and command != gcs.STOP_ALL:
            return b""
        match command:
            case gcs.STATUS:
                self._look()
                words = "".join(f"{self._word(axis):04X}" for axis in axes)
                return (f"0x{words}" if len(axes) == 1 else words).encode() + gcs.LF
            case gcs.MOVING:
                return f"{sum(axis.moving << n for n, axis in enumerate(axes)):X}".encode() + gcs.LF
            case gcs.CHANGED | gcs.RUNNING:
                return b"0" + gcs.LF
            case gcs.READY:
                return (
                    gcs.IS_BUSY if any(axis.status() & Status.REFERENCING for axis in axes) else gcs.IS_READY
                ) + gcs.LF
            case gcs.STOP_ALL:
                self.halt()
        return b""

    def _word(self, axis: Axis) -> int:
        return axis.status() | (Status.ERROR if self.error else 0)

    def _look(self) -> None:
        for axis in self.motors.values():
            was = axis.servo
            _ = axis.moving
            if was and not axis.servo:
                self.error = Code.MOTION

    def _line(self, line: bytes) -> bytes:
        request = gcs.decode_request(line)
        to = request.to if request.to is not None else gcs.ALL_ANSWER_FIRST
        if to not in (self.address, gcs.BROADCAST) or not request.words:
            return b""
        try:
            lines = self._carry_out(request.words)
        except GcsError as error:
            self.error = error.code
            return b""
        if not lines or to == gcs.BROADCAST:
            return b""
        return gcs.encode_reply(lines, (request.sender, self.address) if request.to is not None else None)

    def _carry_out(self, words: list[str]) -> list[str]:
        name, *arguments = words
        if self.refuse and name != "ERR?":
            self.refuse -= 1
            raise GcsError(Code.UNKNOWN)
        self._look()
        if name not in COMMANDS:
            raise GcsError(Code.UNKNOWN)
        return list(COMMANDS[name](self, arguments))
