"""An emulated controller over TCP, its driver and an axis, in one process."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hitline.bus.station import Station
from hitline.ioc.drivers.axis import AxisInstrument
from hitline.ioc.drivers.axis_options import AxisOptions
from hitline.ioc.drivers.phymotion.driver import PhyMotion, PhyMotionOptions
from hitline.ioc.emulators.phytron.instrument import PhyMotionEmulator, PhyMotionEmulatorOptions


@dataclass
class Bench:
    """The parts."""

    emulator: PhyMotionEmulator
    controller: PhyMotion
    axis: AxisInstrument

    def __getitem__(self, name: str) -> Any:
        return self.axis.value(name)

    def quality(self, name: str) -> tuple[str, str]:
        update = self.axis.board.updates[name]
        return update.severity.name, update.status

    @property
    def rail(self) -> Any:
        """The carriage."""
        return self.emulator.motor.rail

    async def set(self, name: str, value: Any) -> Any:
        return await getattr(self.axis, f"set_{name}")(value)

    async def until(self, condition: Callable[[], Any], timeout_s: float = 10.0) -> None:
        """Wait for news of the axis that make it true."""
        news = asyncio.Event()
        before = self.axis.on_update

        def noted(name: str, update: Any) -> None:
            before(name, update)
            news.set()

        self.axis.on_update = noted
        try:
            async with asyncio.timeout(timeout_s):
                while not condition():
                    news.clear()
                    await news.wait()
        finally:
            self.axis.on_update = before

    async def turns(self, condition: Callable[[], Any], timeout_s: float = 10.0) -> None:
        """Wait until something that the axis does not tell is true."""
        async with asyncio.timeout(timeout_s):
            while not condition():
                await asyncio.sleep(0.01)

    async def rest(self, timeout_s: float = 10.0) -> None:
        """Wait until nothing is left to do."""
        await self.until(lambda: self["done"], timeout_s)

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


async def axis_on(controller: Any, folder: Path, name: str = "x", **options: Any) -> AxisInstrument:
    """An axis of a controller in the same process."""
    axis = AxisInstrument(name, AxisOptions(controller=controller.name, **{**AXIS, **options}))
    axis.station = Station("test", folder / "station.toml", data=folder / "runs")
    axis.neighbours = {controller.name: controller, name: axis}
    await axis.connect()
    return axis


@asynccontextmanager
async def motion(
    folder: Path,
    *,
    emulator: dict[str, Any] | None = None,
    controller: dict[str, Any] | None = None,
    **options: Any,
) -> AsyncIterator[Bench]:
    """A bench whose axis has been read."""
    rails = PhyMotionEmulator(
        "emu", PhyMotionEmulatorOptions(port=0, **{"rail_steps": 20_000, **(emulator or {})})
    )
    await rails.connect()
    where = rails.value("listening")
    box = PhyMotion("box", PhyMotionOptions(where=where, **(controller or {})))
    await box.connect()
    axis = await axis_on(box, folder, **options)
    bench = Bench(rails, box, axis)
    try:
        await bench.until(lambda: bench.quality("position")[0] != "INVALID")
        yield bench
    finally:
        await bench.axis.disconnect()
        await box.disconnect()
        await rails.disconnect()
