"""One life of a satellite as a proxy follows it: tables read, values taken, until the link is lost.

Order matters: subscribe first, then describe, then read all values. What is published in between arrives
twice and is dropped once; nothing falls through.
"""

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import zmq

from . import foreign, values
from .attribute import Refused, Update
from .constellation import cmdp
from .constellation.chirp import Service
from .constellation.cmdp import Metric, Topics
from .constellation.pack import Malformed
from .description import PROTOCOL, Description, parse
from .fresh import News, Sequences
from .link import LARGEST_REPLY, Link
from .peer import Peer
from .wire import Wire

if TYPE_CHECKING:
    from .proxy import Proxy

log = logging.getLogger(__name__)

LARGEST_UPDATE = 1 << 20
PATIENCE_S = 5.0
SETTLE_S = 0.1
"""An array comes a little later than its number."""
AUDIT_S = 10.0
"""All scalars are read this often: an update that was lost and is the last one for long leaves no gap behind."""
AGAIN_S = 1.0
"""Pause before the tables are asked for again, when a living satellite did not answer."""


class Session:
    """Sockets and knowledge of one life; shows what it learns in its proxy."""

    def __init__(self, proxy: "Proxy", peer: Peer) -> None:
        self.proxy, self.peer = proxy, peer
        address, port = peer.services[Service.CONTROL]
        node = proxy.node
        self.link = Link(node.context, f"tcp://{address}:{port}", node.name, peer.name)
        self.known: Description | None = None
        self.ours = False
        self._sequences = Sequences()
        self._docs: dict[str, str] = {}
        self._rereading: set[str] = set()
        self._awaited: dict[str, asyncio.TimerHandle] = {}
        metrics = peer.services[Service.MONITORING]
        self._wires = [self._subscribe(*metrics, LARGEST_UPDATE, b"STAT/", b"STAT?")]
        self._tasks: set[asyncio.Task[None]] = set()
        self._spawn(self._meet())

    def close(self, reason: str) -> None:
        """End it; the proxy marks the values."""
        for pending in (*self._tasks, *self._awaited.values()):
            pending.cancel()
        self.link.close(reason)
        for wire in self._wires:
            wire.close()

    def verb(self, command: str) -> str:
        """Return the verb of a command on the wire."""
        return self.known.verbs.get(command, command) if self.known else command

    def arguments(self, args: tuple[Any, ...]) -> Any:
        """Return the payload for positional arguments; stock satellites want none, not an empty list."""
        return list(args) if args or self.ours else None

    async def get(self, name: str, timeout_s: float) -> Update:
        """Read one attribute and show it if it is new."""
        if self.known is not None and not self.ours:
            return self._stored(name)
        reply = await self.link.ask("get", [name], timeout_s=timeout_s, patient=True)
        value = values.unpack_array(reply.payload, reply.tags) if "dtype" in reply.tags else reply.payload
        time_ns = reply.tags.get("time_ns")
        update = values.update(value, time_ns if isinstance(time_ns, int) else reply.time_ns, reply.tags)
        if update.seq:
            self._take(name, update, again=True)
        return update

    def _stored(self, name: str) -> Update:
        if name not in self.proxy.updates:
            raise Refused("unknown", f"{self.proxy.name} has not sent {name!r}, "
                                     f"and a stock satellite cannot be asked for it")
        return self.proxy.updates[name]

    async def _meet(self) -> None:
        """Learn everything, with patience: the satellite lives, but may be busy."""
        while True:
            try:
                await self._learn()
                self.proxy.ready(True)
                break
            except (Refused, Malformed) as error:
                log.warning("%s: %s", self.peer.name, error)
                self.proxy.ready(False, str(error))
                if isinstance(error, Refused) and error.code == "version":
                    return
                await asyncio.sleep(AGAIN_S)
        while self.ours:
            await asyncio.sleep(AUDIT_S)
            try:
                await self._read_all()
            except (Refused, Malformed) as error:
                log.warning("%s: %s", self.peer.name, error)

    async def _learn(self) -> None:
        proxy = self.proxy
        try:
            reply = await self.link.ask("describe", [PROTOCOL], timeout_s=PATIENCE_S, patient=True)
        except Refused as error:
            if error.code != "unknown":
                raise
            await self._learn_foreign()
            return
        known = parse(reply.payload)
        proxy.description, proxy.attributes, proxy.commands = reply.payload, known.attributes, known.commands
        arrays = [a.name for a in known.attributes.values() if a.array]
        if arrays and known.arrays and proxy.node.arrays and len(self._wires) < 2:
            address = self.peer.services[Service.CONTROL][0]
            wire = self._subscribe(address, known.arrays, LARGEST_REPLY, b"STAT/", queue=3 * len(arrays))
            self._wires.append(wire)
        self.known, self.ours = known, True
        await self._read_all()
        if proxy.node.arrays:
            for name in arrays:
                await self.get(name, PATIENCE_S)

    async def _read_all(self) -> None:
        everything = await self.link.ask("get", timeout_s=PATIENCE_S)
        if not isinstance(everything.payload, dict):
            raise Malformed(f"get of everything gave {type(everything.payload).__name__} instead of a map")
        for name, tags in everything.payload.items():
            if not isinstance(tags, dict) or not isinstance(tags.get("time_ns"), int):
                raise Malformed(f"get of everything: {name!r} has no time")
            self._take(name, values.update(tags.get("value"), tags["time_ns"], tags), again=True)

    async def _learn_foreign(self) -> None:
        self.link.one_by_one = True  # it answers in order and blocks while it works
        listed = await self.link.ask("get_commands", timeout_s=PATIENCE_S)
        self.known = foreign.description(listed.payload)
        self.proxy.description, self.proxy.attributes, self.proxy.commands = {}, {}, self.known.commands

    def _subscribe(self, address: str, port: int, largest: int, *topics: bytes, queue: int = 10_000) -> Wire:
        socket = self.proxy.node.context.socket(zmq.SUB)
        socket.setsockopt(zmq.MAXMSGSIZE, largest)
        socket.setsockopt(zmq.RCVHWM, queue)
        for topic in topics:
            socket.setsockopt(zmq.SUBSCRIBE, topic)
        wire = Wire(socket, self._receive)
        socket.connect(f"tcp://{address}:{port}")
        return wire

    def _receive(self, frames: list[bytes]) -> None:
        message = cmdp.decode(frames)
        if isinstance(message, Topics):
            self._docs.update({name.lower(): doc for name, doc in message.topics.items()})
        elif isinstance(message, Metric) and self.known is not None:
            (self._metric if self.ours else self._foreign)(message)

    def _metric(self, metric: Metric) -> None:
        name = metric.name.lower()
        attribute = self.proxy.attributes.get(name)
        if attribute is None:
            self._announced(name.removesuffix("_seq"), metric)
            return
        value = values.unpack_array(metric.value, metric.tags) if "dtype" in metric.tags else metric.value
        again = metric.tags.get("again") is True
        self._take(name, values.update(value, metric.time_ns, metric.tags), again=again)

    def _announced(self, name: str, metric: Metric) -> None:
        """Ask for an array whose number was announced but which does not come. STATE and RUN_ID end here, too."""
        attribute = self.proxy.attributes.get(name)
        if attribute is None or not attribute.array or not self.proxy.node.arrays or name in self._awaited:
            return
        mark = values.update(metric.value, metric.time_ns, metric.tags)

        def check() -> None:
            self._awaited.pop(name)
            if self._sequences.last.get(name, (0, 0)) < (mark.epoch, mark.seq):
                self._lost(name)

        self._awaited[name] = asyncio.get_running_loop().call_later(SETTLE_S, check)

    def _foreign(self, metric: Metric) -> None:
        proxy = self.proxy
        if metric.name in foreign.RESERVED or metric.value is None:
            return
        name = metric.name.lower()
        proxy.attributes[name] = foreign.attribute(metric, self._docs.get(name, ""))
        proxy.take(name, foreign.update(metric, proxy.state, proxy.updates.get(name)))

    def _take(self, name: str, update: Update, *, again: bool) -> None:
        news = self._sequences.judge(name, update, again=again)
        if news is not News.OLD:
            self.proxy.take(name, update)
        if news is News.GAP:
            self._lost(name)

    def _lost(self, name: str) -> None:
        self.proxy.gaps += 1
        if name not in self._rereading:
            self._rereading.add(name)
            self._spawn(self._reread(name))

    async def _reread(self, name: str) -> None:
        try:
            await self.get(name, PATIENCE_S)
        except (Refused, Malformed) as error:
            log.warning("%s: cannot re-read %s: %s", self.peer.name, name, error)
        finally:
            self._rereading.discard(name)

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
