"""PI controllers that speak GCS 2.0: C-663, C-863, C-884 and relatives, over TCP or a serial line.

Steps of an axis are counts of the controller; what its unit is worth in counts is read from it. A set command
is silent, so each is sent with an `ERR?` behind it, whose answer says whether it was taken.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from hitline.bus.attribute import Refused

from ...axis.actions import Reading
from ...protocols.pi.codes import Code, Param, Status, status_words, text
from ...protocols.pi.gcs import ALL_ANSWER_FIRST, STATUS, ReplyFramer, encode, values
from ..controller import Channel
from ..line_controller import LineController, LineOptions
from .channel import PiChannel


@dataclass(frozen=True, kw_only=True)
class PiOptions(LineOptions):
    """Options of a PI controller."""

    address: int = field(default=0, metadata={"low": 0, "high": 16})
    """Its address in a chain; 0: alone on its line."""
    axes: tuple[str, ...] = ("1",)
    """Axes that exist, as `SAI?` names them."""
    homing: str = field(default="switch", metadata={"choices": ("switch", "limit")})
    """What a reference run looks for: the reference switch, or the limit switch on the side that is asked."""
    trigger_output: int = field(default=1, metadata={"low": 0, "high": 4})
    """Digital output that gives pulses at positions to the detectors; 0: none is connected."""
    trigger_late_us: float = field(default=50.0, metadata={"low": 0.0})
    """A pulse comes up to so much late, in µs: a turn of the servo."""


class Pi(LineController):
    """The controller."""

    Options: ClassVar[type | None] = PiOptions
    TYPE: ClassVar[str] = "pi"

    def __init__(self, name: str, options: Any = None, **clocks: Any) -> None:
        super().__init__(name, options, **clocks)
        self.address = options.address or None if options else None
        self._framer = ReplyFramer(self.address)
        self.counts: dict[str, float] = {}
        """Counts for each unit, by axis; read when the link comes up."""
        self._on: set[str] = set()
        """Axes whose servo was on at the last reading, or should be."""
        self._faults: dict[str, str] = {}
        """Why a servo has gone off by itself."""

    def channel(self, name: str) -> Channel:
        """See `LineController`."""
        return PiChannel(self, name)

    def cut(self, data: bytes) -> list[list[str] | None]:
        """See `LineController`."""
        return self._framer.feed(data)

    async def query(self, command: str) -> list[str]:
        """Ask; TimeoutError when it is not answered, as one that fails is not."""
        lines = await self.dialogue.ask(encode(command, self.address))
        return list(lines or [])

    async def numbers(self, command: str) -> dict[str, float]:
        """Ask for a number of each axis."""
        found = values(await self.query(command))
        if missing := set(self.options.axes) - set(found):
            raise ValueError(f"{', '.join(sorted(missing))} not there; the controller has {', '.join(found)}")
        return {axis: float(value) for axis, value in found.items()}

    async def order(self, commands: list[str], wanted: Callable[[], bool] = lambda: True) -> None:
        """Have set commands carried out in turn; Refused with the error of the first that fails."""
        for command in commands:
            lines = await self.dialogue.ask(self._with_error(command), wanted)
            if lines is None:
                return
            if (code := _code(lines)) not in (Code.NONE, Code.STOPPED):
                raise Refused("failed", f"{command!r}: {text(code)}")

    async def order_now(self, command: str) -> None:
        """Before all that waits; the error that a stop leaves is read away."""
        await self.dialogue.now(self._with_error(command))

    def switched(self, axis: str, on: bool) -> None:
        """The servo was switched: it is not a fault when it is off."""
        self._faults.pop(axis, None)
        (self._on.add if on else self._on.discard)(axis)

    async def readings(self, names: list[str]) -> list[Reading]:
        """See `LineController`. Status first: what has come to rest by then is where it ends."""
        if not self.known:
            await self._introduce()
        words = await self._status()
        positions, referenced = await self.numbers("POS?"), await self.numbers("FRF?")
        lost = {axis for axis in self._on if not words[axis] & Status.SERVO}
        if lost:
            await self._explain(lost, referenced)
        self._on |= {axis for axis in words if words[axis] & Status.SERVO}
        for axis in self._on & set(self._faults):
            del self._faults[axis]
        return [self._reading(axis, words[axis], positions[axis], bool(referenced[axis])) for axis in names]

    def _reading(self, axis: str, bits: int, position: float, referenced: bool) -> Reading:
        return Reading(
            round(position * self.counts[axis]),
            moving=bool(bits & (Status.MOVING | Status.REFERENCING)),
            limit_plus=bool(bits & Status.LIMIT_PLUS),
            limit_minus=bool(bits & Status.LIMIT_MINUS),
            home_switch=bool(bits & Status.REFERENCE),
            homed=referenced and not bits & Status.REFERENCING,
            enabled=bool(bits & Status.SERVO),
            problem=self._faults.get(axis, ""),
            boots=self.boots,
        )

    async def _introduce(self) -> None:
        await self.query("ERR?")  # what was before is not ours
        identity = await self.query("*IDN?")
        for axis in self.options.axes:
            counts = await self._parameter(axis, Param.COUNTS)
            self.counts[axis] = counts / await self._parameter(axis, Param.UNITS)
        self.introduced(identity[0])

    async def _parameter(self, axis: str, param: int) -> float:
        (value,) = values(await self.query(f"SPA? {axis} {param:#x}")).values()
        return float(value)

    async def _status(self) -> dict[str, int]:
        axes = self.options.axes
        if (self.address or ALL_ANSWER_FIRST) == ALL_ANSWER_FIRST:  # single bytes have no address
            line = (await self.dialogue.ask(bytes((STATUS,)))) or [""]
            words = status_words(line[0])
            if len(words) < len(axes):
                raise ValueError(f"the controller has {len(words)} axes, the station file {len(axes)}")
            return dict(zip(axes, words, strict=False))
        found = {}
        for axis in axes:
            (word,) = values(await self.query(f"SRG? {axis} 1")).values()
            found[axis] = int(word, 16)
        return found

    async def _explain(self, lost: set[str], referenced: dict[str, float]) -> None:
        """Servos have gone off by themselves: a restart, or a motion error."""
        code = _code(await self.query("ERR?"))
        self._on -= lost
        if code == Code.NONE and not any(referenced.values()):
            self.restarted()
            self.known = False
            return
        for axis in lost:
            self._faults[axis] = text(code) if code else "the servo has gone off"

    def _with_error(self, command: str) -> bytes:
        return encode(command, self.address) + encode("ERR?", self.address)


def _code(lines: list[str]) -> int:
    try:
        return int(lines[0])
    except (ValueError, IndexError):
        raise TimeoutError(f"{lines!r} is no error code") from None
