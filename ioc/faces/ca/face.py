"""The Channel Access face of a station: instruments on the bus on one side, channels on the other.

Updates are gathered for up to `BATCH_S` and then applied together, without giving way in between: a client
that sees one of them and then reads another PV gets what belongs to it, or newer. When an attribute changes
more than once in that time the last value counts. The busier the process, the longer the batches.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from hitline.bus.attribute import UNKNOWN, Attribute, Severity, Update
from hitline.bus.node import Node
from hitline.bus.station import CaEntry, Station
from hitline.db.check import Tables, form, misfit
from hitline.ioc.faces.common import RESET, SATELLITE
from hitline.ioc.faces.table import SHIPPED, Binding, binding, table

from . import access
from .channel import Channel
from .completion import Puts
from .record import RecordChannel
from .server import Context
from .shown import NoFit, shown
from .station import Own

BATCH_S = 0.01
"""Shortest time between two batches. A lone update is not delayed; more here is less load and more delay."""

LONGEST_BATCH_S = 0.5
"""Longest, when the process cannot keep up."""

log = logging.getLogger("hitline.ca")

_PSEUDO = {a.name: a for a in SATELLITE}
_RESET = {c.name: c for c in RESET}


@dataclass(slots=True)
class Bound:
    """A record and what it shows."""

    channel: RecordChannel
    binding: Binding
    source: Any
    """Proxy of its instrument, or `Own`."""
    misfit: str = ""
    """Why it does not fit; empty when it does, or nobody knows yet."""

    @property
    def target(self) -> str:
        """Name of the attribute or command."""
        return self.binding.target

    @property
    def attribute(self) -> Attribute:
        """What is shown."""
        found: Attribute = self.source.attributes.get(self.target) or _PSEUDO[self.target]
        return found

    def watched(self) -> tuple[str, ...]:
        """Names of the attributes that the record follows; of a command: its busy flag and the link."""
        if not self.binding.is_command:
            return (self.target,)
        command = self.source.commands.get(self.target)
        return ("connected", command.busy) if command and command.busy else ("connected",)


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
        self._watchers: dict[str, dict[str, list[Bound]]] = {}
        self._pending: dict[str, dict[str, Update]] = {}
        self._conflated = 0
        self._due: asyncio.Handle | None = None
        self._last_s, self._period_s = 0.0, BATCH_S
        self._ends: list[Callable[[], None]] = []
        self._pulse: asyncio.Task[None] | None = None
        self.server = Context(self.find, Puts(self), interface=station.interface, port=entry.port)
        for record in made.records.values():
            self._add(record, node)
        for alias, name in made.database.aliases.items():
            if name in self._names:
                self._names[alias] = self._names[name]
        self.own.publish("version", _version())
        self.own.publish("ca_clients", 0)
        self.own.publish("last_refusal", "")
        self.own.publish("trusted_network", station.trusted_network)

    def _add(self, record: Any, node: Node) -> None:
        tied = binding(record)
        wrong = form(record)
        if wrong and (tied is None or ("not supported" in wrong[0].text and "record type" in wrong[0].text)):
            self._errors.append(str(wrong[0]))
            return
        assert tied is not None  # noqa: S101 (form has said so)
        channel = RecordChannel(record, self._gate.value(record), self._gate.field(record))
        source = self.own if tied.instrument == self.own.name else node.proxy(tied.instrument)
        error = str(wrong[0]) if wrong else channel.error
        made = self.bound[record.name] = Bound(channel, tied, source, error)
        self._names[record.name] = channel
        channel.show(None, replace(UNKNOWN, status=made.misfit or UNKNOWN.status))

    def find(self, name: str) -> Channel | None:
        """Return the channel of `RECORD`, `ALIAS` or `RECORD.FIELD`, with `$` or a filter behind; or None."""
        base, dot, rest = name.partition(".")
        channel = self._names.get(base)
        if channel is None or not dot:
            return channel
        field = rest.partition("{")[0].partition("[")[0]
        found = channel.field(field.removesuffix("$") or "VAL")
        # $ is for texts only, as in EPICS
        return None if found is not None and field.endswith("$") and not found.is_text else found

    async def start(self) -> None:
        """Serve. Raises OSError when the port is taken."""
        await self.server.start()
        self.server.on_clients = lambda count: self.own.publish("ca_clients", count)
        sources = {bound.source.name: bound.source for bound in self.bound.values()}
        for source in sources.values():
            self._fit(source)
            self._ends.append(source.listen(partial(self._heard, source)))
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

    # -- from the bus to the channels

    def _heard(self, source: Any, name: str, update: Update) -> None:
        if name == "connected" and update.value:
            self._fit(source)
            self._tell_errors()
        watchers = self._watchers.get(source.name, {})
        if name not in watchers:
            return
        pending = self._pending.setdefault(source.name, {})
        if pending.pop(name, None) is not None:  # to the end again: the order is that of the last values
            self._conflated += 1
        pending[name] = update
        if self._due is None:
            loop = asyncio.get_running_loop()
            when_s = max(loop.time(), self._last_s + self._period_s)
            self._due = loop.call_at(when_s, self._flush_due, when_s)

    def _flush_due(self, when_s: float) -> None:
        self._due = None
        loop = asyncio.get_running_loop()
        self.flush()
        self._last_s = loop.time()
        self._period_s = min(max(BATCH_S, 2 * (self._last_s - when_s)), LONGEST_BATCH_S)

    def flush(self) -> None:
        """Apply everything that the instruments have published so far."""
        pending, self._pending = self._pending, {}
        for source, updates in pending.items():
            for name, update in updates.items():
                for bound in self._watchers[source].get(name, ()):
                    self._show(bound, name, update)

    def _show(self, bound: Bound, name: str, update: Update) -> None:
        channel = bound.channel
        if bound.misfit:
            channel.show(None, replace(update, severity=Severity.INVALID, status=bound.misfit))
        elif bound.binding.is_command:
            self._show_command(bound, name, update)
        else:
            try:
                channel.show(shown(channel, bound.attribute, update.value), update)
            except NoFit as error:
                channel.show(None, replace(update, severity=Severity.INVALID, status=str(error)))

    def _show_command(self, bound: Bound, name: str, update: Update) -> None:
        """A command has no value of its own: a bo is 1 while it is being carried out."""
        value = bound.channel.content
        if bound.channel.record.rtype == "bo":
            value = int(update.value is True) if name != "connected" else value * bound.source.connected
        if not bound.source.connected:
            reason = f"{bound.source.name} is not connected"
            update = replace(update, value=0, severity=Severity.INVALID, status=reason)
        elif name == "connected":
            update = replace(update, severity=Severity.OK, status="")
        bound.channel.show(value, update)

    def show_argument(self, bound: Bound, value: Any) -> None:
        """Show what a command was last given."""
        bound.channel.show(value, Update(value, self._clock_ns()))

    # -- what does not fit

    def _fit(self, source: Any) -> None:
        """Look at all records of an instrument again: its tables may have changed."""
        watchers: dict[str, list[Bound]] = {}
        known = bool(source.attributes) or source.connected
        tables = Tables(source.attributes | _PSEUDO, source.commands | _RESET)
        for bound in self.bound.values():
            if bound.source is not source:
                continue
            if known and not (bound.channel.error or form(bound.channel.record)):
                bound.misfit = misfit(bound.channel.record, bound.binding, tables)
            for name in bound.watched() if not bound.misfit else ("connected", *bound.watched()):
                watchers.setdefault(name, []).append(bound)
        self._watchers[source.name] = watchers

    def _tell_errors(self) -> None:
        wrong = [f"{name}: {b.misfit}" if name not in b.misfit else b.misfit
                 for name, b in self.bound.items() if b.misfit]
        text = "; ".join((*self._errors, *wrong))
        last = self.own.updates.get("face_errors")
        if last is None or last.value != text:
            self.own.publish("face_errors", text, Severity.MINOR if text else Severity.OK)
            for line in (*self._errors, *wrong):
                log.warning("%s", line)

    def refused(self, channel: Channel, value: str, text: str) -> None:
        """Keep the reason of a refused put, and send the true value to all who saw another."""
        self.own.publish("last_refusal", f"{channel.name}: {value} refused: {text}")
        if channel.name in self.bound:
            self.bound[channel.name].channel.repeat()
        self.flush()

    async def _beat(self) -> None:
        start_s = asyncio.get_running_loop().time()
        beats = 0
        while True:
            self.own.publish("heartbeat", beats)
            self.own.publish("up_time", asyncio.get_running_loop().time() - start_s)
            self.own.publish("ca_dropped", self.server.dropped)
            self.own.publish("ca_conflated", self._conflated)
            beats += 1
            await asyncio.sleep(start_s + beats - asyncio.get_running_loop().time())


def _version() -> str:
    try:
        return version("hitline")
    except PackageNotFoundError:
        return "unknown"
