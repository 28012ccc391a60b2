"""The Channel Access face of a station: instruments on the bus on one side, channels on the other.

Updates are gathered for up to `BATCH_S` and then applied together, without giving way in between: a client
that sees one of them and then reads another PV gets what belongs to it, or newer. When an attribute changes
more than once in that time the last value counts. The more there is to show, the longer the batches.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from hitline.bus.attribute import Severity, Update
from hitline.bus.node import Node
from hitline.bus.station import CaEntry, Station
from hitline.db.records import Record
from hitline.ioc.faces.table import SHIPPED, binding, table

from . import access
from .bound import Bound, Group
from .channel import Channel
from .completion import Puts
from .fields import TYPES
from .motor import Motor
from .record import RecordChannel
from .server import Context
from .station import Own

BATCH_S = 0.01
"""Shortest time between two batches. A lone update is not delayed; more here is less load and more delay."""

LONGEST_BATCH_S = 0.5
"""Longest, when the process cannot keep up."""

log = logging.getLogger("hitline.ca")


class Face:
    """Serves all records of a station. `start` and `stop` on a running loop, which also runs `node`."""

    def __init__(self, station: Station, node: Node, *, clock_ns: Callable[[], int] = time.time_ns) -> None:
        entry = station.ca or CaEntry()
        made = table(station)
        self.own = Own(clock_ns)
        self._clock_ns = clock_ns
        self._gate, denied = access.read(entry.access or SHIPPED / "access.acf")
        self._errors = [*made.errors, *([denied] if denied else [])]
        self.bound: dict[str, Bound] = {}
        """Records by name."""
        self._names: dict[str, RecordChannel] = {}
        self._motors: dict[str, Motor] = {}
        self._groups: dict[str, Group] = {}
        self._due: asyncio.Handle | None = None
        self._last_s, self._period_s = 0.0, BATCH_S
        self._ends: list[Callable[[], None]] = []
        self._pulse: asyncio.Task[None] | None = None
        self.server = Context(self.find, Puts(self), interface=station.interface, port=entry.port)
        for record in made.records.values():
            try:
                self._add(record, node)
            except Exception as error:
                log.exception("record %s", record.name)
                self._errors.append(f"{record.file}:{record.line}: {record.name} is not served: {error!r}")
        for alias, name in made.database.aliases.items():
            if name in self._names:
                self._names[alias] = self._names[name]
        self.own.publish("version", _version())
        self.own.publish("ca_clients", 0)
        self.own.publish("last_refusal", "")
        self.own.publish("trusted_network", station.trusted_network)

    def _add(self, record: Record, node: Node) -> None:
        tied = binding(record)
        if record.rtype == "motor" and tied is not None:
            self._add_motor(record, tied.instrument, node)
            return
        if record.rtype not in TYPES or tied is None:
            reason = "it shows nothing of ours" if record.rtype in TYPES else f"{record.rtype} is not known"
            where = f"{record.file}:{record.line}"
            self._errors.append(f"{where}: {record.name} is not served: {reason}")
            return
        source = self.own if tied.instrument == self.own.name else node.proxy(tied.instrument)
        group = self._groups.setdefault(source.name, Group(source))
        channel = RecordChannel(record, self._gate.value(record), self._gate.field(record))
        self._names[record.name] = channel
        self.bound[record.name] = Bound(channel, tied, source)
        group.members.append(self.bound[record.name])

    def _add_motor(self, record: Record, instrument: str, node: Node) -> None:
        source = node.proxy(instrument)
        group = self._groups.setdefault(source.name, Group(source))

        def channel(member: Record) -> RecordChannel:
            return RecordChannel(member, self._gate.value(member), self._gate.field(member))

        motor = self._motors[record.name] = Motor(record, instrument, source, channel)
        self._names[record.name] = motor.bound["VAL"].channel
        for bound in motor.bound.values():
            self.bound[bound.channel.name] = bound
            group.members.append(bound)

    def find(self, name: str) -> Channel | None:
        """Return the channel of `RECORD`, `ALIAS` or `RECORD.FIELD`, with `$` or a filter behind; or None."""
        base, dot, rest = name.partition(".")
        channel = self._names.get(base)
        if channel is None or not dot:
            return channel
        field = rest.partition("{")[0].partition("[")[0]
        motor = self._motors.get(channel.name)
        look = motor.find if motor is not None else channel.field
        found = look(field.removesuffix("$") or "VAL")
        # $ is for texts only, as in EPICS
        return None if found is not None and field.endswith("$") and not found.is_text else found

    async def start(self) -> None:
        """Serve. Raises OSError when the port is taken."""
        await self.server.start()
        self.server.on_clients = partial(self.own.publish, "ca_clients")
        for group in self._groups.values():
            group.fit()
            self._ends.append(group.source.listen(partial(self._heard, group)))
        self._tell_errors()
        self._pulse = asyncio.create_task(self._beat())

    async def stop(self) -> None:
        """Close all connections and forget the bus."""
        for end in self._ends:
            end()
        if self._due is not None:
            self._due.cancel()
        if self._pulse is not None:
            self._pulse.cancel()
            with suppress(asyncio.CancelledError):
                await self._pulse
        await self.server.stop()

    def _heard(self, group: Group, name: str, update: Update) -> None:
        if name == "connected" and update.value:
            group.fit()
            self._tell_errors()
        if group.heard(name, update) and self._due is None:
            loop = asyncio.get_running_loop()
            when_s = max(loop.time(), self._last_s + self._period_s)
            self._due = loop.call_at(when_s, self._flush_due)

    def _flush_due(self) -> None:
        """Flush; the more work that is, the longer until the next, so that there is time for the clients.

        Work is time on the processor: time that others take from us must not make us slower still.
        """
        self._due = None
        began_s = time.thread_time()
        self.flush()
        self._last_s = asyncio.get_running_loop().time()
        self._period_s = min(max(BATCH_S, 2 * (time.thread_time() - began_s)), LONGEST_BATCH_S)

    def flush(self) -> None:
        """Apply everything that the instruments have published so far."""
        for group in self._groups.values():
            group.flush()

    def show_argument(self, bound: Bound, value: Any) -> None:
        """Show what a command was last given."""
        bound.channel.show(value, Update(value, self._clock_ns()))

    def refused(self, channel: Channel, value: str, text: str) -> None:
        """Keep the reason of a refused put, and send the true value to all who saw another."""
        self.own.publish("last_refusal", f"{channel.name}: {value} refused: {text}")
        if channel.name in self.bound:
            self.bound[channel.name].channel.repeat()
        self.flush()

    def _tell_errors(self) -> None:
        wrong = [
            bound.wrong if name in bound.wrong else f"{name}: {bound.wrong}"
            for name, bound in self.bound.items()
            if bound.wrong
        ]
        text = "; ".join((*self._errors, *wrong))
        last = self.own.updates.get("face_errors")
        if last is None or last.value != text:
            self.own.publish("face_errors", text, Severity.MINOR if text else Severity.OK)
            for line in (*self._errors, *wrong):
                log.warning("%s", line)

    async def _beat(self) -> None:
        loop = asyncio.get_running_loop()
        start_s, beats = loop.time(), 0
        while True:
            self.own.publish("heartbeat", beats)
            self.own.publish("up_time", loop.time() - start_s)
            self.own.publish("ca_dropped", self.server.dropped)
            self.own.publish("ca_conflated", sum(group.batch.replaced for group in self._groups.values()))
            beats += 1
            await asyncio.sleep(max(start_s + beats - loop.time(), 0))


def _version() -> str:
    try:
        return version("hitline")
    except PackageNotFoundError:
        return "unknown"
