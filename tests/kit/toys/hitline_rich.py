"""An instrument with an attribute and a command of every kind, for the tests of the faces."""

import asyncio
import os
from dataclasses import replace
from typing import Any

import numpy as np
from hitline.bus.attribute import Attribute, Command, Refused, Severity
from hitline.bus.instrument import Instrument
from hitline.bus.states import ALWAYS


class Rich(Instrument):
    """Has everything and does as it is told."""

    ATTRIBUTES = (
        Attribute(
            "voltage",
            "float",
            "Voltage of the sensor. It follows at once.",
            unit="V",
            precision=2,
            access="rw",
            low=-300.0,
            high=100.0,
            alarms=(-250.0, -200.0, 50.0, 80.0),
        ),
        Attribute("counts", "int", "Counts.", unit="1"),
        Attribute("preset", "int", "Counts to stop at.", access="rw", low=0, high=2**40),
        Attribute(
            "gate",
            "bool",
            "The gate is open.",
            access="rw",
            choices=("Closed", "Open"),
            choice_severity=(0, 1),
        ),
        Attribute(
            "mode",
            "enum",
            "How it works.",
            access="rw",
            choices=("Slow", "Very fast", "Off"),
            choice_severity=(0, 0, 2),
        ),
        Attribute("note", "str", "What somebody wrote.", access="rw"),
        Attribute("slow", "float", "Takes a second to be accepted.", access="rw", low=0.0, high=10.0),
        Attribute("image", "<i4", "A picture.", shape=(6, 8), unit="hits"),
        Attribute("edges", "<f8", "Edges of bins.", shape=(16,), unit="s", access="rw"),
        Attribute("silent", "float", "Never gets a value.", unit="K"),
        Attribute("moving", "bool", "It moves."),
        Attribute("place", "float", "Where it is.", unit="mm", precision=3, access="rw", busy="moving"),
    )
    if os.environ.get("RICH_OTHER"):  # another version of the instrument
        ATTRIBUTES = (
            replace(ATTRIBUTES[0], unit="kV"),
            *ATTRIBUTES[1:9],
            *ATTRIBUTES[10:],
            Attribute("extra", "int", "New."),
        )
    COMMANDS = (
        Command("stop", "Stop at once.", overtakes=True, states=ALWAYS),
        Command("jump", "Be somewhere else.", args=(("to", "float"),)),
        Command("call", "Write a note.", args=(("text", "str"),)),
        Command("pair", "Take two arguments.", args=(("count", "int"), ("text", "str"))),
        Command("trip", "Is not allowed."),
        Command("lose", "Lose the hardware."),
        Command("fail", "Break down.", states=ALWAYS),
    )

    async def connect(self) -> None:
        start: dict[str, Any] = {
            "voltage": 0.0,
            "counts": 2**33 + 1,
            "preset": 10,
            "gate": False,
            "mode": "Slow",
            "note": "hello",
            "slow": 1.0,
            "image": np.arange(48, dtype="<i4").reshape(6, 8),
            "edges": np.linspace(0, 1, 16),
            "moving": False,
            "place": 0.0,
        }
        for name, value in start.items():
            self.publish(name, value)

    async def _set(self, name: str, value: Any) -> Any:
        self.publish(name, value)
        return value

    async def set_voltage(self, value: float) -> float:
        return await self._set("voltage", value)

    async def set_preset(self, value: int) -> int:
        self.publish("counts", value, Severity.MINOR, "counting")
        return await self._set("preset", value)

    async def set_gate(self, value: bool) -> bool:
        return await self._set("gate", value)

    async def set_mode(self, value: str) -> str:
        return await self._set("mode", value)

    async def set_note(self, value: str) -> str:
        return await self._set("note", value)

    async def set_edges(self, value: np.ndarray) -> np.ndarray:
        return await self._set("edges", value)

    async def set_slow(self, value: float) -> float:
        await asyncio.sleep(1.0)
        return await self._set("slow", value)

    async def set_place(self, value: float) -> float:
        self.publish("moving", True)
        self._task = asyncio.create_task(self._move(value))
        return value

    async def _move(self, value: float) -> None:
        await asyncio.sleep(0.2)
        self.publish("place", min(value, 1000.0))
        self.ended("moving", "something is in the way" if value > 1000.0 else "")

    async def do_stop(self) -> None:
        self.publish("note", "stopped")

    async def do_jump(self, to: float) -> None:
        self.publish("place", to)

    async def do_call(self, text: str) -> None:
        self.publish("note", text)

    async def do_pair(self, count: int, text: str) -> None:
        self.publish("note", f"{count} {text}")

    async def do_trip(self) -> None:
        raise Refused("interlock", f"{self.name}: the door is open: close it")

    async def do_lose(self) -> None:
        self.invalidate("hardware silent", "voltage", "image", "note")

    async def do_fail(self) -> None:
        self.on_failure("broken")
