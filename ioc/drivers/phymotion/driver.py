"""Phytron phyMOTION: a controller of several steppers, over TCP or a serial line.

Readings that are asked for together go into one telegram. Stop goes out at once, before all that waits, and a
move that was waiting is then not sent any more. The only write that start-up makes are the soft limits, which
each axis programs when it has read where it is.
"""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from hitline.bus.attribute import Attribute, Refused, Severity

from ...axis.actions import Reading
from ...protocols.phytron.status import BUSY_BITS, PROBLEMS, Status
from ...protocols.phytron.telegram import Field, Framer, TelegramError, decode_reply, encode
from ...stream import Stream
from ...trace import trace_of
from ..controller import Channel, Controller
from .channel import PhyMotionChannel

ANSWER_S = 0.5
"""An exchange takes some 10 ms; longer is silence."""
MARK, MARKED = "R1009", 4711
"""A register that a restart sets to 0: what it should hold tells of one."""
AT_ONCE = 12
"""Channels in one telegram: three commands each."""

CONTROLLER = (
    Attribute("where", "str", "Address of the controller."),
    Attribute("identity", "str", "What the controller calls itself."),
    Attribute("answer_ms", "float", "Time of the last answer.", unit="ms", precision=2),
    Attribute("answers_missing", "int", "Telegrams that were not answered."),
    Attribute("answers_bad", "int", "Answers that could not be read."),
    Attribute("restarts_seen", "int", "Restarts of the controller."),
)


@dataclass(frozen=True, kw_only=True)
class PhyMotionOptions:
    """Options of a phyMOTION."""

    where: str
    """tcp://host:22222, or a serial port such as /dev/ttyUSB0."""
    baud: int = field(default=115200, metadata={"low": 300, "high": 4_000_000})
    """Of a serial port."""
    address: str = field(default="0", metadata={"pattern": "[0-9A-F]"})
    """Address in the telegrams."""
    axes: tuple[str, ...] = ("1.1",)
    """Axes that exist, as module.axis."""
    homing: str = field(default="limit", metadata={"choices": ("limit", "centre")})
    """What a reference run looks for."""
    trace: Path | None = None
    """Folder for a record of all that is sent and received."""


