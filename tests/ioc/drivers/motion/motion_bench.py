"""An emulated controller over TCP, its driver and an axis, in one process."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hitline.bus.station import Station
from hitline.ioc.drivers.axis import AxisInstrument
from hitline.ioc.drivers.axis_options import AxisOptions
from hitline.ioc.drivers.line_controller import LineController
from hitline.ioc.drivers.phytron.mcc import Mcc
from hitline.ioc.drivers.phytron.phymotion import PhyMotion
from hitline.ioc.drivers.pi.driver import Pi
from hitline.ioc.emulators.motion import MotionEmulator
from hitline.ioc.emulators.phytron.instrument import MccEmulator, PhyMotionEmulator
from hitline.ioc.emulators.pi.instrument import PiEmulator
from kit.patience import WAIT_S
from kit.until import heard, until

KINDS: dict[str, tuple[Any, Any, str, dict[str, Any]]] = {
    "phymotion": (PhyMotion, PhyMotionEmulator, "1.1", {}),
    "mcc": (Mcc, MccEmulator, "X", {}),
    "pi": (Pi, PiEmulator, "1", {"referenced": True, "travel": 20.0}),
}
"""Driver, emulator, name of the first axis, options of the emulator."""


@dataclass
class Bench:
    """The parts."""

    emulator: MotionEmulator
    controller: LineController
    axis: AxisInstrument

    def __getitem__(self, name: str) -> Any:
        return self.axis.value(name)

    def quality(self, name: str) -> tuple[str, str]:
        update = self.axis.board.updates[name]
        return update.severity.name, update.status

    @property
    def rail(self) -> Any:
        """The carriage."""
        return self.emulator.rails[self.emulator.focus]

    async def set(self, name: str, value: Any) -> Any:
        return await getattr(self.axis, f"set_{name}")(value)

    async def until(self, condition: Callable[[], Any], limit_s: float = WAIT_S) -> None:
        """Wait for news of the axis that make it true."""
        await until(condition, limit_s, listen=heard(self.axis))

    async def turns(self, condition: Callable[[], Any]) -> None:
        """Wait until something that the axis does not tell is true."""
        await until(condition)

    async def rest(self, limit_s: float = WAIT_S) -> None:
        """Wait until nothing is left to do."""
        await self.until(lambda: self["done"], limit_s)

    async def go(self, target: float) -> None:
        await self.set("target", target)
        await self.rest()


AXIS = {
    "resolution": 0.001,
    "velocity": 20.0,
    "acceleration_time": 0.05,
    "home_velocity": 40.0,
    "poll_s": 0.1,
}


async def axis_on(
    controller: Any,
    folder: Path,
    name: str = "x",
    clock_s: Callable[[], float] = time.monotonic,
    **options: Any,
) -> AxisInstrument:
    """An axis of a controller in the same process."""
    made = AxisOptions(controller=controller.name, **{**AXIS, **options})
    axis = AxisInstrument(name, made, clock_s=clock_s)
    axis.station = Station("test", folder / "station.toml", data=folder / "runs")
    axis.neighbours = {controller.name: controller, name: axis}
    await axis.connect()
    return axis


@asynccontextmanager
async def motion(
    folder: Path,
    *,
    kind: str = "phymotion",
    pty: bool = False,
    emulator: dict[str, Any] | None = None,
    controller: dict[str, Any] | None = None,
    clock_s: Callable[[], float] = time.monotonic,
    **options: Any,
) -> AsyncIterator[Bench]:
    """A bench whose axis has been read, over TCP or a serial line."""
    driver, emulated, first, usual = KINDS[kind]
    link = {"pty": str(folder / "line")} if pty else {"port": 0}
    rails = emulated(
        "emu",
        emulated.Options(**{"rail_steps": 20_000, **usual, **link, **(emulator or {})}),
        clock_s=clock_s,
    )
    await rails.connect()
    box = driver("box", driver.Options(where=rails.value("listening"), **(controller or {})))
    await box.connect()
    options = {"channel": first, **options}
    axis = await axis_on(box, folder, clock_s=clock_s, **options)
    bench = Bench(rails, box, axis)
    try:
        await bench.until(lambda: bench.quality("position")[0] != "INVALID")
        yield bench
    finally:
        await bench.axis.disconnect()
        await box.disconnect()
        await rails.disconnect()
