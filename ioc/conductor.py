"""The conductor: a satellite without hardware that owns the run.

It gives the run its id, its order and its owner, and shows its state, which is nothing but what the members'
heartbeats say. It stands beside the data, not in their way: when it dies nothing stops, and when it is back
it reads the members' states and goes on. Launch and start need the owner's baton; stop and abort never do.

`python -m hitline.ioc.conductor STATION` runs it in a process of its own.
"""

import argparse
import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from hitline.bus.attribute import Attribute, Command, Refused, Severity
from hitline.bus.instrument import Instrument
from hitline.bus.log.block import Condition
from hitline.bus.node import Node
from hitline.bus.process import ready, run
from hitline.bus.proxy import Proxy
from hitline.bus.satellite import Satellite
from hitline.bus.states import ALWAYS
from hitline.bus.station import load

from . import moves
from .book import Book
from .log_file import FOLDER
from .members import Members
from .run import HELD, RUN_STATES, flags, judge

log = logging.getLogger("hitline.conductor")

NAME = "run"


class Conductor(Instrument):
    """Launches, starts, stops and lands all readouts of the station together."""

    KINDS = ("run",)
    ATTRIBUTES = (
        Attribute(
            "run_state",
            "enum",
            "State of the run.",
            choices=RUN_STATES,
            pv="State_RBV",
            choice_severity=(0, 0, 0, 0, 0, 0, 0, 0, 2, 2),
        ),
        Attribute("run_id", "str", "Run now or last."),
        Attribute("owner", "str", "Who may launch and start; empty: all.", access="rw", states=ALWAYS),
        Attribute("busy", "bool", "A command is being carried out."),
        Attribute("message", "str", "Why the last command did not succeed."),
        Attribute("exposures", "int", "Exposures of this run."),
        Attribute("members", "str", "Members of the run with their states."),
        Attribute("condition", "str", "Condition of the run."),
        Attribute("started", "str", "When the run was started."),
    )
    COMMANDS = (
        Command("launch", "Prepare all readouts.", args=(("owner", "str"),), states=ALWAYS, busy="busy"),
        Command("start", "Begin a run.", args=(("owner", "str"),), states=ALWAYS, busy="busy"),
        Command("stop", "End the run, drain.", states=ALWAYS, overtakes=True, busy="busy"),
        Command("land", "Undo launch, after a stop.", states=ALWAYS, busy="busy"),
        Command("abort", "Send all readouts to SAFE.", states=ALWAYS, overtakes=True, busy="busy"),
        Command("reset", "Initialise readouts in SAFE or ERROR.", states=ALWAYS, busy="busy"),
    )

    def __init__(
        self, name: str = NAME, options: Any = None, *, node: Node | None = None, **more: Any
    ) -> None:
        super().__init__(name, options, **more)
        self.node = node
        self.book = Book()
        self._phase = ""
        """Word for what is being carried out here."""
        self._work: asyncio.Task[None] | None = None
        self._due: asyncio.Handle | None = None
        self._gone = False

    async def connect(self) -> None:
        """Take up what the book says and look at who is there."""
        if self.node is None or self.station is None:
            raise Refused("failed", "the conductor needs a node and a station")
        self._file = self.station.data / FOLDER / "run.json"
        self.book = Book.load(self._file)
        self._saved = ""
        self.book.lent |= not self.book.open  # an owner without a run is forgotten as soon as all are idle
        for name, value in (("busy", False), ("message", ""), ("exposures", 0)):
            self.publish(name, value)
        self.readouts = Members(self.node, self.station, self._changed)
        self._show()

    async def disconnect(self) -> None:
        """Leave everything as it is; that others end with the station is no news of the run."""
        await self._cancel()
        self._gone = self.book.orderly = True
        self._save()

    async def set_owner(self, owner: str) -> str:
        """Take a free baton, or free it by an empty text."""
        if owner:
            self._check_owner(owner)
        self.book.own(owner)
        self._show()
        return owner

    async def do_launch(self, owner: str) -> None:
        """All members to ORBIT, in order."""
        self._admit("launch", owner)
        self.book.own(owner)
        self._begin("Arming", lambda: moves.launch(self.readouts.all()))

    async def do_start(self, owner: str) -> None:
        """All members to RUN with one run id, in order; launches first what is not launched."""
        self._admit("start", owner)
        self.book.begin(self.clock_ns() / 1e9, owner)
        self.publish("exposures", 0)
        self._begin("Starting", lambda: moves.start(self.readouts.all(), self.book.run_id))

    async def do_stop(self) -> None:
        """All members back to ORBIT."""
        if self._phase not in ("Stopping", "Landing", "Aborting"):
            await self._cancel()
            self._begin("Stopping", lambda: self._reach(moves.stop))

    async def do_land(self) -> None:
        """All members to INIT; the baton is free again."""

        async def land() -> None:
            await self._reach(moves.stop)
            self._show()  # the run is closed before its members leave it
            await self._reach(moves.land)
            self.book.own("")

        if self._phase not in ("Landing", "Aborting"):
            await self._cancel()
            self._begin("Landing", land)

    async def do_abort(self) -> None:
        """All members to SAFE, now."""
        if self._phase != "Aborting":
            await self._cancel()
            if self.book.open:
                self.book.flag(Condition.ABORTED)
            self._begin("Aborting", lambda: self._reach(moves.abort))

    async def do_reset(self) -> None:
        """Members out of SAFE and ERROR; the baton is free again."""

        async def reset() -> None:
            await self._reach(moves.reset)
            self.book.own("")

        if self._work:
            raise self._busy("reset")
        self._begin("", reset)

    def _admit(self, command: str, owner: str) -> None:
        """Refuse a launch or start that comes from another than the owner, or at the wrong time."""
        self._check_owner(owner)
        if self._work:
            raise self._busy(command)
        self._show()
        state = self.board.updates["run_state"]
        if state.value not in ("Idle", "Armed") or state.severity is Severity.INVALID:
            why = f" ({state.status})" if state.status else ""
            after = "; send reset when its cause is gone" if state.value in HELD else ""
            text = f"{command} is not possible in {state.value}{why}, only in Idle and Armed{after}"
            raise Refused("state", f"run: {text}")
        if not self.readouts.all():
            raise Refused("state", f"run: {command} is not possible, the station has no readout")

    def _check_owner(self, owner: str) -> None:
        if self.book.owner not in ("", owner):
            raise Refused(
                "owner",
                f"run: is owned by {self.book.owner}; ask them, or free it by writing an empty text to owner",
            )

    def _busy(self, command: str) -> Refused:
        doing = self._phase or "Resetting"
        return Refused("busy", f"run: {command} is not possible while {doing}; stop and abort are")

    async def _reach(self, move: Callable[[list[Proxy]], Awaitable[None]]) -> None:
        """Move those who are there at once, then, soon after our own start, those who were not met yet."""
        late = self.readouts.missing()
        try:
            await move(self.readouts.all())
        finally:
            if late:
                await self.readouts.met(moves.LINK_S)
                await move(self.readouts.all())

    def _begin(self, phase: str, work: Callable[[], Awaitable[None]]) -> None:
        """Carry out `work` behind; the command that began it is answered at once."""
        self._phase = phase
        self.publish("message", "")
        self.publish("busy", True)
        self._show()
        self._work = asyncio.create_task(self._carry_out(work), name=f"run {phase}")

    async def _carry_out(self, work: Callable[[], Awaitable[None]]) -> None:
        message = ""
        try:
            await work()
        except Refused as error:
            message = error.text
        except Exception as error:
            log.exception("%s failed", self._phase)
            message = f"{type(error).__name__}: {error}"
        self._phase, self._work = "", None
        self._show()
        self.publish("message", message, Severity.MAJOR if message else Severity.OK)
        self.ended("busy", message)

    async def _cancel(self) -> None:
        """Give up what is under way; whoever does so begins something else, or ends."""
        if self._work:
            self._work.cancel()
            await asyncio.wait([self._work])
            self._phase, self._work = "", None

    def _changed(self) -> None:
        """Look at the members again, once however many changes come together."""
        if self._due is None:
            self._due = asyncio.get_running_loop().call_soon(self._show)

    def _show(self) -> None:
        self._due = None
        if self._gone:
            return
        states = self.readouts.states()
        self.book.note(states, self.readouts.values("run"), self._phase)
        word, severity, text = judge(states, self.readouts.missing(), self.readouts.reasons())
        if self._phase:
            word, severity, text = self._phase, Severity.OK, ""
        self._publish("run_state", word, severity, text)
        self._publish("members", ", ".join(f"{name} {state.name}" for name, state in states.items()))
        self._publish("run_id", self.book.run_id)
        self._publish("owner", self.book.owner)
        self._publish("started", self.book.started)
        counts = [n for n in self._shown("exposure") if isinstance(n, int)]
        if self.book.open and counts:
            self._publish("exposures", max(counts))
        condition = Condition(self.book.condition)
        for text in self._shown("condition"):
            condition |= flags(text)
        self._publish("condition", condition.text, Severity.MINOR if condition else Severity.OK)
        if self.book.text() != self._saved:
            self._save()

    def _save(self) -> None:
        """Write the book, for the next life; a full disk keeps no run from ending."""
        try:
            self.book.save(self._file)
        except OSError as error:
            log.error("%s is out of date: %s", self._file, error)
        self._saved = self.book.text()

    def _shown(self, attribute: str) -> list[Any]:
        """Return what those who took part in the run show of it."""
        return [value for name, value in self.readouts.values(attribute).items() if name in self.book.takers]

    def _publish(self, name: str, value: Any, severity: Severity = Severity.OK, status: str = "") -> None:
        last = self.board.updates.get(name)
        if last is None or (last.value, last.severity, last.status) != (value, severity, status):
            self.publish(name, value, severity, status)


async def serve(file: Path, stop: asyncio.Event) -> None:
    """Run the conductor of the station in `file` until `stop`."""
    station = load(file, options_of=())
    async with Node(station.name, NAME, interface=station.interface, arrays=False) as node:
        conductor = Conductor(node=node)
        conductor.station = station
        satellite = Satellite(conductor)
        node.add(satellite)
        await satellite.start()
        await satellite.move("initialize", {})
        ready()
        await stop.wait()


def main(argv: list[str] | None = None) -> int:
    """Run as a program."""
    parser = argparse.ArgumentParser(prog="python -m hitline.ioc.conductor", description=__doc__)
    parser.add_argument("station", type=Path, help="station file")
    args = parser.parse_args(argv)
    return run(lambda stop: serve(args.station, stop))


if __name__ == "__main__":
    sys.exit(main())