class PhyMotion(Controller):
    """The controller; its axes are instruments of their own, in the same process."""

    ATTRIBUTES: ClassVar[tuple[Attribute, ...]] = CONTROLLER
    Options: ClassVar[type | None] = PhyMotionOptions

    def __init__(self, name: str, options: Any = None, **clocks: Any) -> None:
        super().__init__(name, options, **clocks)
        self._channels: dict[str, PhyMotionChannel] = {}
        self._framer = Framer()
        self._turn = asyncio.Lock()
        self._waiting: deque[asyncio.Future[list[Field]]] = deque()
        self._wanted: dict[str, asyncio.Future[Reading]] = {}
        self._reader: asyncio.Task[None] | None = None
        self.stops = 0
        """Grows with every stop: what was asked before and has not been sent is not sent any more."""
        self.boots = self.missing = self.bad = 0
        self._marked = False

    async def connect(self) -> None:
        """Begin to connect."""
        self.trace = trace_of(self, "phymotion")
        self.stream = Stream(
            self.options.where, self._received, self._broken, baud=self.options.baud, trace=self.trace
        )
        self.publish("where", self.options.where)
        for name in ("answers_missing", "answers_bad", "restarts_seen"):
            self.publish(name, 0)
        self.publish("identity", None, Severity.INVALID, "not asked yet")
        self.stream.start()

    async def disconnect(self) -> None:
        """Hang up; nothing is stopped by it."""
        await self.stream.close()
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
        return self._channels.setdefault(channel, PhyMotionChannel(self, channel))

    # Exchanges.

    async def exchange(self, commands: list[str], *, stops: int | None = None) -> list[Field]:
        """Send commands in one telegram; give their answers. `stops`: not when a stop came since."""
        async with self._turn:
            if stops is not None and stops != self.stops:
                return []
            return await self._send(commands)

    async def now(self, commands: list[str]) -> list[Field]:
        """The same before all that waits."""
        self.stops += 1
        return await self._send(commands)

    async def _send(self, commands: list[str]) -> list[Field]:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[list[Field]] = loop.create_future()
        begun_s = loop.time()
        self.stream.write(encode(commands, self.options.address))
        self._waiting.append(answer)
        try:
            async with asyncio.timeout(ANSWER_S):
                fields = await answer
        except TimeoutError:
            self.missing += 1
            self.publish("answers_missing", self.missing)
            # Answers carry no number: after a missing one, none that comes can be told from it.
            self.stream.reason = f"no answer within {ANSWER_S} s"
            self._forget()
            raise TimeoutError(f"{self.options.where}: no answer within {ANSWER_S} s") from None
        finally:
            if answer in self._waiting:
                self._waiting.remove(answer)
        self.publish("answer_ms", round((loop.time() - begun_s) * 1e3, 2))
        if len(fields) != len(commands):
            self._bad()
            raise TimeoutError(f"{self.options.where}: {len(fields)} answers to {len(commands)} commands")
        return fields

    def _received(self, data: bytes) -> None:
        for frame in self._framer.feed(data):
            try:
                fields = decode_reply(frame)
            except TelegramError:
                self._bad()
                continue
            if self._waiting:
                answer = self._waiting.popleft()
                if not answer.done():
                    answer.set_result(fields)
            else:
                self._bad()

    def _bad(self) -> None:
        self.bad += 1
        self.publish(
            "answers_bad", self.bad, Severity.MINOR, "an answer that could not be read, or came late"
        )

    def _broken(self, reason: str) -> None:
        self._forget()
        self._marked = False
        self.invalidate(reason, "identity")

    def _forget(self) -> None:
        for answer in self._waiting:
            if not answer.done():
                answer.set_exception(ConnectionError(f"{self.options.where}: {self.stream.reason}"))
        self._waiting.clear()

    # Readings, those that are wanted together in one telegram.

    async def read(self, channel: str) -> Reading:
        """Read an axis with whoever else wants to be read now."""
        wanted = self._wanted.setdefault(channel, asyncio.get_running_loop().create_future())
        if self._reader is None or self._reader.done():
            self._reader = asyncio.create_task(self._read())
        return await asyncio.shield(wanted)

    async def _read(self) -> None:
        await asyncio.sleep(0)  # whoever asks in this turn of the loop comes along
        while self._wanted:
            some = dict(list(self._wanted.items())[:AT_ONCE])
            for channel in some:
                del self._wanted[channel]
            try:
                await self._mark()
                asked = [c for name in some for c in (f"SE{name}", f"M{name}P20R", f"M{name}P22R")]
                fields = await self.exchange(asked)
                for number, wanted in enumerate(some.values()):
                    if not wanted.done():
                        wanted.set_result(self._reading(fields[3 * number : 3 * number + 3]))
            except (OSError, TimeoutError, ValueError) as error:
                for wanted in some.values():
                    if not wanted.done():
                        wanted.set_exception(TimeoutError(str(error)))

    def _reading(self, fields: list[Field]) -> Reading:
        if not all(field.ok for field in fields):
            raise ValueError("the axis is not there: check the modules of the controller")
        bits, steps, encoder = (int(field.text) for field in fields)
        problems = [text for bit, text in PROBLEMS.items() if bits & bit]
        return Reading(
            steps,
            encoder,
            moving=bool(bits & BUSY_BITS),
            limit_plus=bool(bits & Status.LIMIT_PLUS),
            limit_minus=bool(bits & Status.LIMIT_MINUS),
            home_switch=bool(bits & Status.CENTRE),
            homed=bool(bits & Status.INITIALISED),
            problem=", ".join(problems),
            slip=bool(bits & Status.STEP_LOSS),
            boots=self.boots,
        )

    async def _mark(self) -> None:
        """See whether the controller has restarted: the mark in a register is gone then."""
        (found,) = await self.exchange([f"{MARK}R"])
        if found.ok and found.text != str(MARKED):
            if self._marked:
                self.boots += 1
                self.publish("restarts_seen", self.boots, Severity.MINOR, "the controller has restarted")
            identity, _ = await self.exchange(["IM0", f"{MARK}={MARKED}"])
            self.publish("identity", identity.text)
        self._marked = True
