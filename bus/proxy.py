"""An instrument as others see it: newest values, their quality, and requests.

A proxy lives as long as its node and follows its satellite through all of that one's lives. It says at once
when the link is lost: every value is then INVALID, kept for the eye, and requests under way end with "outcome
unknown". When the satellite is back, everything is read anew. Satellites that do not describe themselves are
shown by what stock programs announce: commands, metrics, state.
"""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .asker import TAG, asker
from .attribute import UNKNOWN, Attribute, Command, Refused, Severity, Update
from .busy import has_failed
from .constellation.chirp import Service
from .link import accepted
from .peer import Peer
from .session import Session
from .states import State
from .values import pack_array
from .view import View

if TYPE_CHECKING:
    from .node import Node

IDLE_POLL_S = 1.0
"""While waiting for the end of an action, its busy flag is read this often, in case an update was lost. It is
shown with all that was published before it: who sees the end has seen what belongs to it."""
HIDDEN = {"interrupt": "_interrupt", "failure": "_failure"}
"""Transitions that stock satellites hide from their lists."""


@dataclass(frozen=True, slots=True)
class Reply:
    """Answer to a request that was accepted."""

    value: Any
    busy_seq: int | None = None
    """Sequence number of the busy attribute's update that this request made true; None when it has none."""
    joined: bool = False
    """It made none true: it waits for the end of what goes on, as a stop does, and does not answer for it."""
    cut: str = ""
    """Who ended it early, if somebody did; known once it was waited for."""


class Proxy(View):
    """One satellite, seen from this process; made by `Node.proxy`, all callbacks on the event loop.

    `connected` is true when the satellite lives, its tables are read and its values are here.
    """

    def __init__(self, node: "Node", name: str, canonical: str = "") -> None:
        self.node, self.name, self.canonical = node, name, canonical
        self.description: dict[str, Any] = {}
        self.gaps = 0
        """Updates that were lost on the way, each re-read."""
        self._attached = False
        self._session: Session | None = None
        self._life = -1
        super().__init__()

    def listen(self, callback: Callable[[str, Update], None]) -> Callable[[], None]:
        """Call back with (name, update) for all current updates now and each new one; the result ends it."""
        self.attach()
        return super().listen(callback)

    async def get(self, name: str, timeout_s: float = 2.0) -> Update:
        """Read an attribute from the instrument; raises Refused. `updates` follow by themselves."""
        return await self._here().get(name, timeout_s)

    async def set(self, name: str, value: Any, timeout_s: float = 2.0) -> Reply:
        """Set an attribute; returns when the instrument has accepted it and what that changed is shown.

        Raises Refused, after the same. Never repeated.
        """
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
        if verb in ("initialize", "reconfigure") and payload is None:
            payload = {}
        return await self._ask(HIDDEN.get(verb, verb), payload, timeout_s)

    async def wait_connected(self, timeout_s: float) -> None:
        """Return when `connected`; raises TimeoutError that names the instrument and what is missing."""
        self.attach()
        await self._until(lambda: self.connected, timeout_s, f"not connected in group {self.node.group}")

    async def wait_state(self, *states: State, timeout_s: float) -> State:
        """Return when the instrument is in one of these states; raises TimeoutError."""
        wanted = " or ".join(s.name for s in states)
        await self._until(lambda: self.state in states, timeout_s, f"not in {wanted}")
        return self.state

    async def wait_idle(self, name: str, reply: Reply, timeout_s: float) -> str:
        """Return when what `reply` began has ended: its busy attribute is false again.

        The result is empty, or says who ended it early. Raises TimeoutError, or Refused when that has failed,
        with the reason that the flag fell with, or when the link is lost meanwhile.
        """
        described: Attribute | Command | None = self.attributes.get(name) or self.commands.get(name)
        busy = described.busy if described else ""
        if not busy or reply.busy_seq is None:
            return ""
        try:
            async with asyncio.timeout(timeout_s):
                while not self._idle(name, busy, reply):
                    try:
                        async with asyncio.timeout(IDLE_POLL_S):
                            await self.news.wait()
                    except TimeoutError:
                        with contextlib.suppress(Refused):  # one that is busy is asked again
                            await self._here().audit.look(busy)
        except TimeoutError:
            raise TimeoutError(
                f"{self.name}: {name} still under way after {timeout_s:g} s ({busy} is true)"
            ) from None
        return "" if reply.joined else self.updates[busy].status

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
        self.pseudo()

    def _idle(self, name: str, busy: str, reply: Reply) -> bool:
        update = self.updates.get(busy, UNKNOWN)
        if not self.connected:
            raise Refused("link", f"{self.name}: link lost while {name} was under way, outcome unknown")
        over = update.seq >= (reply.busy_seq or 0) and update.value is False
        if over and has_failed(update) and not reply.joined:
            raise Refused("failed", f"{self.name}: {name} has failed: {update.status}")
        return over and update.severity < Severity.INVALID

    async def _until(self, condition: Callable[[], bool], timeout_s: float, what: str) -> None:
        try:
            async with asyncio.timeout(timeout_s):
                while not condition():
                    await self.news.wait()
        except TimeoutError:
            raise TimeoutError(
                f"{self.name}: {what} after {timeout_s:g} s; "
                f"state {self.state.name}, {self.status or 'no status'}"
            ) from None

    def _here(self) -> Session:
        self.attach()
        if self._session is None:
            raise Refused("link", f"{self.name}: not connected ({self.status}), nothing was sent")
        return self._session

    async def _ask(
        self, verb: str, payload: Any, timeout_s: float, tags: dict[str, Any] | None = None
    ) -> Reply:
        session = self._here()
        tags = {**(tags or {}), **({TAG: asker()} if asker() else {})}
        answer = await session.link.exchange(verb, payload, timeout_s=timeout_s, tags=tags)
        await session.audit.follow(answer.tags.get("after"))
        reply = accepted(answer)
        seq = reply.tags.get("busy")
        joined = reply.tags.get("joined") is True
        return Reply(reply.payload, seq if isinstance(seq, int) else None, joined)

    def _reconsider(self) -> None:
        """Begin a session with each new life of the satellite, as soon as its ports are known."""
        peer = self.peer
        if (
            self._attached
            and peer is not None
            and peer.alive
            and peer.life != self._life
            and Service.CONTROL in peer.services
            and Service.MONITORING in peer.services
        ):
            self._end("replaced")
            self._life = peer.life
            self._session = Session(self, peer)

    def _end(self, reason: str) -> None:
        session, self._session = self._session, None
        self.connected, self.trouble, self._life = False, "", -1
        if session is not None:
            session.close(reason)
            self.pseudo()
            self.invalidate(reason)
