"""The supervisor of a station: starts its processes, restarts what dies, stops all in order, and shows it.

It is itself a satellite, "station", in the process that called `supervised`: `hitline up`, usually.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hitline.bus.attribute import Attribute, Command, Refused, Severity
from hitline.bus.home import home
from hitline.bus.instrument import Instrument
from hitline.bus.node import Node
from hitline.bus.satellite import Satellite, Taken
from hitline.bus.states import ALWAYS
from hitline.bus.station import Station

from .child import Child, Phase
from .crew import Crew
from .room import Room
from .supervision import Policy

log = logging.getLogger("hitline.supervisor")

NAME = "station"
LOOK_S = 1.0
"""Between looks at the room on the disk."""
MEET_S = 2.0
"""How long to ask another station of this name where it runs."""


class Supervisor(Instrument):
    """What the supervisor shows: how many processes are up, what was restarted, what was given up."""

    KINDS = ("station",)
    ATTRIBUTES = (
        Attribute("host", "str", "Computer that the station runs on."),
        Attribute("file", "str", "Station file that it was started from."),
        Attribute(
            "disk_free",
            "float",
            "Room for data on its disk.",
            unit="GB",
            precision=3,
            alarms=(0.1, 1.0, None, None),
        ),
        Attribute(
            "disk_full_in",
            "float",
            "Time until its disk is full.",
            unit="s",
            precision=0,
            alarms=(60.0, 600.0, None, None),
        ),
        Attribute("processes", "int", "Processes that are up."),
        Attribute("restarts", "int", "Times that a process was restarted.", pv="Restarts"),
        Attribute("last_restart", "str", "Last restart: when, which, why."),
        Attribute("failed", "str", "Processes that were given up."),
        Attribute("summary", "str", "Each process with its phase."),
    )
    COMMANDS = (Command("restart", "Start a process anew.", args=(("process", "str"),), states=ALWAYS),)

    def __init__(self, name: str = NAME, options: Any = None, **more: Any) -> None:
        super().__init__(name, options, **more)
        self.crew: Crew | None = None
        self._looking: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        """Show what there is."""
        host, file = home(self.crew.station) if self.crew else ("", "")
        self.publish("host", host)
        self.publish("file", file)
        self.publish("last_restart", "")
        if self.crew:
            room = Room(self.crew.station.data)
            self._looking = asyncio.create_task(self._look(room), name="room on the disk")
        self.show()

    async def disconnect(self) -> None:
        """Look no more."""
        if self._looking:
            self._looking.cancel()
            await asyncio.wait({self._looking})

    async def _look(self, room: Room) -> None:
        thread = ThreadPoolExecutor(1, "room")  # a disk of the network may hang
        try:
            while True:
                await self._show_room(room, thread)
                await asyncio.sleep(LOOK_S)
        finally:
            thread.shutdown(wait=False)

    async def _show_room(self, room: Room, thread: ThreadPoolExecutor) -> None:
        try:
            free, full_in_s = await asyncio.get_running_loop().run_in_executor(thread, room.look)
        except OSError as error:
            self.invalidate(f"the disk does not tell: {error}", "disk_free", "disk_full_in")
        else:
            self.publish("disk_free", free / 1e9)
            self.publish("disk_full_in", full_in_s)

    def show(self) -> None:
        """Publish the phases of all processes; what was given up is MAJOR, what is not up is MINOR."""
        children = list(self.crew.children.values()) if self.crew else []
        down = [child.spec.name for child in children if child.phase is not Phase.UP]
        failed = [child.spec.name for child in children if child.phase is Phase.FAILED]
        self._publish(
            "processes",
            len(children) - len(down),
            Severity.MINOR if down else Severity.OK,
            f"not up: {', '.join(down)}" if down else "",
        )
        self._publish("restarts", sum(child.restarts for child in children))
        self._publish(
            "failed",
            ", ".join(failed),
            Severity.MAJOR if failed else Severity.OK,
            "see their log files, repair, then send restart" if failed else "",
        )
        self._publish("summary", ", ".join(f"{child.spec.name} {child.phase.value}" for child in children))

    def restarted(self, child: Child) -> None:
        """Publish that a process is being started again."""
        when = datetime.fromtimestamp(self.clock_ns() / 1e9).astimezone().isoformat(timespec="seconds")
        self.publish("last_restart", f"{when} {child.spec.name} {child.reason}")

    async def do_restart(self, process: str) -> None:
        """Start a process anew, also one that was given up."""
        children = self.crew.children if self.crew else {}
        if process not in children:
            raise Refused("unknown", f"no process {process!r} here; processes are {', '.join(children)}")
        children[process].again()

    def _publish(self, name: str, value: Any, severity: Severity = Severity.OK, status: str = "") -> None:
        last = self.board.updates.get(name)
        if last is None or (last.value, last.severity, last.status) != (value, severity, status):
            self.publish(name, value, severity, status)


@dataclass
class Supervised:
    """A running station: its processes, and this process's place on the bus."""

    station: Station
    crew: Crew
    node: Node


@asynccontextmanager
async def supervised(
    station: Station, on_change: Callable[[Child], None] = lambda child: None, *, policy: Policy | None = None
) -> AsyncIterator[Supervised]:
    """Run all processes of `station` while inside; refused if it runs already.

    They are being started when the block begins: `await crew.settled()` waits until each is up or given up.
    `on_change(child)` hears of every change. On leaving, all are stopped in order, within 5 s.
    """
    supervisor = Supervisor()

    def changed(child: Child) -> None:
        if child.phase is Phase.STARTING and child.restarts:
            supervisor.restarted(child)
        supervisor.show()
        on_change(child)

    crew = supervisor.crew = Crew(station, changed, policy=policy)
    async with Node(station.name, NAME, interface=station.interface, arrays=False) as node:
        crew.claim()
        satellite = Satellite(supervisor)
        node.add(satellite)
        try:
            await satellite.start()
        except Taken as taken:
            raise await elsewhere(node, taken) from None
        await satellite.move("initialize", {})
        try:
            crew.start()
            yield Supervised(station, crew, node)
        finally:
            await asyncio.gather(crew.stop(), satellite.stop())


async def elsewhere(node: Node, taken: Taken) -> Taken:
    """Say where the other station of this name runs: this one may be a copy of its folder."""
    other = node.proxy(NAME)
    with suppress(TimeoutError):
        await other.wait_connected(MEET_S)
    place = " on ".join(str(other.updates[name].value) for name in ("file", "host") if name in other.updates)
    return Taken(
        f"a station {node.group!r} runs already, from {place or 'another file'} ({taken}): stop that one, or "
        "give this one another name in its station file"
    )
