"""An emulated phyMOTION as an instrument: axes on rails, served over TCP or a pty, with faults to switch."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from hitline.bus.attribute import Attribute, Command
from hitline.bus.instrument import Instrument

from ..rail import Rail
from ..serve import Line, PtyServer, TcpServer
from .motor import Motor
from .phymotion import PhyMotion

TICK_S = 0.1
ZEROS: dict[str, Any] = {"str": "", "bool": False, "int": 0, "float": 0.0}


@dataclass(frozen=True, kw_only=True)
class PhyMotionEmulatorOptions:
    """Options of an emulated phyMOTION."""

    address: str = "127.0.0.1"
    """Address of this computer that it listens at."""
    port: int = field(default=22222, metadata={"low": 0, "high": 65535})
    """TCP port; 0: any."""
    pty: str = ""
    """Path of a link to a serial line instead of TCP."""
    axes: tuple[str, ...] = ("1.1",)
    """Axes that exist, as module.axis."""
    rail_steps: int = field(default=100_000, metadata={"low": 1})
    """Steps from the middle of each rail to its switches."""
    encoder: bool = True
    """Axes have encoders, a count for each step."""


class PhyMotionEmulator(Instrument):
    """The controller and its rails; `device` has them."""

    KINDS: ClassVar[tuple[str, ...]] = ("motion_emulator",)
    ATTRIBUTES: ClassVar[tuple[Attribute, ...]] = (
        Attribute("listening", "str", "Where it listens."),
        Attribute("telegrams", "int", "Telegrams that came."),
        Attribute("places", "<f8", "Place of each carriage, steps.", shape=(32,)),
        Attribute("silent", "bool", "Nothing is answered.", access="rw"),
        Attribute("garbage", "int", "Answers to come that are noise.", access="rw", low=0, high=10**6),
        Attribute("refuse", "int", "Telegrams to come that get NAK.", access="rw", low=0, high=10**6),
        Attribute(
            "late_ms",
            "float",
            "Delay of answers.",
            unit="ms",
            precision=1,
            access="rw",
            low=0.0,
            high=60_000.0,
        ),
        Attribute("axis", "str", "Axis that the next ones are about.", access="rw"),
        Attribute("lose", "int", "Steps that the next move loses.", access="rw", low=0, high=10**6),
        Attribute("stalled", "bool", "The carriage stands still.", access="rw"),
        Attribute("stuck_plus", "bool", "The switch of growing steps hangs.", access="rw"),
        Attribute("stuck_minus", "bool", "The switch of falling steps hangs.", access="rw"),
        Attribute("stage_error", "bool", "The power stage has failed.", access="rw"),
        Attribute("step_loss", "bool", "The controller sees lost steps.", access="rw"),
    )
    COMMANDS: ClassVar[tuple[Command, ...]] = (
        Command("reboot", "Power off and on.", args=(("silence_s", "float"),)),
        Command("cut", "Break all connections."),
    )
    Options: ClassVar[type | None] = PhyMotionEmulatorOptions

    def __init__(
        self,
        name: str,
        options: Any = None,
        *,
        clock_ns: Callable[[], int] = time.time_ns,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(name, options or PhyMotionEmulatorOptions(), clock_ns=clock_ns)
        ends = (-self.options.rail_steps, self.options.rail_steps)
        motors = {
            axis: Motor(Rail(clock_s, ends), encoder=self.options.encoder) for axis in self.options.axes
        }
        self.line = Line()
        self.device = PhyMotion(motors, clock_s)
        self.motor = motors[self.options.axes[0]]
        """The axis that faults are about."""

    async def connect(self) -> None:
        """Listen."""
        options = self.options
        self.tcp, self.pty = (
            TcpServer(self.device.receive, self.line),
            PtyServer(self.device.receive, self.line),
        )
        if options.pty:
            self.pty.open(Path(options.pty))
            where = options.pty
        else:
            where = f"tcp://{options.address}:{await self.tcp.open(options.address, options.port)}"
        for attribute in self.ATTRIBUTES:
            if attribute.writable:
                self.publish(
                    attribute.name, {"str": "", "bool": False, "int": 0, "float": 0.0}[attribute.dtype]
                )
        self.publish("axis", options.axes[0])
        self.publish("listening", where)
        self._ticker = asyncio.create_task(self._tick())

    async def disconnect(self) -> None:
        """Hang up."""
        self._ticker.cancel()
        await asyncio.wait({self._ticker})
        self.pty.close()
        await self.tcp.close()

    async def do_reboot(self, silence_s: float) -> None:
        """Lose everything but the place of the carriages."""
        self.device.reboot(silence_s)

    async def do_cut(self) -> None:
        """Break all connections."""
        self.tcp.cut()

    async def set_axis(self, value: str) -> str:
        """Choose the axis that faults are about."""
        self.motor = self.device.motors[value]
        self.publish("axis", value)
        return value

    async def set_late_ms(self, value: float) -> float:
        """Delay answers."""
        self.line.late_s = value / 1e3
        self.publish("late_ms", value)
        return value

    async def _tick(self) -> None:
        while True:
            if self.device.telegrams != self.value("telegrams"):
                self.publish("telegrams", self.device.telegrams)
            places = [float(motor.rail.place) for motor in self.device.motors.values()]
            self.publish("places", [*places, *[0.0] * (32 - len(places))])
            await asyncio.sleep(TICK_S)


OWNERS: dict[str, Callable[[PhyMotionEmulator], object]] = {
    "silent": lambda e: e.line,
    "garbage": lambda e: e.line,
    "refuse": lambda e: e.device,
    "lose": lambda e: e.motor.rail.flaws,
    "stalled": lambda e: e.motor.rail.flaws,
    "stuck_plus": lambda e: e.motor.rail.flaws,
    "stuck_minus": lambda e: e.motor.rail.flaws,
    "stage_error": lambda e: e.motor,
    "step_loss": lambda e: e.motor,
}
"""What has the fault of each name."""


def _setter(name: str) -> Callable[[PhyMotionEmulator, Any], Any]:
    async def set_it(self: PhyMotionEmulator, value: Any) -> Any:
        setattr(OWNERS[name](self), name, value)
        self.publish(name, value)
        return value

    return set_it


for _name in OWNERS:
    setattr(PhyMotionEmulator, f"set_{_name}", _setter(_name))
