"""The Tango device of one instrument: attributes and commands come from the tables of its instrument.

Readable: every scalar, spectrum and image of the instrument, with unit, format, limits and choices; State by
the instrument's state; Status in words. Writable: what the instrument lets be written, as long as it is in a
state for it. A refusal is DevFailed with the reason hitline.CODE. All values push change events.
"""

import logging
from contextlib import suppress
from typing import Any, ClassVar

from hitline.bus.attribute import Attribute, Command, Refused
from tango import AttrQuality, AutoTangoMonitor, DevFailed, DevState
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
            self.set_change_event("State", True, False)
            self.set_change_event("Status", True, False)
        self.source.adopt(self)

    def dev_state(self) -> DevState:
        """State by the mapping table."""
        return axis.state(self.source)

    def dev_status(self) -> str:
        """State of the satellite and what it says about it."""
        proxy = self.source.proxy
        return kinds.latin(f"{proxy.state.name}: {proxy.status}" if proxy.status else proxy.state.name)

    def build(self) -> None:
        """Give the device what its instrument has, and take away what it has not; in the pushing thread."""
        wanted: dict[str, Attribute | Command] = {}
        wanted.update({f"{commands.name_of(c)}()": c for c in self.source.commands.values()})
        wanted.update({kinds.name_of(name): a for name, a in self.source.attributes.items()})
        with AutoTangoMonitor(self):
            for name in [name for name, item in self.built.items() if wanted.get(name) != item]:
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
        for name in self.source.attributes:
            self.push(name)
        self.push_state()

    def _add(self, name: str, item: Attribute | Command) -> None:
        if isinstance(item, Command):
            self.add_command(commands.made(item, lambda values: self._send(item, values)))
            return
        shown, target = axis.settable(self.source, item)
        self.add_attribute(
            kinds.made(
                shown,
                self.source.drive(target),
                lambda _, attr: self.source.read(item.name),
                lambda _, attr: self.source.write(target.name, attr.get_write_value()),
            )
        )
        self.set_change_event(name, True, False)

    def _send(self, command: Command, values: tuple[Any, ...]) -> None:
        try:
            args = commands.read(command, values)
        except Refused as refused:
            refuse(refused, f"{self.source.name}/{command.name}")
        self.source.send(command.name, args)

    def push(self, name: str) -> None:
        """Push a change event of an attribute; in the pushing thread."""
        shown_name = kinds.name_of(name)
        if shown_name not in self.built:
            return
        value, time_s, quality = self.source.read(name)
        a = self.source.attributes[name]
        if a.writable and not a.array and quality is not AttrQuality.ATTR_INVALID:
            with suppress(DevFailed):  # a readback beyond the limits of the set-point is no set value
                self.get_device_attr().get_w_attr_by_name(shown_name).set_write_value(value)
        self.push_change_event(shown_name, value, time_s, quality)
        if name in axis.TELLING and axis.is_axis(self.source):
            self.push_state()

    def push_state(self) -> None:
        """Push State and Status; in the pushing thread."""
        self.set_state(self.dev_state())
        self.set_status(self.dev_status())
        self.push_change_event("State")
        self.push_change_event("Status")
