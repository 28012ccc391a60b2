"""Records tied to what they show: one per record, grouped by instrument, checked against its tables."""

import logging
from dataclasses import dataclass, replace
from typing import Any

from hitline.bus.attribute import UNKNOWN, Attribute, Severity, Update
from hitline.db.check import Tables, form, misfit
from hitline.ioc.faces.common import RESET, SATELLITE
from hitline.ioc.faces.table import Binding

from .batch import Batch, flags
from .record import RecordChannel
from .shown import NoFit, shown

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
    flaw: str = ""
    """What is wrong with the record itself; empty when nothing is."""
    misfit: str = ""
    """Why it does not fit its instrument; empty when it does, or nobody knows yet."""

    def __post_init__(self) -> None:
        wrong = form(self.channel.record)
        self.flaw = str(wrong[0]) if wrong else self.channel.error
        self.channel.show(None, replace(UNKNOWN, status=self.flaw or UNKNOWN.status))

    @property
    def wrong(self) -> str:
        """Why the record is INVALID whatever the instrument says; empty when it is not."""
        return self.flaw or self.misfit

    @property
    def quiet(self) -> bool:
        """Whether a put that is refused completes as if nothing were wrong."""
        return False

    @property
    def momentary(self) -> bool:
        """Whether what a command was given is shown for a moment only."""
        return False

    def fit(self, tables: Tables) -> str:
        """Say why the record does not fit its instrument; empty when it does."""
        return misfit(self.channel.record, self.binding, tables)

    @property
    def target(self) -> str:
        """Name of the attribute or command."""
        return self.binding.target

    @property
    def attribute(self) -> Attribute:
        """What is shown."""
        found: Attribute = self.source.attributes.get(self.target) or _PSEUDO[self.target]
        return found

    def watched(self) -> set[str]:
        """Names of the attributes that the record follows; of a command: its busy flag and the link."""
        if not self.binding.is_command:
            return {self.target, "connected"} if self.wrong else {self.target}
        command = self.source.commands.get(self.target)
        return {"connected", command.busy} - {""} if command else {"connected"}

    def show(self, name: str, update: Update) -> None:
        """Show an update of a watched attribute; whatever is wrong with it stays with this record."""
        try:
            if self.wrong:
                self._show_none(update, self.wrong)
            elif self.binding.is_command:
                self._show_command(name, update)
            else:
                self.channel.show(shown(self.channel, self.attribute, update.value), update)
        except NoFit as error:
            self._show_none(update, str(error))
        except Exception as error:
            log.exception("%s cannot show %s", self.channel.name, update)
            self.flaw = repr(error)
            self._show_none(update, self.flaw)

    def _show_none(self, update: Update, reason: str) -> None:
        self.channel.show(None, replace(update, value=None, severity=Severity.INVALID, status=reason))

    def _show_command(self, name: str, update: Update) -> None:
        """A command has no value of its own: a bo is 1 while it is being carried out."""
        value, connected = self.channel.content, self.source.connected
        if self.channel.record.rtype == "bo":
            value = int(connected and (update.value is True if name != "connected" else value))
        if not connected:
            reason = f"{self.source.name} is not connected"
            update = replace(update, value=0, severity=Severity.INVALID, status=reason)
        elif name == "connected":
            update = replace(update, severity=Severity.OK, status="")
        self.channel.show(value, update)


class Group:
    """All records of one instrument, and the updates that wait to be shown in them."""

    def __init__(self, source: Any) -> None:
        self.source = source
        self.members: list[Bound] = []
        self.batch = Batch()
        self._watchers: dict[str, list[Bound]] = {}

    def fit(self) -> None:
        """Look at all records again: the instrument's tables may have changed."""
        attributes, commands = self.source.attributes, self.source.commands
        self.batch.flags = flags(attributes.values(), commands.values())
        self._watchers = {}
        tables = Tables(attributes | _PSEUDO, commands | _RESET)
        for bound in self.members:
            if (attributes or self.source.connected) and not bound.flaw:
                bound.misfit = bound.fit(tables)
            shows = not bound.binding.is_command or bound.channel.record.rtype == "bo"
            bound.channel.flag = shows and bool(bound.watched() & self.batch.flags)
            for name in bound.watched():
                self._watchers.setdefault(name, []).append(bound)

    def heard(self, name: str, update: Update) -> bool:
        """Take an update; False when no record wants it."""
        if name not in self._watchers:
            return False
        self.batch.add(name, update)
        return True

    def flush(self) -> None:
        """Show what has been heard."""
        for name, update in self.batch.take():
            for bound in self._watchers.get(name, ()):
                bound.show(name, update)
