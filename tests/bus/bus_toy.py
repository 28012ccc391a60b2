"""A small instrument with one of everything; run as a program, it is a satellite in a process of its own.

    python bus_toy.py GROUP NAME [ROLE]

It prints `ready`, lives until SIGTERM, and leaves in order.
"""

import asyncio
import signal
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from hitline.bus.attribute import Attribute, Command, Refused
from hitline.bus.instrument import Instrument
from hitline.bus.node import Node
from hitline.bus.satellite import Satellite
from hitline.bus.states import ALWAYS, Role


class Toy(Instrument):
    """Bias supply and camera in one; `gate` holds a `set slow` until it is opened."""

    ATTRIBUTES = (
        Attribute("voltage", "float", "Bias voltage", "V", 1, "rw", low=-100.0, high=0.0, busy="ramping"),
        Attribute("ramping", "bool", "Voltage is on its way"),
        Attribute("count", "int", "Counts"),
        Attribute("mode", "enum", "What it does", access="rw", choices=("Slow", "Fast")),
        Attribute("label", "str", "Free text", access="rw", states=ALWAYS),
        Attribute("slow", "float", "Takes until the gate opens", access="rw"),
        Attribute("table", "<f8", "Settings", access="rw", shape=(4,)),
        Attribute("image", "<i4", "Picture", shape=(8, 8)),
        Attribute("interlock", "int", "Refuses everything", access="rw"),
    )
    COMMANDS = (
        Command("add", "Add two numbers.", (("a", "float"), ("b", "float"))),
        Command("stop", "Stop at once.", states=ALWAYS, overtakes=True),
        Command("halt", "End the ramp.", states=ALWAYS, overtakes=True, busy="ramping"),
        Command("run_once", "Move the state machine to RUN."),
        Command("crash", "Raise an error."),
    )
    ROLE = Role.NONE

    def __init__(self, name: str, options: Any = None, **more: Any) -> None:
        super().__init__(name, options, **more)
        self.calls: list[Any] = []
        self.gate = asyncio.Event()
        self.fail_in: dict[str, Exception] = {}
        self.hold: dict[str, asyncio.Event] = {}

    async def connect(self) -> None:
        self.publish("voltage", -50.0)
        self.publish("ramping", False)
        self.publish("count", 0)
        self.publish("mode", "Slow")
        self.publish("label", "none")

    async def set_voltage(self, value: float) -> float:
        self.publish("ramping", True)
        self.publish("voltage", value)
        return value

    async def set_mode(self, value: str) -> str:
        self.publish("mode", value)
        return value

    async def set_label(self, value: str) -> None:
        self.calls.append(value)
        self.publish("label", value)

    async def set_slow(self, value: float) -> float:
        self.calls.append(("slow", value))
        await self.gate.wait()
        return value

    async def set_table(self, value: np.ndarray) -> None:
        self.publish("table", value)

    async def set_interlock(self, value: int) -> int:
        raise Refused("interlock", "interlock is open: close the door")

    async def do_add(self, a: float, b: float) -> float:
        return a + b

    async def do_stop(self) -> None:
        self.calls.append("do_stop")

    async def do_halt(self) -> None:
        self.calls.append("do_halt")

    async def do_run_once(self) -> None:
        await self.move("launch")
        await self.move("start", "own-run")

    async def do_crash(self) -> None:
        raise RuntimeError("no such register")

    async def _pass(self, verb: str) -> None:
        self.calls.append(verb)
        if verb in self.hold:
            await self.hold[verb].wait()
        if verb in self.fail_in:
            raise self.fail_in[verb]

    async def initialize(self, config: dict[str, Any]) -> None:
        if "unknown" in config:
            raise Refused("unknown", "unknown configuration key 'unknown'")
        await self._pass("initialize")

    async def launch(self) -> None:
        await self._pass("launch")

    async def land(self) -> None:
        await self._pass("land")

    async def reconfigure(self, config: dict[str, Any]) -> None:
        await self._pass("reconfigure")

    async def start(self, run_id: str) -> None:
        await self._pass("start")

    async def stop(self) -> None:
        await self._pass("stop")

    async def interrupt(self) -> None:
        await self._pass("interrupt")


async def in_thread(work: Callable[[], Any]) -> Any:
    """Run what blocks, such as a stock controller, beside the loop; its thread is gone when this returns."""
    with ThreadPoolExecutor(1) as pool:
        return await asyncio.get_running_loop().run_in_executor(pool, work)


async def main(group: str, name: str, role: str = "NONE") -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with Node(group, f"process_{name}") as node:
        satellite = Satellite(Toy(name), role=Role[role])
        node.add(satellite)
        await satellite.start()
        print("ready", flush=True)
        waits = {asyncio.create_task(stop.wait()), asyncio.create_task(satellite.closed.wait())}
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
