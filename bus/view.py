"""What is known of a satellite, and who wants to hear of it: values, state, connection."""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import replace

from .attribute import Attribute, Command, Severity, Update
from .peer import Peer
from .states import State

log = logging.getLogger(__name__)

STATE_SEVERITY = {State.DEAD: Severity.INVALID, State.SAFE: Severity.MAJOR, State.ERROR: Severity.MAJOR}


class View:
    """The knowing half of a proxy; everything happens on the event loop.

    `updates` holds the newest known value of each attribute and, always, `state`, `status_text` and
    `connected`.
    """

    def __init__(self) -> None:
        self.peer: Peer | None = None
        self.attributes: dict[str, Attribute] = {}
        self.commands: dict[str, Command] = {}
        self.updates: dict[str, Update] = {}
        self.on_state: list[Callable[[State], None]] = []
        self.connected = False
        self.trouble = ""
        """Why a living satellite cannot be used, such as another protocol version."""
        self.news = asyncio.Event()
        """Set and replaced at every change: `await view.news.wait()` is the next one."""
        self._listeners: list[Callable[[str, Update], None]] = []
        self._state_seen = State.DEAD
        self.pseudo()

    @property
    def state(self) -> State:
        """State by the last heartbeat, DEAD when there is none."""
        return self.peer.state if self.peer else State.DEAD

    @property
    def status(self) -> str:
        """Status text by the last heartbeat, or why there is none."""
        return self.trouble or (self.peer.status if self.peer else "not found yet")

    def listen(self, callback: Callable[[str, Update], None]) -> Callable[[], None]:
        """Call back with (name, update) for all current updates now and each new one; the result ends it."""
        self._listeners.append(callback)
        for name, update in tuple(self.updates.items()):
            _call(callback, name, update)

        def end() -> None:
            if callback in self._listeners:
                self._listeners.remove(callback)

        return end

    def take(self, name: str, update: Update) -> None:
        """Show a new value."""
        self.updates[name] = update
        self.news.set()
        self.news = asyncio.Event()
        for callback in tuple(self._listeners):
            _call(callback, name, update)

    def ready(self, connected: bool, trouble: str = "") -> None:
        """Take note that all is read, or why it cannot be."""
        self.connected, self.trouble = connected, trouble
        self.pseudo()

    def invalidate(self, reason: str) -> None:
        """Mark every value: it is kept for the eye, and not to be trusted."""
        for name, update in tuple(self.updates.items()):
            if name in self.attributes:
                self.take(name, replace(update, severity=Severity.INVALID, status=reason))

    def pseudo(self) -> None:
        """Show what comes with the heartbeat as attributes, where it has changed."""
        state, now_ns = self.state, time.time_ns()
        severity = STATE_SEVERITY.get(state, Severity.OK)
        alive = Severity.INVALID if state is State.DEAD else Severity.OK
        linked = Severity.OK if self.connected else Severity.MAJOR
        rows = (
            ("state", state.name, severity, self.status if severity else ""),
            ("status_text", self.status, alive, ""),
            ("connected", self.connected, linked, self.status if linked else ""),
        )
        for name, value, level, status in rows:
            last = self.updates.get(name)
            if last is None or (last.value, last.severity, last.status) != (value, level, status):
                self.take(name, Update(value, now_ns, level, status, last.seq + 1 if last else 1))
        if state is not self._state_seen:
            self._state_seen = state
            for callback in tuple(self.on_state):
                callback(state)


def _call(callback: Callable[[str, Update], None], name: str, update: Update) -> None:
    try:
        callback(name, update)
    except Exception:
        log.exception("a listener failed on %s", name)
