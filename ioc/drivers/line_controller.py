"""What the drivers of controllers on one line have in common: link, identity, restarts, readings together."""

import asyncio
from abc import abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from hitline.bus.attribute import Attribute, Refused, Severity

from ..axis.actions import Reading
from ..trace import trace_of
from .controller import LINK_ERRORS, Channel, Controller
from .dialogue import DIALOGUE, Dialogue

CONTROLLER = (
    *DIALOGUE,
    Attribute("identity", "str", "What the controller calls itself."),
    Attribute("restarts_seen", "int", "Restarts of the controller."),
)


@dataclass(frozen=True, kw_only=True)
class LineOptions:
    """Options of a controller on a line."""

    where: str
    """tcp://host:port, or a serial port such as /dev/ttyUSB0."""
    baud: int = field(default=115200, metadata={"low": 300, "high": 4_000_000})
    """Of a serial port."""
    trace: Path | None = None
    """Folder for a record of all that is sent and received."""


class LineController(Controller):
    """A controller of several axes; those are instruments of their own, in the same process.

    Readings that are asked for in one turn of the loop are made in one go (`readings`).
    """

    ATTRIBUTES: ClassVar[tuple[Attribute, ...]] = CONTROLLER
    TYPE: ClassVar[str]
    """As in the station file."""
    AT_ONCE: ClassVar[int] = 12
    """Most channels in one go."""

    dialogue: Dialogue[Any]

    def __init__(self, name: str, options: Any = None, **clocks: Any) -> None:
        super().__init__(name, options, **clocks)
        self._channels: dict[str, Channel] = {}
        self._wanted: dict[str, asyncio.Future[Reading]] = {}
        self._reader: asyncio.Task[None] | None = None
        self.known = False
        """The identity was asked for since the link is up."""
        self.boots = 0

    @abstractmethod
    def cut(self, data: bytes) -> list[Any]:
        """Cut bytes into answers; None for a bad one."""

    @abstractmethod
    async def readings(self, names: list[str]) -> list[Reading]:
        """Read these channels; raises one of LINK_ERRORS, or ValueError in words."""

    @abstractmethod
    def channel(self, name: str) -> Channel:
        """Make a channel."""

    async def connect(self) -> None:
        """Begin to connect."""
        self.trace = trace_of(self, self.TYPE)
        options = self.options
        self.dialogue = Dialogue(
            self, self.cut, self._broken, where=options.where, baud=options.baud, trace=self.trace
        )
        self.publish("restarts_seen", 0)
        self.publish("identity", None, Severity.INVALID, "not asked yet")
        self.dialogue.start()

    async def disconnect(self) -> None:
        """Hang up; nothing is stopped by it."""
        await self.dialogue.close()
        if self._reader:
            self._reader.cancel()
            await asyncio.wait({self._reader})
        if self.trace:
            self.trace.close()

    async def attach(self, channel: str) -> Channel:
        """See `Controller`."""
        if channel not in self.options.axes:
            raise Refused(
                "unknown", f"{self.name} has no axis {channel!r}; it has {', '.join(self.options.axes)}"
            )
        if channel not in self._channels:
            self._channels[channel] = self.channel(channel)
        return self._channels[channel]

    async def read(self, channel: str) -> Reading:
        """Read an axis with whoever else wants to be read now."""
        wanted = self._wanted.setdefault(channel, asyncio.get_running_loop().create_future())
        if self._reader is None or self._reader.done():
            self._reader = asyncio.create_task(self._read())
        return await asyncio.shield(wanted)

    def introduced(self, identity: str) -> None:
        """The controller has said what it is, on this link."""
        self.known = True
        self.publish("identity", identity)

    def restarted(self) -> None:
        """The controller has lost what it was told."""
        self.boots += 1
        self.publish("restarts_seen", self.boots, Severity.MINOR, "the controller has restarted")

    def _broken(self, reason: str) -> None:
        self.known = False
        self.invalidate(reason, "identity")

    async def _read(self) -> None:
        await asyncio.sleep(0)  # whoever asks in this turn of the loop comes along
        while self._wanted:
            some = dict(list(self._wanted.items())[: self.AT_ONCE])
            for channel in some:
                del self._wanted[channel]
            try:
                readings = await self.readings(list(some))
                for wanted, reading in zip(some.values(), readings, strict=True):
                    if not wanted.done():
                        wanted.set_result(reading)
            except (*LINK_ERRORS, ValueError) as error:
                for wanted in some.values():
                    if not wanted.done():
                        wanted.set_exception(TimeoutError(str(error)))
