"""An axis: the motor record's behaviour on a channel of a controller.

One task reads the channel, hands the reading to the axis (`hitline.ioc.axis`) and carries out what it asks
for, one action after the other. A stop does not wait for it: it goes to the channel at once. The axis only
believes in rest by a reading that began after its last action was carried out.
"""

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from hitline.bus.attribute import Attribute, Command, Refused, Severity
from hitline.bus.instrument import Instrument

from ..axis.actions import Action, SetLimits
from ..axis.axis import Axis, asks_for_move
from ..axis.core import Denied
from ..axis.settings import Settings
from ..axis.shown import UNKNOWN, failure, shown
from .axis_memory import Keeper, load
from .axis_options import AxisOptions
from .axis_table import AXIS, AXIS_COMMANDS, axis_attributes
from .controller import LINK_ERRORS, Channel, Controller

SEVERITIES = {
    "NO_ALARM": Severity.OK, "HIGH": Severity.MINOR, "LOW": Severity.MINOR, "STATE": Severity.MAJOR,
    "COMM": Severity.INVALID,
}  # fmt: skip

SHORTEST_S = 0.002
"""Between two readings, however slow the controller is."""
log = logging.getLogger(__name__)


class AxisInstrument(Instrument):
    """One axis."""

    KINDS: ClassVar[tuple[str, ...]] = ("axis",)
    ATTRIBUTES: ClassVar[tuple[Attribute, ...]] = AXIS
    COMMANDS: ClassVar[tuple[Command, ...]] = AXIS_COMMANDS
    Options: ClassVar[type | None] = AxisOptions

    channel: Channel

    def __init__(
        self,
        name: str,
        options: Any = None,
        *,
        clock_ns: Callable[[], int] = time.time_ns,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._table = axis_attributes(options.unit, options.precision) if options else AXIS
        super().__init__(name, options, clock_ns=clock_ns)
        self._clock_s = clock_s
        self.axis = Axis(options.settings() if options else None)
        self._shown: dict[str, Any] = {}
        self._shown_settings: Settings | None = None
        self._due: deque[Action] = deque()
        self._acted = 0
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.hurry_s = 0.0
        """Time between readings while somebody needs them faster than the options say; 0: nobody does."""
        self.read_s = self.read_error_s = 0.0
        """Monotonic time of the last reading, and how much earlier or later it may have been."""
        self.listeners: list[Callable[[], None]] = []
        """Called after each reading, also after one that failed."""

    def attributes(self) -> tuple[Attribute, ...]:
        """With the unit and the digits of the options."""
        return self._table

    async def connect(self) -> None:
        """Find the controller; begin to read. Nothing is written before the first reading."""
        options = self.options
        controller = self.neighbours.get(options.controller)
        if not isinstance(controller, Controller):
            raise Refused(
                "unknown",
                f"{self.name}: there is no controller {options.controller!r} in its process: give both the "
                "same `process` in the station file",
            )
        self.channel = await controller.attach(options.channel)
        root = self.station.data if self.station else Path()
        self._keeper = Keeper(self.name, root / ".state" / f"{self.name}.axis.json")
        for name, value in (
            ("unit", options.unit),
            ("precision", options.precision),
            ("controller", f"{options.controller} {options.channel}"),
        ):
            self.publish(name, value)
        self.axis.lost("not read yet")
        self.show()
        self._task = asyncio.create_task(self._run())

    async def disconnect(self) -> None:
        """Read no more. A move under way goes on to its bounded end."""
        if self._task:
            self._task.cancel()
            await asyncio.wait({self._task})
            self._keeper.close()

    async def interrupt(self) -> None:
        """Come to rest."""
        await self.do_stop()

    # Commands.

    async def do_stop(self) -> None:
        """Stop at once, before all that waits."""
        self.axis.stop()
        self._drop()
        try:
            await self.channel.stop()
        except LINK_ERRORS as error:
            raise Refused("link", f"{self.name}: stop was sent into a broken link: {error}") from error
        finally:
            self._wake.set()
            self.show()

    async def do_clear(self) -> None:
        """Clear errors of the controller."""
        self.axis.clear()
        self._wake.set()

    async def do_restore(self) -> None:
        """Load the remembered position."""
        try:
            memory = load(self._keeper.path)
        except ValueError as error:
            raise Refused("failed", f"{self.name}: {error}") from error
        if memory is None:
            raise Refused("failed", f"{self.name}: no position is remembered in {self._keeper.path}")
        if memory.moving:
            raise Refused("state", f"{self.name}: a move was under way when it was remembered: home the axis")
        self._ask(lambda: self.axis.load(memory.dial))
        settings = self.axis.settings
        self.axis.settings = replace(settings, offset=memory.offset, direction=memory.direction)
        self.show()

    async def change(self, name: str, value: Any) -> Any:
        """Write an attribute."""
        if asks_for_move(name, value):
            self._fall()
        self._ask(lambda: self.axis.set(name, value, self._clock_s()), name)
        if self.axis.stopping:
            await self._halt()
        self.show()
        return self.value(name)

    def _fall(self) -> None:
        """Show that it is not done, as the record does at every such put; what comes next tells of a move.

        Clients wait for done to fall and rise, also where nothing moves or a limit refuses.
        """
        self._shown = {**self._shown, "done": False, "active": True}
        self._news("done", False, Severity.OK, "")
        self._news("active", True, Severity.OK, "")

    async def _halt(self) -> None:
        """A request that begins with a stop: the stop goes out at once."""
        self._drop()
        with contextlib.suppress(*LINK_ERRORS):  # the reading will say so
            await self.channel.stop()

    def _drop(self) -> None:
        """Forget what waits; the axis counts it as carried out."""
        self._acted += len(self._due)
        self._due.clear()

    def _ask(self, request: Callable[[], None], name: str = "") -> None:
        try:
            request()
        except Denied as denied:
            self.show()
            where = f"{self.name}.{name}" if name else self.name
            raise Refused(denied.code, f"{where}: {denied}") from None
        finally:
            self._wake.set()

    # The task.

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            begun_s = time.monotonic()
            try:
                await self._turn()
            except Exception as error:  # a fault of the program: the axis is shown as lost, and goes on
                log.exception("%s: the task of the axis", self.name)
                self.axis.lost(f"fault of the program: {error!r}")
            self.show()
            self._keeper.keep(self.axis)
            for listener in tuple(self.listeners):
                listener()
            if self.axis.reading is None or not (self._due or self.axis.waiting):
                pause_s = self.options.poll_moving_s if self.axis.active else self.options.poll_s
                await self._pause(begun_s + (self.hurry_s or pause_s) - time.monotonic())

    async def _turn(self) -> None:
        await self._carry_out()
        acted, asked_s = self._acted, time.monotonic()
        try:
            reading = await self.channel.read()
        except LINK_ERRORS as error:
            self.axis.lost(str(error) or type(error).__name__)
        else:
            self.read_error_s = (time.monotonic() - asked_s) / 2
            self.read_s = asked_s + self.read_error_s
            self.axis.update(replace(reading, acted=acted), self._clock_s())

    async def _carry_out(self) -> None:
        if self.axis.reading is None and not self.axis.active:
            return  # nothing is written before it was read
        self._due.extend(self.axis.take())
        while self._due:
            action = self._due.popleft()
            try:
                await self.channel.act(action)
            except LINK_ERRORS as error:
                self.axis.lost(str(error) or type(error).__name__)
                if isinstance(action, SetLimits):
                    self.axis.limits_lost()
            except Refused as refused:
                self.axis.turned_down(str(refused))
            self._acted += 1

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(max(seconds, SHORTEST_S)):
                await self._wake.wait()
        except TimeoutError:
            pass

    def show(self) -> None:
        """Show what has changed."""
        values = shown(self.axis, self._shown_settings)
        severity, reason = SEVERITIES[values["alarm"]], values["problem"]
        last, self._shown, self._shown_settings = self._shown, values, self.axis.settings
        was_active = last.get("active")
        if (last.get("alarm"), last.get("problem")) != (values["alarm"], reason):
            last = {}  # which every value may tell in its severity
        for name, value in values.items():
            if name in last and last[name] == value:
                continue
            if name == "active" and not value and was_active is not None:
                if was_active:
                    self.ended(name, failure(self.axis))
                continue
            worst = severity if name in ("position", "position_dial", "alarm", "problem") else Severity.OK
            text = reason if worst is not Severity.OK else ""
            if value is None and name in UNKNOWN:
                update = self.board.updates.get(name)
                self._news(name, update.value if update else None, Severity.INVALID, reason or "not known")
            else:
                self._news(name, value, worst, text)

    def _news(self, name: str, value: Any, severity: Severity, text: str) -> None:
        last = self.board.updates.get(name)
        if last is None or (last.value, last.severity, last.status) != (value, severity, text):
            self.publish(name, value, severity, text)


def _setter(name: str) -> Callable[[AxisInstrument, Any], Awaitable[Any]]:
    async def set_it(self: AxisInstrument, value: Any) -> Any:
        return await self.change(name, value)

    return set_it


for _attribute in AXIS:
    if _attribute.writable:
        setattr(AxisInstrument, f"set_{_attribute.name}", _setter(_attribute.name))
