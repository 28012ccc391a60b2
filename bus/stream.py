"""The values of one satellite as they arrive: which are new, which were lost and must be asked for."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

import zmq

from . import foreign, values
from .attribute import Update
from .constellation import cmdp
from .constellation.cmdp import Metric, Topics
from .fresh import News, Sequences
from .wire import Wire

if TYPE_CHECKING:
    from .proxy import Proxy

QUEUE_SCALARS = 10_000
QUEUE_ARRAYS = 3
"""Waiting of each array while we are busy; more would only show the past."""
LARGEST_SCALAR = 1 << 20
LARGEST_ARRAY = values.LARGEST_ARRAY + (64 << 10)
SETTLE_S = 0.1
"""An array comes a little later than its number."""


class Stream:
    """Subscriptions to one life of a satellite; shows what is new in its proxy, tells `lost(name)` of gaps.

    `described` is None until it is known whether the satellite describes itself; until then nothing is taken.
    """

    def __init__(self, proxy: "Proxy", address: str, port: int, lost: Callable[[str], None]) -> None:
        self.proxy, self.address = proxy, address
        self.described: bool | None = None
        self._lost = lost
        self._sequences = Sequences()
        self._docs: dict[str, str] = {}
        self._newest: dict[str, tuple[int, int]] = {}
        self._awaited: dict[str, asyncio.TimerHandle] = {}
        self._wires = [self._subscribe(port, LARGEST_SCALAR, QUEUE_SCALARS, b"STAT/", b"STAT?")]

    @property
    def malformed(self) -> int:
        """Messages that were dropped."""
        return sum(wire.malformed for wire in self._wires)

    def open_arrays(self, port: int, count: int) -> None:
        """Subscribe to arrays, too; once."""
        if len(self._wires) == 1:
            self._wires.append(self._subscribe(port, LARGEST_ARRAY, QUEUE_ARRAYS * count, b"STAT/"))

    def close(self) -> None:
        """Unsubscribe."""
        for timer in self._awaited.values():
            timer.cancel()
        for wire in self._wires:
            wire.close()

    def take(self, name: str, update: Update, *, again: bool) -> None:
        """Show an update if it is new; `again` marks one that was asked for, or a repeat for another."""
        news = self._sequences.judge(name, update, again=again)
        if news is not News.OLD:
            self.proxy.take(name, update)
        if news is News.GAP:
            self._lost(name)

    def _subscribe(self, port: int, largest: int, queue: int, *topics: bytes) -> Wire:
        socket = self.proxy.node.context.socket(zmq.SUB)
        socket.setsockopt(zmq.MAXMSGSIZE, largest)
        socket.setsockopt(zmq.RCVHWM, queue)
        for topic in topics:
            socket.setsockopt(zmq.SUBSCRIBE, topic)
        wire = Wire(socket, self._receive)
        socket.connect(f"tcp://{self.address}:{port}")
        return wire

    def _receive(self, frames: list[bytes]) -> None:
        message = cmdp.decode(frames)
        if isinstance(message, Topics):
            self._docs.update({name.lower(): doc for name, doc in message.topics.items()})
        elif isinstance(message, Metric) and self.described is not None:
            (self._metric if self.described else self._foreign)(message)

    def _metric(self, metric: Metric) -> None:
        name = metric.name.lower()
        if name not in self.proxy.attributes:
            self._announced(name.removesuffix("_seq"), metric)
            return
        value, tags = metric.value, metric.tags
        if "dtype" in tags:
            value = values.unpack_array(value, tags)
        self.take(name, values.update(value, metric.time_ns, tags), again=tags.get("again") is True)

    def _announced(self, name: str, metric: Metric) -> None:
        """Ask for an array whose number was announced but which does not come.

        Other metrics without a description, such as STATE for stock programs, end here, too.
        """
        attribute = self.proxy.attributes.get(name)
        if attribute is None or not attribute.array or len(self._wires) == 1:
            return
        update = values.update(metric.value, metric.time_ns, metric.tags)
        self._newest[name] = (update.epoch, update.seq)
        if name not in self._awaited:
            self._expect(name)

    def _expect(self, name: str) -> None:
        mark = self._newest[name]

        def check() -> None:
            del self._awaited[name]
            last = self._sequences.last.get(name, (0, 0))
            if last < mark:
                self._lost(name)
            elif last < self._newest[name]:  # announced meanwhile, and given its time, too
                self._expect(name)

        self._awaited[name] = asyncio.get_running_loop().call_later(SETTLE_S, check)

    def _foreign(self, metric: Metric) -> None:
        proxy, name = self.proxy, metric.name.lower()
        if metric.name not in foreign.RESERVED and metric.value is not None:
            proxy.attributes[name] = foreign.attribute(metric, self._docs.get(name, ""))
            proxy.take(name, foreign.update(metric, proxy.state, proxy.updates.get(name)))
