"""The Tango device of one instrument: attributes and commands come from the tables of its instrument.

Readable: every scalar, spectrum and image of the instrument, with unit, format, limits and choices; State by
the instrument's state; Status in words. Writable: what the instrument lets be written, as long as it is in a
state for it. A refusal is DevFailed with the reason hitline.CODE. All values push change events.

Tango's threads hold the monitor of the device while they are in it (serialisation by device), and so does the
pushing thread. A call lets go of it while the bus is at work, so that a stop gets through while a set waits;
but it comes back to the attribute that it was made for, so attributes are taken away between calls only.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, ClassVar

from hitline.bus.attribute import Attribute, Command, Refused
from tango import AttrQuality, AutoTangoAllowThreads, AutoTangoMonitor, DevFailed, DevState, WAttribute
from tango.server import Device

from . import axis, commands, kinds
from .bridge import refuse
from .source import Source

log = logging.getLogger("hitline.tango")


class Instrument(Device):
    """One instrument of a station."""

    SOURCES: ClassVar[dict[str, Source]] = {}
    """Device name in lower case -> what it shows; filled before the server starts."""

    def init_device(self) -> None:
        """Start to show; also Tango's Init command, which touches nothing of the instrument."""
        super().init_device()
        self.source = self.SOURCES[self.get_name().lower()]
        if not hasattr(self, "built"):
            self.built: dict[str, Attribute | Command] = {}
            self.calls = 0
            self.changing = False
            self.set_change_event("State", True, False)
            self.set_change_event("Status", True, False)
        self.source.adopt(self)

    def dev_state(self) -> DevState:
        """State by the mapping table."""
        return axis.state(self.source)

    def dev_status(self) -> str:
        """State of the satellite, what it says about it, and what has failed."""
        proxy = self.source.proxy
        told = "; ".join(filter(None, (proxy.status, *self.source.failures().values())))
        return kinds.latin(f"{proxy.state.name}: {told}" if told else proxy.state.name)

    def build(self) -> None:
        """Give the device what its instrument has, and take away what it has not; in the pushing thread."""
        with AutoTangoMonitor(self):
            wanted = self._wanted()
            gone = [name for name, item in self.built.items() if wanted.get(name) != item]
            self.changing = bool(gone) and self.calls > 0  # the last of them asks for it again
            if self.changing:
                return
            self._change(gone, wanted)
        for name in self.source.attributes:
            self.push(name)
        self.push_state()

    def _wanted(self) -> dict[str, Attribute | Command]:
        wanted: dict[str, Attribute | Command] = {}
        wanted.update({f"{commands.name_of(c)}()": c for c in self.source.commands.values()})
        wanted.update({kinds.name_of(name): a for name, a in self.source.attributes.items()})
        return wanted

    def _change(self, gone: list[str], wanted: dict[str, Attribute | Command]) -> None:
        for name in gone:
            del self.built[name]
            if name.endswith("()"):
                self.remove_command(name.removesuffix("()"), clean_db=False)
            else:
                self.remove_attribute(name, clean_db=False)
        for name, item in wanted.items():
            if name not in self.built:
                try:
                    self._add(name, item)
                    self.built[name] = item
                except (DevFailed, TypeError, ValueError) as error:  # one that Tango does not take
                    log.warning("%s %s is not shown: %s", self.source.name, name, error)

    def _add(self, name: str, item: Attribute | Command) -> None:
        if isinstance(item, Command):
            self.add_command(commands.made(item, lambda values: self._send(item, values)))
            return
        shown, target = axis.settable(self.source, item)
        self.add_attribute(
            kinds.made(
                shown,
                self.source.drive(target),
                lambda _, attr: self._read(item, target, attr),
                lambda _, attr: self._write(target, attr.get_write_value()),
            )
        )
        self.set_change_event(name, True, False)

    def _read(self, shown: Attribute, target: Attribute, attr: Any) -> kinds.Shown:
        """Show a value, and with it the set value as the instrument reports it."""
        if isinstance(attr, WAttribute) and not target.array:
            value, _, quality = self.source.read(target)
            if quality is not AttrQuality.ATTR_INVALID:
                with suppress(DevFailed):  # a readback beyond the limits of the set-point is no set value
                    attr.set_write_value(value)
        return self.source.read(shown)

    def _write(self, target: Attribute, value: Any) -> None:
        with self._outside(target.name):
            self.source.write(target, value)

    def _send(self, command: Command, values: tuple[Any, ...]) -> None:
        with self._outside(command.name, overtakes=command.overtakes):
            self.source.send(command, values)

    @contextmanager
    def _outside(self, name: str, *, overtakes: bool = False) -> Iterator[None]:
        """Let others at the device while the bus is at work; in the thread of a call."""
        if self.changing and not overtakes:
            again = Refused(
                "state", f"{self.source.name} is back with other attributes: try again in a moment"
            )
            refuse(again, f"{self.source.name}/{name}")
        self.calls += 1
        try:
            with AutoTangoAllowThreads(self):
                yield
        finally:
            self.calls -= 1
            if self.changing and not self.calls:
                self.source.rebuild()

    def push(self, name: str) -> None:
        """Push a change event of an attribute; in the pushing thread."""
        with AutoTangoMonitor(self):
            a, shown_name = self.source.attributes.get(name), kinds.name_of(name)
            if a is None or self.built.get(shown_name) != a:  # until the device has changed
                return
            attr = self.get_device_attr().get_attr_by_name(shown_name)
            value = self._read(a, axis.settable(self.source, a)[1], attr)
            self.push_change_event(shown_name, *value)

    def push_state(self) -> None:
        """Push State and Status; in the pushing thread."""
        with AutoTangoMonitor(self):
            self.set_state(self.dev_state())
            self.set_status(self.dev_status())
            self.push_change_event("State")
            self.push_change_event("Status")
