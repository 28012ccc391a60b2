"""An instrument as others see it: newest values, their quality, and requests.

A proxy lives as long as its node and follows its satellite through all of that one's lives. It says at once
when the link is lost: every value is then INVALID, kept for the eye, and requests under way end with "outcome
unknown". When the satellite is back, everything is read anew. Satellites that do not describe themselves are
shown by what stock programs announce: commands, metrics, state.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from .attribute import UNKNOWN, Attribute, Command, Refused, Severity, Update
from .constellation.chirp import Service
from .peer import Peer
from .session import Session
from .states import State
from .values import pack_array

if TYPE_CHECKING:
    from .node import Node

log = logging.getLogger(__name__)

IDLE_POLL_S = 1.0
"""While waiting for the end of an action, its busy flag is read this often, in case an update was lost."""


@dataclass(frozen=True, slots=True)
class Reply:
    """Answer to a request that was accepted."""

    value: Any
    busy_seq: int | None = None
    """Sequence number of the busy attribute's update that this request made true; None when it has none."""


class Proxy:
    """One satellite, seen from this process; made by `Node.proxy`, all callbacks on the event loop.

    `updates` holds the newest known value of each attribute and, always, `state`, `status_text` and
    `connected`. `connected` is true when the satellite lives, its tables are read and its values are here.
    """

    def __init__(self, node: "Node", name: str, canonical: str = "") -> None:
        self.node, self.name, self.canonical = node, name, canonical
        self.peer: Peer | None = None
        self.attributes: dict[str, Attribute] = {}
        self.commands: dict[str, Command] = {}
        self.description: dict[str, Any] = {}
        self.updates: dict[str, Update] = {}
        self.on_state: list[Callable[[State], None]] = []
        self.gaps = 0
        """Updates that were lost on the way, each re-read."""
        self.connected = False
        self.trouble = ""
        """Why a living satellite cannot be used, such as another protocol version."""
        self._listeners: list[Callable[[str, Update], None]] = []
        self._attached = False
        self._session: Session | None = None
        self._life = -1
        self._state_seen = State.DEAD
        self._news = asyncio.Event()
        self._pseudo()

    @property
    def state(self) -> State:
        """State by the last heartbeat, DEAD when there is none."""
        return self.peer.state if self.peer else State.DEAD

    @property
    def status(self) -> str:
        """Status text by the last heartbeat, or why there is none."""
        return self.trouble or (self.peer.status if self.peer else "not found yet")

    def listen(self, callback: Callable[[str, Update], None]) -> Callable[[], None]:
        """Call back with (name, update) for all current updates now and for each new one; the result ends it."""
        self.attach()
        self._listeners.append(callback)
        for name, update in tuple(self.updates.items()):
            self._call(callback, name, update)

        def end() -> None:
            if callback in self._listeners:
                self._listeners.remove(callback)

        return end

    async def wait_connected(self, timeout_s: float) -> None:
        """Return when `connected`; raises TimeoutError that names the instrument and says what is missing."""
        self.attach()
        try:
            async with asyncio.timeout(timeout_s):
                while not self.connected:
                    await self._news.wait()
        except TimeoutError:
            raise TimeoutError(f"{self.name}: not connected within {timeout_s:g} s in group {self.node.group}: "
                               f"state {self.state.name}, {self.status}") from None

    async def get(self, name: str, timeout_s: float = 2.0) -> Update:
        """Read an attribute from the instrument; raises Refused."""
        return await self._here().get(name, timeout_s)

    async def set(self, name: str, value: Any, timeout_s: float = 2.0) -> Reply:
        """Set an attribute; returns when the instrument has accepted it. Raises Refused. Never repeated."""
        tags: dict[str, Any] = {}
        if isinstance(value, np.ndarray):
            value, tags = pack_array(value)
        return await self._ask("set", [name, value], timeout_s, tags)

    async def command(self, verb: str, *args: Any, timeout_s: float = 2.0) -> Reply:
        """Send a command of the instrument; returns when it was accepted. Raises Refused."""
        session = self._here()
        return await self._ask(session.verb(verb), session.arguments(args), timeout_s)

    async def transition(self, verb: str, payload: Any = None, timeout_s: float = 2.0) -> Reply:
        """Ask for a transition; accepted means begun, the state tells of its end. Raises Refused."""
        verb = {"interrupt": "_interrupt", "failure": "_failure"}.get(verb, verb)
        return await self._ask(verb, payload, timeout_s)

    async def wait_state(self, *states: State, timeout_s: float) -> State:
        """Return when the instrument is in one of these states; raises TimeoutError."""
        try:
            async with asyncio.timeout(timeout_s):
                while self.state not in states:
                    await self._news.wait()
        except TimeoutError:
            raise TimeoutError(f"{self.name}: {self.state.name} instead of {' or '.join(s.name for s in states)} "
                               f"after {timeout_s:g} s: {self.status}") from None
        return self.state

    async def wait_idle(self, name: str, reply: Reply, timeout_s: float) -> None:
        """Return when what `reply` began has ended: its busy attribute is false again. Raises TimeoutError or Refused."""
        described: Attribute | Command | None = self.attributes.get(name) or self.commands.get(name)
        busy = described.busy if described else ""
        if not busy or reply.busy_seq is None:
            return
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    update = self.updates.get(busy, UNKNOWN)
                    if not self.connected:
                        raise Refused("link", f"{self.name}: link lost while {name} was under way, outcome unknown")
                    if update.seq >= reply.busy_seq and update.value is False and update.severity < Severity.INVALID:
                        return
                    try:
                        async with asyncio.timeout(IDLE_POLL_S):
                            await self._news.wait()
                    except TimeoutError:
                        await self.get(busy)
        except TimeoutError:
            raise TimeoutError(f"{self.name}: {name} still under way after {timeout_s:g} s ({busy} is true)") from None

    def attach(self) -> None:
        """Open the sockets as soon as the satellite lives; whatever uses the proxy does so."""
        if not self._attached:
            self._attached = True
            self._reconsider()

    def detach(self) -> None:
        """Close the sockets; the state stays known."""
        self._attached = False
        self._end("closed")

    def follow(self, peer: Peer) -> None:
        """Take note of a change of the peer; called by the node."""
        self.peer, self.canonical = peer, peer.name
        if not peer.alive:
            self._end(peer.status)
        self._reconsider()
        self._pseudo()

    def take(self, name: str, update: Update) -> None:
        """Show a new value; called by the session."""
        self.updates[name] = update
        self._announce()
        for callback in tuple(self._listeners):
            self._call(callback, name, update)

    def ready(self, connected: bool, trouble: str = "") -> None:
        """Take note that all is read, or why it cannot be; called by the session."""
        self.connected, self.trouble = connected, trouble
        self._pseudo()

    def _here(self) -> "Session":
        self.attach()
        if self._session is None:
            raise Refused("link", f"{self.name}: not connected ({self.status}), nothing was sent")
        return self._session

    async def _ask(self, verb: str, payload: Any, timeout_s: float, tags: dict[str, Any] | None = None) -> Reply:
        reply = await self._here().link.ask(verb, payload, timeout_s=timeout_s, tags=tags)
        seq = reply.tags.get("busy")
        return Reply(reply.payload, seq if isinstance(seq, int) else None)

    def _reconsider(self) -> None:
        peer = self.peer
        if not (self._attached and peer and peer.alive and peer.life != self._life):
            return
        if Service.CONTROL in peer.services and Service.MONITORING in peer.services:
            self._end("replaced")
            self._life = peer.life
            self._session = Session(self, peer)

    def _end(self, reason: str) -> None:
        session, self._session = self._session, None
        self.connected, self._life = False, -1
        if session is None:
            return
        session.close(reason)
        self._pseudo()
        for name, update in tuple(self.updates.items()):
            if name in self.attributes:
                self.take(name, replace(update, severity=Severity.INVALID, status=reason))

    def _pseudo(self) -> None:
        """Show what comes with the heartbeat as attributes, where it has changed."""
        state, now_ns = self.state, time.time_ns()
        severity = {State.DEAD: Severity.INVALID, State.SAFE: Severity.MAJOR, State.ERROR: Severity.MAJOR}.get(state)
        link = "" if self.connected else self.status
        for name, value, level, status in (
                ("state", state.name, severity or Severity.OK, self.status if severity else ""),
                ("status_text", self.status, Severity.INVALID if state is State.DEAD else Severity.OK, ""),
                ("connected", self.connected, Severity.OK if self.connected else Severity.MAJOR, link)):
            last = self.updates.get(name)
            if last is None or (last.value, last.severity, last.status) != (value, level, status):
                self.take(name, Update(value, now_ns, level, status, last.seq + 1 if last else 1))
        if state is not self._state_seen:
            self._state_seen = state
            for callback in tuple(self.on_state):
                callback(state)

    def _announce(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    def _call(self, callback: Callable[[str, Update], None], name: str, update: Update) -> None:
        try:
            callback(name, update)
        except Exception:
            log.exception("%s: a listener failed on %s", self.name, name)
