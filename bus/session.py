"""One life of a satellite as a proxy follows it: tables read, values taken, until the link is lost.

Order matters: subscribe first, then describe, then read all values. What is published in between arrives
twice and is dropped once; nothing falls through.
"""

import asyncio
import contextlib
import logging
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from . import foreign, values
from .attribute import Refused, Update
from .audit import Audit
from .constellation.chirp import Service
from .constellation.pack import Malformed
from .description import PROTOCOL, Description, parse
from .link import Link
from .peer import Peer
from .stream import Stream

if TYPE_CHECKING:
    from .proxy import Proxy

log = logging.getLogger(__name__)

PATIENCE_S = 5.0
AUDIT_S = 10.0
"""All scalars are read this often: a lost update that is the last one for long leaves no gap behind."""
HEARD_S = 1.0
"""A satellite that does not tell its topics in this time never does."""
AGAIN_S = 1.0
"""Pause before the tables are asked for again, when a living satellite did not answer."""


class Session:
    """Sockets and knowledge of one life; shows what it learns in its proxy."""

    def __init__(self, proxy: "Proxy", peer: Peer) -> None:
        self.proxy, self.peer = proxy, peer
        address, port = peer.services[Service.CONTROL]
        node = proxy.node
        self.link = Link(node.context, f"tcp://{address}:{port}", node.name, peer.name)
        self.stream = Stream(proxy, *peer.services[Service.MONITORING], self._lost)
        self._verbs: dict[str, str] = {}
        self._rereading: set[str] = set()
        self.closed = False
        self._tasks: set[asyncio.Task[None]] = set()
        self.audit = Audit(self)
        self._spawn(self._meet())

    def close(self, reason: str) -> None:
        """End it; the proxy marks the values."""
        self.closed = True
        for task in self._tasks:
            task.cancel()
        self.link.close(reason)
        self.stream.close()

    def verb(self, command: str) -> str:
        """Return the verb of a command on the wire."""
        return self._verbs.get(command, command)

    def arguments(self, args: tuple[Any, ...]) -> Any:
        """Return the payload for positional arguments; stock satellites want none, not an empty list."""
        return list(args) if args or self.stream.described else None

    async def get(self, name: str, timeout_s: float = PATIENCE_S) -> Update:
        """Read one attribute; raises Refused. What is shown is the stream's business, in its order."""
        if self.stream.described is False:
            if name in self.proxy.updates:
                return self.proxy.updates[name]
            raise Refused(
                "unknown",
                f"{self.proxy.name} has not sent {name!r}, and a stock satellite cannot be asked for it",
            )
        reply = await self.link.ask("get", [name], timeout_s=timeout_s, patient=True)
        try:
            value = values.unpack_array(reply.payload, reply.tags) if "dtype" in reply.tags else reply.payload
            time_ns = reply.tags.get("time_ns")
            update = values.update(value, time_ns if isinstance(time_ns, int) else reply.time_ns, reply.tags)
        except Malformed as error:
            raise Refused("failed", f"{self.proxy.name}: {name} cannot be read: {error}") from None
        return update

    async def reread(self, name: str) -> None:
        """Read an attribute and show it if it is new: updates of it may have been lost. Raises Refused."""
        update = await self.get(name)
        if update.seq:
            self.stream.take(name, update, again=True)

    async def _meet(self) -> None:
        """Learn everything, with patience: it lives, but may be busy. Then see that nothing is missed."""
        while not self.proxy.connected:
            try:
                await self._learn()
                self.proxy.ready(True)
            except (Refused, Malformed) as error:
                log.warning("%s: %s", self.peer.name, error)
                self.proxy.ready(False, str(error))
                if isinstance(error, Refused) and error.code == "version":
                    return
                await asyncio.sleep(AGAIN_S)
        while self.stream.described:
            await asyncio.sleep(AUDIT_S)
            try:
                await self.audit.everything()
            except (Refused, Malformed) as error:
                log.warning("%s: %s", self.peer.name, error)

    async def _learn(self) -> None:
        try:
            reply = await self.link.ask("describe", [PROTOCOL], timeout_s=PATIENCE_S, patient=True)
        except Refused as error:
            if error.code != "unknown":
                raise
            self.link.one_by_one = True  # a stock satellite answers in order and blocks while it works
            listed = await self.link.ask("get_commands", timeout_s=PATIENCE_S)
            self._take_over(foreign.description(listed.payload), {})
            self.stream.described = False
            return
        self._take_over(parse(reply.payload), reply.payload)
        self.stream.described = True
        # Subscriptions travel on another connection than requests: what was published before they arrived and
        # after the values were read would be missed, and values of two moments be mixed.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(HEARD_S):
                await self.stream.heard.wait()
        for name, update in (await self.read_all()).items():
            self.stream.take(name, update, again=True)
        for attribute in self.proxy.attributes.values():
            if attribute.array and self.proxy.node.arrays:
                await self.reread(attribute.name)

    def _take_over(self, known: Description, reply: dict[str, Any]) -> None:
        proxy, self._verbs = self.proxy, known.verbs
        proxy.description, proxy.attributes, proxy.commands = reply, known.attributes, known.commands
        arrays = sum(a.array for a in known.attributes.values())
        if arrays and known.arrays and proxy.node.arrays:
            self.stream.open_arrays(known.arrays, arrays)

    async def read_all(self) -> dict[str, Update]:
        """Return all scalars that have a value."""
        everything = await self.link.ask("get", timeout_s=PATIENCE_S)
        if not isinstance(everything.payload, dict):
            raise Malformed(f"get of everything gave {type(everything.payload).__name__} instead of a map")
        read = {}
        for name, tags in everything.payload.items():
            if not isinstance(tags, dict) or not isinstance(tags.get("time_ns"), int):
                raise Malformed(f"get of everything: {name!r} has no time")
            read[name] = values.update(tags.get("value"), tags["time_ns"], tags)
        return read

    def _lost(self, name: str) -> None:
        self.proxy.gaps += 1
        if name not in self._rereading:
            self._rereading.add(name)
            self._spawn(self._recover(name))

    async def _recover(self, name: str) -> None:
        try:
            await self.reread(name)
        except Refused as error:
            log.warning("%s: cannot re-read %s: %s", self.peer.name, name, error)
        finally:
            self._rereading.discard(name)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
