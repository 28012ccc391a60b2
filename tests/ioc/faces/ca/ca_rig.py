"""A station in one process for tests: an instrument on the bus, the face, and real CA clients beside it."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from hitline.bus.attribute import Attribute, Command, Refused
from hitline.bus.instrument import Instrument
from hitline.bus.node import Node
from hitline.bus.satellite import Satellite
from hitline.bus.states import ALWAYS
from hitline.bus.station import CaEntry, Station
from hitline.ioc.faces.ca.face import Face
from kit.patience import WAIT_S
from kit.until import until

HERE = Path(__file__).parent


class Device(Instrument):
    """One attribute of each kind; `gate` holds sets, and what one begins ends at `finish`."""

    TYPE = "Device"
    ATTRIBUTES = (
        Attribute("level", "float", "Set level", "V", 2, "rw", low=-300, high=300, busy="ramping"),
        Attribute("ramping", "bool", "Level is changing"),
        Attribute("voltage", "float", "Measured", "V", 2),
        Attribute("target", "int", "A whole number", access="rw", low=0, high=1000),
        Attribute("count", "int", "A counter"),
        Attribute("on", "bool", "A switch", access="rw"),
        Attribute("mode", "enum", "A mode", access="rw", choices=("Off", "Slow", "Fast")),
        Attribute("label", "str", "A text", access="rw"),
        Attribute("image", "<i4", "A picture", shape=(512, 512)),
        Attribute("curve", "<f8", "A curve", access="rw", shape=(16,)),
        Attribute("exposure", "int", "Number of the exposure"),
    )
    COMMANDS = (
        Command("halt", "Stop at once", states=ALWAYS, overtakes=True),
        Command("fire", "Takes its time", busy="ramping"),
        Command("say", "With an argument", args=(("text", "str"),)),
    )

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.calls: list[tuple[str, Any]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.finish = asyncio.Event()
        self.failure = ""
        """Why what is begun fails, if it does."""
        self._moves: set[asyncio.Task[None]] = set()

    async def connect(self) -> None:
        for name in ("level", "voltage"):
            self.publish(name, 0.0)
        for name in ("target", "count", "exposure"):
            self.publish(name, 0)
        for name, value in (("ramping", False), ("on", False), ("mode", "Off"), ("label", "")):
            self.publish(name, value)

    async def disconnect(self) -> None:
        for task in self._moves:
            task.cancel()
        await asyncio.gather(*self._moves, return_exceptions=True)

    def _move(self, last: dict[str, Any]) -> None:
        """Be busy until `finish`; then publish `last` before the flag falls."""
        self.publish("ramping", True)

        async def work() -> None:
            await self.finish.wait()
            for name, value in last.items():
                self.publish(name, value)
            self.ended("ramping", self.failure)

        task = asyncio.create_task(work())
        self._moves.add(task)
        task.add_done_callback(self._moves.discard)

    async def set_level(self, value: float) -> float:
        self.calls.append(("level", value))
        await self.gate.wait()
        self.publish("level", value)
        self._move({"voltage": value})
        return value

    async def _plain(self, name: str, value: Any) -> Any:
        self.calls.append((name, value))
        await self.gate.wait()
        self.publish(name, value)
        return value

    async def set_target(self, value: int) -> int:
        return await self._plain("target", value)

    async def set_on(self, value: bool) -> bool:
        return await self._plain("on", value)

    async def set_mode(self, value: str) -> str:
        if value == "Fast":
            raise Refused("interlock", "mode: Fast needs the door closed: close the door")
        return await self._plain("mode", value)

    async def set_label(self, value: str) -> str:
        return await self._plain("label", value)

    async def set_curve(self, value: Any) -> Any:
        return await self._plain("curve", value)

    async def do_halt(self) -> None:
        self.calls.append(("halt", None))
        self.finish.set()

    async def do_fire(self) -> None:
        self.calls.append(("fire", None))
        self._move({"count": 1})

    async def do_say(self, text: str) -> None:
        self.calls.append(("say", text))


DB = """
record(ao, "$(P)Level") { field(EGU, "V") field(PREC, "2") field(DRVL, "-200") field(DRVH, "200")
    field(LOPR, "-300") field(HOPR, "300") field(ASG, "CONTROL") field(DESC, "Set level")
    info(hitline, "dev level") alias("$(P)Bias") }
record(ai, "$(P)Level_RBV") { field(EGU, "V") field(PREC, "2") info(hitline, "dev level") }
record(ai, "$(P)Voltage") { field(EGU, "V") field(PREC, "3") field(HIGH, "100") field(HSV, "MINOR")
    field(HIHI, "150") field(HHSV, "MAJOR") field(HYST, "10") info(hitline, "dev voltage") }
record(bi, "$(P)Ramping") { field(ZNAM, "Done") field(ONAM, "Busy") info(hitline, "dev ramping") }
record(int64out, "$(P)Target") { field(ASG, "CONTROL") info(hitline, "dev target") }
record(int64in, "$(P)Count") { info(hitline, "dev count") }
record(int64in, "$(P)Exposure") { info(hitline, "dev exposure") }
record(bo, "$(P)On") { field(ZNAM, "Off") field(ONAM, "On") field(ASG, "CONTROL") info(hitline, "dev on") }
record(mbbo, "$(P)Mode") { field(ZRST, "Aus") field(ONST, "Slow") field(TWST, "Fast") field(ONSV, "MINOR")
    field(ASG, "CONTROL") info(hitline, "dev mode") }
