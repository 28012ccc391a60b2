"""An emulated motor controller as an instrument: axes on rails, over TCP or a pty, with faults to switch."""

import asyncio
import time
from abc import abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from hitline.bus.attribute import Attribute, Command
from hitline.bus.instrument import Instrument

from .compare import Compare
from .motion_table import MOST_AXES, MOTION_EMULATOR, MotionEmulatorOptions
from .moves_file import MovesFile
from .rail import Rail
from .serve import Line, PtyServer, TcpServer
from .world.world import world_of

TICK_S = 0.1
ZEROS: dict[str, Any] = {"str": "", "bool": False, "int": 0, "float": 0.0}


class MotionEmulator(Instrument):
    """The controller and its rails; `device` has the first, `rails` are by the names of axes.

    A device takes bytes and gives replies (`receive`), has `motors` by the same names, counts `telegrams`,
    refuses the next `refuse` of them, and can `reboot(seconds)`.
    """

    KINDS: ClassVar[tuple[str, ...]] = ("motion_emulator",)
    ATTRIBUTES: ClassVar[tuple[Attribute, ...]] = MOTION_EMULATOR
    COMMANDS: ClassVar[tuple[Command, ...]] = (
        Command("reboot", "Power off and on.", args=(("silence_s", "float"),)),
        Command("cut", "Break all connections."),
    )
    Options: ClassVar[type | None] = MotionEmulatorOptions

    def __init__(
        self,
        name: str,
        options: Any = None,
        *,
        clock_ns: Callable[[], int] = time.time_ns,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(name, options or type(self).Options(), clock_ns=clock_ns)  # type: ignore[misc]
        self.compare = Compare(Rail(clock_s), self.options.jitter_us * 1e-6)
        """The output for pulses, of controllers that have one."""
        ends = (-self.options.rail_steps, self.options.rail_steps)
        self.rails = {axis: Rail(clock_s, ends) for axis in self.options.axes}
        self.line = Line()
        self.device = self.make(self.rails, clock_s)
        self.focus = self.options.axes[0]
        """The axis that faults are about."""

    @abstractmethod
    def make(self, rails: dict[str, Rail], clock_s: Callable[[], float]) -> Any:
        """Make the device on these rails."""

    @property
    def motor(self) -> Any:
        """The axis of the device that faults are about."""
        return self.device.motors[self.focus]

    async def connect(self) -> None:
        """Listen."""
        if self.station is not None:
            world_of(self.station).wires.append(self.compare.pulses)
        options, receive = self.options, self.device.receive
        self._moves = MovesFile(options.moves) if options.moves else None
        self.tcp, self.pty = TcpServer(receive, self.line), PtyServer(receive, self.line)
        if options.pty:
            self.pty.open(Path(options.pty))
            where = options.pty
        else:
            where = f"tcp://{options.address}:{await self.tcp.open(options.address, options.port)}"
        self.publish("axis", self.focus)
        for attribute in self.ATTRIBUTES:
            if attribute.writable and attribute.name != "axis":
                value = getattr(options, attribute.name, ZEROS[attribute.dtype])
                await getattr(self, f"set_{attribute.name}")(value)
        self.publish("listening", where)
        self._ticker = asyncio.create_task(self._tick())

    async def disconnect(self) -> None:
        """Hang up."""
        if self.station is not None:
            world_of(self.station).wires.remove(self.compare.pulses)
        self._ticker.cancel()
        await asyncio.wait({self._ticker})
        self.pty.close()
        await self.tcp.close()
        self._show()
        if self._moves:
            self._moves.close()

    async def do_reboot(self, silence_s: float) -> None:
        """Lose everything but the place of the carriages."""
        self.device.reboot(silence_s)

    async def do_cut(self) -> None:
        """Break all connections."""
        self.tcp.cut()

    async def set_axis(self, value: str) -> str:
        """Choose the axis that faults are about."""
        self.focus = value if value in self.rails else self.focus
        self.publish("axis", self.focus)
        return self.focus

    async def set_late_ms(self, value: float) -> float:
        """Delay answers."""
        self.line.late_s = value / 1e3
        self.publish("late_ms", value)
        return value

    def fault(self, owner: object, name: str, value: Any) -> Any:
        """Switch a fault."""
        setattr(owner, name.removesuffix("_pulse"), value)
        self.publish(name, value)
        return value

    async def _tick(self) -> None:
        while True:
            self._show()
            await asyncio.sleep(TICK_S)

    def _show(self) -> None:
        if self.device.telegrams != self.value("telegrams"):
            self.publish("telegrams", self.device.telegrams)
        stopped_s = max(motor.stopped_s for motor in self.device.motors.values())
        if stopped_s != self.value("stopped"):
            self.publish("stopped", stopped_s)
        if self._moves:
            self._moves.write(self.rails)
        places = [float(rail.place) for rail in self.rails.values()]
        self.publish("places", [*places, *[0.0] * (MOST_AXES - len(places))])


OWNERS: dict[str, Callable[[MotionEmulator], object]] = {
    "silent": lambda e: e.line,
    "garbage": lambda e: e.line,
    "refuse": lambda e: e.device,
    "lose": lambda e: e.rails[e.focus].flaws,
    "stalled": lambda e: e.rails[e.focus].flaws,
    "stuck_plus": lambda e: e.rails[e.focus].flaws,
    "stuck_minus": lambda e: e.rails[e.focus].flaws,
    "lose_pulse": lambda e: e.compare,
    "extra_pulse": lambda e: e.compare,
}
"""What has the fault of each name."""


def _setter(name: str) -> Callable[[MotionEmulator, Any], Any]:
    async def set_it(self: MotionEmulator, value: Any) -> Any:
        return self.fault(OWNERS[name](self), name, value)

    return set_it


for _name in OWNERS:
    setattr(MotionEmulator, f"set_{_name}", _setter(_name))
