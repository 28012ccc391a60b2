"""One instrument on its way from the bus to its Tango device; lives on the event loop.

It keeps what is to be shown in a plain dictionary that Tango's threads read, and asks the bridge to push
each change. The tables of the instrument are known when it is connected for the first time; from then on the
device has its attributes, whatever becomes of the instrument.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from hitline.bus.attribute import UNKNOWN, Attribute, Command, Refused, Update
from hitline.bus.busy import busy_flags, failures
from hitline.bus.proxy import Proxy
from hitline.ioc.faces.common import RESET
from hitline.ioc.faces.severity import Rules, judge, worse

from . import axis, commands, kinds
from .bridge import Bridge, refuse
from .limits import Limits

if TYPE_CHECKING:
    from .device import Instrument

PSEUDO = ("state", "status_text", "connected")
"""Updates of a proxy that become State and Status."""


class Source:
    """What one device shows and does."""

    def __init__(self, proxy: Proxy, limits: Limits, bridge: Bridge) -> None:
        self.proxy, self.name, self.limits, self.bridge = proxy, proxy.name, limits, bridge
        self.device: Instrument | None = None
        self.attributes: dict[str, Attribute] = {}
        """What is known of the instrument, by the names of the bus."""
        self.commands: dict[str, Command] = {}
        self.shown: dict[str, tuple[Attribute, kinds.Shown]] = {}
        """What is shown, and as what."""
        self._telling: set[str] = set()
        """Attributes that State and Status depend on."""
        self._rules: dict[str, Rules] = {}
        self._held: dict[str, float | None] = {}
        self._end: Callable[[], None] = lambda: None

    def start(self) -> None:
        """Begin to follow the instrument."""
        self._end = self.proxy.listen(self._heard)

    def stop(self) -> None:
        """Leave the instrument alone."""
        self._end()

    def adopt(self, device: "Instrument") -> None:
        """Serve a device, which may be new after a restart by Tango's admin device; any thread."""
        self.device = device
        self.rebuild()

    def rebuild(self) -> None:
        """Have the device change to what is known of the instrument now; any thread."""
        self._later("tables", lambda device: device.build())

    def drive(self, a: Attribute) -> tuple[float | None, float | None]:
        """Return the limits of an attribute's set-point."""
        return self.limits.drive(self.name, a)

    def read(self, a: Attribute) -> kinds.Shown:
        """Return what an attribute shows, unknown if the instrument is back with another; any thread."""
        known, shown = self.shown.get(a.name, (None, None))
        if shown is None or known != a:
            return kinds.shown(a, UNKNOWN, UNKNOWN.severity)
        return shown

    def write(self, a: Attribute, value: Any) -> None:
        """Set an attribute; a Tango thread, raises DevFailed."""
        self.bridge.ask(self.proxy.set(a.name, kinds.taken(a, value)), f"{self.name}/{a.name}")

    def send(self, command: Command, values: tuple[Any, ...]) -> None:
        """Send a command; a Tango thread, raises DevFailed."""
        origin = f"{self.name}/{command.name}"
        try:
            args = commands.read(command, values)
        except Refused as refused:
            refuse(refused, origin)
        if command.name == RESET[0].name and command.name not in self.proxy.commands:
            work = self.proxy.transition(command.name)
        else:
            work = self.proxy.command(command.name, *args)
        self.bridge.ask(work, origin)

    def failures(self) -> dict[str, str]:
        """Give each busy flag that tells that what the instrument did has failed, with the reason."""
        return failures((*self.attributes.values(), *self.commands.values()), self.proxy.updates)

    def _later(self, key: str, work: Callable[["Instrument"], None]) -> None:
        """Do something to the device that there is then."""
        self.bridge.later((self.name, key), lambda: work(self.device) if self.device is not None else None)

    def _heard(self, name: str, update: Update) -> None:
        if name in PSEUDO:
            if name == "connected" and update.value:
                self._learn()
            self._later("State", lambda device: device.push_state())
        elif (a := self.attributes.get(name)) is not None:
            self._show(a, update)
            self._later(name, lambda device: device.push(name))
            if name in self._telling:
                self._later("State", lambda device: device.push_state())

    def _learn(self) -> None:
        """Take the tables of a life of the instrument, which may differ from those of the last."""
        attributes = {name: a for name, a in self.proxy.attributes.items() if kinds.showable(a)}
        commands = {c.name: c for c in (*RESET, *self.proxy.commands.values())}
        if attributes == self.attributes and commands == self.commands:
            return
        self.attributes, self.commands = attributes, commands
        self._telling = axis.telling(self) | busy_flags((*attributes.values(), *commands.values()))
        self._rules = {name: self.limits.rules(self.name, name) for name in attributes}
        for name, a in attributes.items():
            self._show(a, self.proxy.updates.get(name, UNKNOWN))
        self.rebuild()

    def _show(self, a: Attribute, update: Update) -> None:
        number = kinds.index(a, update.value)
        verdict = judge(self._rules[a.name], number, self._held.get(a.name)) if number is not None else None
        if verdict is not None:
            self._held[a.name] = verdict.held
        severity = worse(update, verdict).severity if verdict is not None else update.severity
        self.shown[a.name] = a, kinds.shown(a, update, severity)
