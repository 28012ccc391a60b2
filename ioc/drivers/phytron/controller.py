"""What phyMOTION and MCC have in common: telegrams, a mark that tells of restarts, actions as commands."""

from abc import abstractmethod
from collections.abc import Callable
from typing import ClassVar

from hitline.bus.attribute import Refused

from ...axis.actions import Action, Home, MoveTo, Reading, Stop, StopHard
from ...protocols.phytron.status import RAMPS
from ...protocols.phytron.telegram import Field, Framer, TelegramError, decode_reply, encode
from ..controller import Channel
from ..line_controller import LineController

Wanted = Callable[[], bool]
MARK, MARKED = "R1009", 4711
"""A register that a restart sets to 0: what it should hold tells of one."""


def always() -> bool:
    """Whatever happens meanwhile."""
    return True


class PhytronController(LineController):
    """A controller that talks in telegrams."""

    SETS: ClassVar[str] = "="
    """Between the name of a register or parameter and its new value."""
    IDENTITY: ClassVar[str]
    """Asks what it is."""
    FASTEST_HZ: ClassVar[float]

    def __init__(self, name: str, options: object = None, **clocks: object) -> None:
        super().__init__(name, options, **clocks)
        self._framer = Framer()
        self._marked = False

    def channel(self, name: str) -> Channel:
        """See `LineController`."""
        return PhytronChannel(self, name)

    def cut(self, data: bytes) -> list[list[Field] | None]:
        """See `LineController`."""
        return [_fields(frame) for frame in self._framer.feed(data)]

    @abstractmethod
    async def exchange(self, commands: list[str], wanted: Wanted = always) -> list[Field]:
        """Have commands carried out; give their answers. Not any more when they are not `wanted` then."""

    @abstractmethod
    def spell(self, axis: str, action: Action) -> list[str]:
        """Put an action into commands."""

    @abstractmethod
    def stop_command(self, axis: str, *, hard: bool) -> str:
        """The command that stops an axis."""

    async def telegram(self, commands: list[str], wanted: Wanted = always) -> list[Field]:
        """Exchange one telegram."""
        fields = await self.dialogue.ask(self.encode(commands), wanted)
        if fields is None:
            return []
        if len(fields) != len(commands):
            self.dialogue.spoilt()
            raise TimeoutError(f"{self.options.where}: {len(fields)} answers to {len(commands)} commands")
        return list(fields)

    def encode(self, commands: list[str]) -> bytes:
        """Make a telegram."""
        return encode(commands, self.options.address)

    async def asked_marked(self, commands: list[str]) -> list[Field]:
        """Ask, and look whether the controller has restarted before it answered; the mark is asked last."""
        *fields, mark = await self.exchange([*commands, f"{MARK}R"])
        if mark.ok and mark.text != str(MARKED):
            if self._marked:
                self.restarted()
            await self.exchange([f"{MARK}{self.SETS}{MARKED}"])
        self._marked = True
        if not self.known:
            (identity,) = await self.exchange([self.IDENTITY])
            self.introduced(identity.text)
        return fields


class PhytronChannel(Channel):
    """One axis of it."""

    def __init__(self, controller: PhytronController, name: str) -> None:
        self._controller, self._name = controller, name
        self.fastest_hz = controller.FASTEST_HZ
        self._stops = 0

    async def read(self) -> Reading:
        """See `Channel`."""
        return await self._controller.read(self._name)

    async def act(self, action: Action) -> None:
        """See `Channel`; Refused with the command that was answered with NAK."""
        if isinstance(action, Stop | StopHard):
            await self.stop(hard=isinstance(action, StopHard))
            return
        commands = self._controller.spell(self._name, action)
        if not commands:
            return
        stops = self._stops
        wanted = (lambda: stops == self._stops) if isinstance(action, MoveTo | Home) else always
        answers = await self._controller.exchange(commands, wanted)
        for command, answer in zip(commands, answers, strict=False):
            if not answer.ok:
                raise Refused("failed", f"{self._name}: the controller does not take {command!r}")

    async def stop(self, *, hard: bool = False) -> None:
        """See `Channel`."""
        controller = self._controller
        self._stops += 1  # a move that waits is not sent any more
        await controller.dialogue.now(controller.encode([controller.stop_command(self._name, hard=hard)]))


def speed(hz: float, fastest_hz: float) -> int:
    """Speed that the controller takes, Hz."""
    return int(min(max(round(hz), 1), fastest_hz))


def ramp(hz_s: float) -> int:
    """Ramp that the controller takes, Hz/s."""
    return int(min(max(hz_s, RAMPS[0]), RAMPS[1]))


def _fields(frame: bytes) -> list[Field] | None:
    try:
        return decode_reply(frame)
    except TelegramError:
        return None
