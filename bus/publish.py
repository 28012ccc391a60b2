"""The publishing side of a satellite: scalars and log lines on one socket, arrays on another.

Nothing is sent that nobody subscribed to, but every update has been counted already (`Board`), so that a
receiver sees by the sequence number what it missed. A new subscription is answered with the current values,
marked `again`; ZeroMQ sends those to all subscribers of the topic, who drop what they have by sequence
number.
"""

import asyncio
import logging
from collections.abc import Iterable, Iterator
from typing import Any

import zmq

from .attribute import Attribute, Board, Update
from .constellation import cmdp
from .values import pack_array, quality, to_wire
from .wire import Context, Wire

log = logging.getLogger(__name__)

CHUNK = 50
"""Values of a snapshot sent before others get their turn: at 5000 updates/s, bursts delay every `get`."""
QUEUE_SCALARS = 10_000
"""Messages kept for a slow subscriber, 200 bytes each; what is beyond is lost and shows as a gap."""
QUEUE_ARRAYS = 3
"""Kept of each array for a slow reader: a stalled one costs this many images, not a thousand."""


MOST_TOPICS = 10_000
"""Different subscriptions that are told apart; beyond, everything counts as subscribed to.

ZeroMQ does not say who subscribed, and a peer that did so twice is unsubscribed once: some can stay behind.
"""


class Topic:
    """One XPUB socket, its subscriptions and what answers a new one."""

    def __init__(self, context: Context, bind: str, queue: int) -> None:
        socket = context.socket(zmq.XPUB)
        # Without VERBOSER the second subscriber of a topic would never be told to us, and get no snapshot.
        socket.setsockopt(zmq.XPUB_VERBOSER, 1)
        socket.setsockopt(zmq.SNDHWM, queue)
        socket.setsockopt(zmq.MAXMSGSIZE, 4096)
        socket.setsockopt(zmq.LINGER, 0)
        self.port = socket.bind_to_random_port(bind)
        self.subscriptions: dict[bytes, int] = {}
        self.subscribed = self._ignore
        self._wanted: dict[str, bool] = {}
        self.wire = Wire(socket, self._receive)

    def wants(self, topic: str) -> bool:
        """Say whether anybody subscribed to this topic; ZeroMQ subscriptions are prefixes."""
        wanted = self._wanted.get(topic)
        if wanted is None:
            name = topic.encode()
            wanted = self._wanted[topic] = any(map(name.startswith, self.subscriptions))
        return wanted

    def _ignore(self, topic: str) -> None:
        """Do nothing about a new subscription."""

    def _receive(self, frames: list[bytes]) -> None:
        mark, topic = frames[0][:1], frames[0][1:]
        count = self.subscriptions.get(topic, 0) + (1 if mark == b"\x01" else -1)
        if mark not in (b"\x00", b"\x01"):
            return
        if len(self.subscriptions) >= MOST_TOPICS and topic not in self.subscriptions:
            self.subscriptions = {b"": 1}
        if count > 0:
            self.subscriptions[topic] = count
        else:
            self.subscriptions.pop(topic, None)
        self._wanted.clear()
        if mark == b"\x01":
            self.subscribed(topic.decode(errors="replace"))


class Publisher:
    """Publishes the boards of one satellite."""

    def __init__(self, context: Context, bind: str, sender: str, boards: Iterable[Board]) -> None:
        self.sender, self.boards = sender, tuple(boards)
        self.errors = 0
        """Values that could not be sent, such as integers above 2^63-1."""
        self.metrics = Topic(context, bind, QUEUE_SCALARS)
        self.metrics.subscribed = self._subscribed
        arrays = sum(a.array for board in self.boards for a in board.attributes.values())
        self.arrays = Topic(context, bind, QUEUE_ARRAYS * arrays) if arrays else None
        self._loop = asyncio.get_running_loop()
        self.log_topics = {"FSM": "Changes of state"}

    def close(self) -> None:
        """Close both sockets."""
        self.metrics.wire.close()
        if self.arrays is not None:
            self.arrays.wire.close()

    def publish(self, attribute: Attribute, update: Update, *, again: bool = False) -> None:
        """Send an update to those who want it.

        Of an array, its number goes out as a scalar, too: ZeroMQ drops the newest image when a reader is
        slow, and only so does the reader learn that it has to ask.
        """
        tags = quality(update, again=again)
        try:
            if attribute.array:
                self._send(self.metrics, f"{attribute.name}_seq", update, update.seq, "", tags)
                if self.arrays is not None and self.arrays.wants(f"STAT/{attribute.name.upper()}"):
                    data, layout = pack_array(() if update.value is None else update.value)
                    self._send(self.arrays, attribute.name, update, data, attribute.unit, tags | layout)
            else:
                value = to_wire(attribute, update.value)
                self._send(self.metrics, attribute.name, update, value, attribute.unit, tags)
        except (ValueError, TypeError, OverflowError) as error:
            self.errors += 1
            log.error("%s.%s: cannot publish %r: %s", self.sender, attribute.name, update.value, error)

    def _send(
        self, topic: Topic, name: str, update: Update, value: Any, unit: str, tags: dict[str, Any]
    ) -> None:
        if topic.wants(f"STAT/{name.upper()}"):
            topic.wire.send(cmdp.encode(cmdp.Metric(self.sender, update.time_ns, name, value, unit, tags)))

    def log(self, level: str, topic: str, text: str, time_ns: int) -> None:
        """Send a log line to those who want it."""
        if self.metrics.wants(f"LOG/{level}/{topic}"):
            self.metrics.wire.send(cmdp.encode(cmdp.Log(self.sender, time_ns, level, topic, text)))

    def _subscribed(self, topic: str) -> None:
        if topic.startswith("STAT?"):
            self._list("STAT", {a.name.upper(): a.doc for _, a in self._scalars()})
        elif topic.startswith("LOG?"):
            self._list("LOG", self.log_topics)
        elif topic.startswith("STAT/") or "STAT/".startswith(topic):
            self._snapshot(
                (board, a)
                for board, a in tuple(self._scalars())
                if f"STAT/{a.name.upper()}".startswith(topic)
            )

    def _list(self, prefix: str, topics: dict[str, str]) -> None:
        self.metrics.wire.send(cmdp.encode(cmdp.Topics(self.sender, self.boards[0].epoch, prefix, topics)))

    def _scalars(self) -> Iterator[tuple[Board, Attribute]]:
        for board in self.boards:
            for attribute in board.attributes.values():
                if not attribute.array:
                    yield board, attribute

    def _snapshot(self, rest: Iterator[tuple[Board, Attribute]]) -> None:
        if self.metrics.wire.socket.closed:
            return
        for count, (board, attribute) in enumerate(rest, 1):
            last = board.updates.get(attribute.name)
            if last is not None:
                self.publish(attribute, last, again=True)
            if count == CHUNK:
                self._loop.call_soon(self._snapshot, rest)
                return