record(mbbi, "$(P)Mode_RBV") { field(ZRST, "Aus") field(ONST, "Slow") field(TWST, "Fast")
    info(hitline, "dev mode") }
record(lso, "$(P)Label") { field(SIZV, "100") field(ASG, "CONTROL") info(hitline, "dev label") }
record(lsi, "$(P)Label_RBV") { field(SIZV, "100") info(hitline, "dev label") }
record(stringin, "$(P)Short") { info(hitline, "dev label") }
record(waveform, "$(P)Image_RBV") { field(FTVL, "LONG") field(NELM, "262144") info(hitline, "dev image") }
record(waveform, "$(P)Curve") { field(FTVL, "DOUBLE") field(NELM, "16") field(ASG, "CONTROL")
    info(hitline, "dev curve") }
record(bo, "$(P)Halt") { field(ZNAM, "Done") field(ONAM, "Halt") field(ASG, "SAFE")
    info(hitline, "dev halt()") }
record(bo, "$(P)Fire") { field(ZNAM, "Done") field(ONAM, "Fire") field(ASG, "CONTROL")
    info(hitline, "dev fire()") }
record(lso, "$(P)Say") { field(SIZV, "100") field(ASG, "CONTROL") info(hitline, "dev say()") }
record(bo, "$(P)Reset") { field(ZNAM, "Done") field(ONAM, "Reset") field(ASG, "CONTROL")
    info(hitline, "dev initialize()") }
record(ai, "$(P)Wrong") { field(EGU, "mm") info(hitline, "dev voltage") }
record(ai, "$(P)Nobody") { info(hitline, "ghost value") }
"""


class Rig:
    """What a test needs: the instrument and the face, both in the test's loop."""

    def __init__(
        self, group: str, prefix: str, folder: Path, port: int, db: str, access: Path | None
    ) -> None:
        overlay = folder / "rig.db"
        overlay.write_text(db)
        self.prefix = prefix
        self.station = Station(
            name=group,
            file=folder / "station.toml",
            prefix=prefix,
            ca=CaEntry(port=port, overlays=(overlay,), access=access),
        )
        self.device = Device("dev")
        self.backend: Node | None = None
        self.satellite: Satellite | None = None
        self.node: Node | None = None
        self.face: Face | None = None

    def channel(self, name: str) -> Any:
        """The channel of a record."""
        return self.face.find(self.prefix + name)

    async def start_backend(self) -> None:
        self.satellite = Satellite(self.device)
        self.backend.add(self.satellite)
        await self.satellite.start()
        await self.satellite.move("initialize", {})

    async def start_face(self) -> None:
        self.face = Face(self.station, self.node)
        await self.face.start()

    async def shows(self, name: str, value: Any) -> None:
        """Wait until a record shows a value."""
        await self.until(
            lambda: self.channel(name).content == value and self.channel(name).state.severity < 3,
            lambda: f"{name} shows {self.channel(name).content!r}, not {value!r}",
        )

    async def until(self, true: Any, what: Any = "") -> None:
        """Wait for a condition."""
        await until(true, what=what)


@asynccontextmanager
async def running(
    group: str,
    folder: Path,
    port: int,
    *,
    prefix: str,
    db: str = DB,
    backend: bool = True,
    access: Path | None = None,
) -> AsyncIterator[Rig]:
    """A rig that is up, the values of its instrument shown."""
    rig = Rig(group, prefix, folder, port, db, access)
    async with Node(group, "backend") as rig.backend, Node(group, "face") as rig.node:
        if backend:
            await rig.start_backend()
        await rig.start_face()
        try:
            if backend:
                proxy = rig.node.proxy("dev")
                await proxy.wait_connected(WAIT_S)
                await rig.until(lambda: proxy.state.name == "INIT")
                rig.face.flush()
            yield rig
        finally:
            await rig.face.stop()


class Libca:
    """A process with libca (pyepics) that evaluates what a test sends it."""

    def __init__(self, **environment: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "libca_client.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | environment,
        )
        self.pid = self._process.pid
        self._thread = ThreadPoolExecutor(1)
        self._thread.submit(int).result()  # the thread is there before a test looks for leaks

    async def __call__(self, code: str) -> Any:
        """Evaluate an expression, or run statements, in the client process."""
        return await self.beside(self.ask, code)

    async def beside(self, call: Any, *args: Any) -> Any:
        """Run something that blocks in this client's thread."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, call, *args)

    def ask(self, code: str) -> Any:
        self._process.stdin.write(json.dumps(code) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise AssertionError(f"the libca client died: {self._process.stderr.read()}")
        answer = json.loads(line)
        if "error" in answer:
            raise AssertionError(answer["error"])
        return answer["value"]

    def close(self) -> None:
        self._thread.shutdown()
        self._process.stdin.close()
        try:
            self._process.wait(WAIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._process.stderr.close()
