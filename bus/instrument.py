"""What the author of an instrument writes: tables, transitions, setters and commands.

An instrument knows neither sockets nor control systems. A satellite runs it on the bus: it calls the methods
here, one at a time under the instrument's lock, and publishes what `publish` is given. All of it happens on
the event loop; a driver that blocks hands its work to a thread.
"""

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from .attribute import Attribute, Board, Command, Refused, Severity, Update
from .busy import failures
from .states import Role, State

if TYPE_CHECKING:
    from .station import Station


class Instrument:
    """Base of drivers, workers, the conductor and the supervisor.

    Subclasses give the tables, override the transitions that they need, and write for each writable attribute
    `async def set_<name>(self, value) -> applied value` and for each command `async def do_<name>(self,
    *args)`. A transition or setter that cannot do its job raises Refused (nothing has changed) or anything
    else (ERROR).
    """

    TYPE: ClassVar[str] = ""
    """Constellation's satellite type; the class name when empty."""
    KINDS: ClassVar[tuple[str, ...]] = ()
    """Names of the shipped `.db` tables that show it, such as ("detector", "replay")."""
    ATTRIBUTES: ClassVar[tuple[Attribute, ...]] = ()
    COMMANDS: ClassVar[tuple[Command, ...]] = ()
    ROLE: ClassVar[Role] = Role.NONE
    Options: ClassVar[type | None] = None
    """Dataclass of its options in the station file; None when it has none."""

    def __init__(self, name: str, options: Any = None, *, clock_ns: Callable[[], int] = time.time_ns) -> None:
        self.name = name
        self.options = options
        self.clock_ns = clock_ns
        self.board = Board({a.name: a for a in self.attributes()}, clock_ns())
        self.commands = {c.name: c for c in self.COMMANDS}
        self.on_update: Callable[[str, Update], None] = lambda name, update: None
        self.on_failure: Callable[[str], None] = lambda reason: None
        self.state: Callable[[], State] = lambda: State.NEW
        self.cause: Callable[[], tuple[str, str]] = lambda: ("", "")
        """Who asked for the last transition (empty: nobody, it came by itself), and what its state says."""
        self.move: Callable[..., Awaitable[None]] = self._no_bus
        """`await self.move("start", run_id)`: a transition of its own, waited for; raises Refused.
        A setter or command may call it in its own task."""
        self.station: Station | None = None
        """The station that it is part of, set by the backend before `connect`: data folder, interface."""
        self.neighbours: Mapping[str, Instrument] = {}
        """The instruments of its process by name, itself among them, set by the backend before `connect`."""
        self.describe_more: dict[str, Any] = {}
        """Extra keys of the `describe` reply, such as the port of the hit feed."""

    def attributes(self) -> tuple[Attribute, ...]:
        """Give the attribute table; an instrument whose table depends on its options overrides this."""
        return self.ATTRIBUTES

    def publish(
        self,
        name: str,
        value: Any,
        severity: Severity = Severity.OK,
        status: str = "",
        time_ns: int | None = None,
    ) -> Update:
        """Show a new value; `time_ns` is when it was taken, by default now. Only on the event loop."""
        time_ns = self.clock_ns() if time_ns is None else time_ns
        update = self.board.post(name, value, time_ns, severity, status)
        self.on_update(name, update)
        return update

    def ended(self, busy: str, failure: str = "", *, cut: str = "") -> None:
        """Let a busy flag fall; `failure` tells all who wait for it why what it stood for did not succeed.

        `cut` tells them that it was ended early, which is no failure.
        """
        self.publish(busy, False, Severity.MAJOR if failure else Severity.OK, failure or cut)

    def failures(self) -> dict[str, str]:
        """Give each busy flag that fell because what it stood for had failed, with the reason."""
        return failures([*self.attributes(), *self.commands.values()], self.board.updates)

    def forget_failures(self) -> None:
        """Show nothing any more of what had failed before, as after an initialize."""
        for flag in self.failures():
            self.ended(flag)

    def invalidate(self, reason: str, *names: str) -> None:
        """Mark attributes (default: all) as INVALID with their last value kept for the eye."""
        for name in names or tuple(a.name for a in self.attributes() if a.name in self.board.updates):
            last = self.board.updates.get(name)
            if last is None or last.severity is not Severity.INVALID or last.status != reason:
                self.publish(name, last.value if last else None, Severity.INVALID, reason)

    def value(self, name: str) -> Any:
        """Return the last published value, or None."""
        update = self.board.updates.get(name)
        return update.value if update else None

    async def _no_bus(self, command: str, payload: Any = None) -> None:
        raise Refused("link", f"{self.name}: {command} needs a satellite that runs this instrument")

    async def connect(self) -> None:
        """At process start: reach the hardware and begin to publish readbacks. Never writes."""

    async def disconnect(self) -> None:
        """At process end: release what `connect` took."""

    async def initialize(self, config: dict[str, Any]) -> None:
        """Check and take a configuration; adopt the state of the hardware, write nothing."""
        if config:
            raise Refused("unknown", f"{self.name}: unknown configuration key {next(iter(config))!r}")

    async def launch(self) -> None:
        """Prepare for a run."""

    async def land(self) -> None:
        """Undo launch."""

    async def reconfigure(self, config: dict[str, Any]) -> None:
        """Take a partial configuration in ORBIT."""
        await self.initialize(config)

    async def start(self, run_id: str) -> None:
        """Begin a run."""

    async def stop(self) -> None:
        """Drain and end the run."""

    async def interrupt(self) -> None:
        """Go to the safe state at once."""
