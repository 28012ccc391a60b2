"""One driver of a Katherine with its emulated readout, and what came of a run."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from hitline.bus.formats.katherine import KatherineDecoder
from hitline.bus.formats.katherine_setup import Setup
from hitline.bus.log.block import Kind, decode_facts
from hitline.bus.log.reader import open_run
from hitline.bus.node import Node
from hitline.bus.satellite import Satellite
from hitline.bus.station import Station
from hitline.ioc.drivers.katherine.driver import Katherine
from hitline.ioc.drivers.katherine.options import KatherineOptions
from katherine_rig import Rig
from kit.until import heard, until


@dataclass
class Bench:
    """A driver on the bus, the emulator behind it, and the folder of the run logs."""

    driver: Katherine
    satellite: Satellite
    rig: Rig | None
    root: Path

    def __getitem__(self, name: str) -> Any:
        return self.driver.value(name)

    def quality(self, name: str) -> tuple[str, str]:
        """Severity and reason of an attribute."""
        update = self.driver.board.updates[name]
        return update.severity.name, update.status

    async def set(self, name: str, value: Any) -> None:
        """Write an attribute, and wait until the chip has been set up where that is what it does."""
        await getattr(self.driver, f"set_{name}")(value)
        await self.driver.chip.finished()

    async def run(self, run_id: str = "r1") -> None:
        """Launch and start."""
        await self.satellite.move("launch")
        await self.satellite.move("start", run_id)

    async def begin(self) -> None:
        """Begin an exposure."""
        await self.driver.set_acquire("Acquire")

    async def end(self) -> None:
        """Wait for the end of the exposure."""
        await self.until(lambda: not self.driver.acquiring)

    async def acquire(self) -> None:
        """Take one exposure, in the run that is open or in one of its own."""
        await self.begin()
        await self.end()

    async def until(self, condition: Callable[[], Any]) -> None:
        """Wait for news that make the condition true."""
        await until(condition, listen=heard(self.driver))

    def log(self, run: str = "r1") -> "Log":
        """What is in the log of a run."""
        return Log.read(self.root / run / "kat1")

    @property
    def truth(self) -> list[Any]:
        """Frames that the emulator sent."""
        return self.rig.emulator.sent


@asynccontextmanager
async def driver_on(
    group: str, folder: Path, options: dict[str, Any], rig: Rig | None = None
) -> AsyncIterator[Bench]:
    """A driver on the bus, with whatever is at its address."""
    driver = Katherine("kat1", KatherineOptions(**options))
    driver.station = Station(group, folder / "station.toml", data=folder / "runs")
    async with Node(group, "backend") as node:
        satellite = Satellite(driver)
        node.add(satellite)
        await satellite.start()
        yield Bench(driver, satellite, rig, folder / "runs")


@dataclass
class Log:
    """A run as it stands on disk, decoded by the facts in it."""

    opened: dict[str, Any]
    begins: list[dict[str, Any]]
    ends: list[dict[str, Any]]
    totals: dict[str, Any]
    payloads: list[bytes]
    """Raw words by exposure."""

    @classmethod
    def read(cls, folder: Path) -> "Log":
        run = open_run(folder)
        marks: dict[int, list[dict[str, Any]]] = {kind: [] for kind in (Kind.OPEN, Kind.BEGIN, Kind.END)}
        payloads: list[bytearray] = []
        for header, payload in run:
            if header.kind == Kind.BEGIN:
                payloads.append(bytearray())
            if header.kind == Kind.DATA:
                payloads[-1] += payload
            elif header.kind in marks:
                marks[header.kind].append(decode_facts(payload))
        opened, begins, ends = (marks[kind] for kind in (Kind.OPEN, Kind.BEGIN, Kind.END))
        return cls(opened[0], begins, ends, run.totals or {}, [bytes(words) for words in payloads])

    def decoded(self, exposure: int = 1) -> dict[str, np.ndarray]:
        """Columns of all pixels of an exposure, by the set-up in its BEGIN."""
        setup = Setup.of(self.begins[exposure - 1])
        batch = KatherineDecoder.of(setup).feed(self.payloads[exposure - 1])
        table = batch.hits if setup.timed else batch.counted
        columns = {name: getattr(table, name) for name in table.DTYPES}
        return {**columns, "frame": batch.frame, "extra": batch.hit_count}
