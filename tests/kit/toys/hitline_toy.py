"""Instruments of another package, found by entry points: a readout that counts and a gauge that shows."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hitline.bus.attribute import Attribute, Command
from hitline.bus.instrument import Instrument
from hitline.bus.states import ALWAYS, Role, State


@dataclass(frozen=True)
class GaugeOptions:
    """Options of the gauge."""

    pressure_mbar: float = field(default=1000.0, metadata={"above": 0.0, "high": 2000.0})
    """What it shows."""
    table: Path | None = None
    """A calibration file."""


class ToyGauge(Instrument):
    """A pressure gauge that shows what it was told."""

    ATTRIBUTES = (
        Attribute(
            "pressure",
            "float",
            "Pressure in the chamber.",
            unit="mbar",
            precision=1,
            access="rw",
            low=0.0,
            high=2000.0,
        ),
    )
    Options = GaugeOptions

    async def connect(self) -> None:
        self.publish("pressure", self.options.pressure_mbar)

    async def set_pressure(self, value: float) -> float:
        self.publish("pressure", value)
        return value


class ToyLamp(Instrument):
    """A lamp, without options."""

    ATTRIBUTES = (Attribute("lit", "bool", "Whether it is on."),)


@dataclass(frozen=True)
class ReadoutOptions:
    """Options of the readout."""

    fail: str = ""
    """Name of the transition that fails."""
    hang: str = ""
    """Name of the transition that does not return."""


class ToyReadout(Instrument):
    """A detector without hits: it knows runs and counts exposures."""

    ROLE = Role.DYNAMIC
    KINDS = ("detector",)
    ATTRIBUTES = (
        Attribute("exposure", "int", "Number of the exposure."),
        Attribute("run", "str", "Run that is open."),
        Attribute("condition", "str", "Condition of the run."),
        Attribute("journal", "str", "Transitions so far."),
        Attribute("warming", "bool", "It warms up."),
    )
    COMMANDS = (
        Command("expose", "One exposure.", states=(State.RUN,)),
        Command("warm", "Begins something that fails.", states=ALWAYS, busy="warming"),
        Command("trip", "Fail.", states=ALWAYS, overtakes=True),
    )
    Options = ReadoutOptions

    async def connect(self) -> None:
        if self.options.fail == "connect":
            raise RuntimeError(f"{self.name} cannot connect")
        self.describe_more["feed"] = 1
        for name, value in (("exposure", 0), ("run", ""), ("condition", "GOOD"), ("journal", "")):
            self.publish(name, value)

    async def _step(self, name: str) -> None:
        if self.options.fail == name:
            raise RuntimeError(f"{self.name} cannot {name}")
        if self.options.hang == name:
            await asyncio.Event().wait()
        self.publish("journal", f"{self.value('journal')} {name}".strip())

    async def initialize(self, config: dict[str, Any]) -> None:
        await self._step("initialize")

    async def launch(self) -> None:
        await self._step("launch")

    async def land(self) -> None:
        await self._step("land")

    async def start(self, run_id: str) -> None:
        await self._step("start")
        self.publish("exposure", 0)
        self.publish("run", run_id)
        self.publish("condition", "GOOD")

    async def stop(self) -> None:
        await self._step("stop")
        self.publish("run", "")

    async def interrupt(self) -> None:
        self.publish("run", "")
        await self._step("interrupt")

    async def do_expose(self) -> None:
        self.publish("exposure", self.value("exposure") + 1)

    async def do_warm(self) -> None:
        self.publish("warming", True)
        asyncio.get_running_loop().call_later(0.05, self.ended, "warming", "the heater is broken")

    async def do_trip(self) -> None:
        self.on_failure(f"{self.name} tripped")
