"""The values of one satellite as they arrive: which are new, which were lost and must be asked for."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

import zmq

from . import foreign, values
from .attribute import Update
from .constellation import cmdp
from .constellation.cmdp import Metric, Topics
from .constellation.pack import Malformed
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
"""An array comes a little later than its number; after this it is asked for."""
GIVE_UP_S = 0.5
"""After this, what was published behind an array is shown without it."""


class Stream:
    """Subscriptions to one life of a satellite; shows what is new in its proxy, tells `lost` of gaps.

    Values are shown in the order in which they were published, although arrays come by another socket:
    scalars behind the number of an array wait for it. A result's image is here before its exposure number is.
    `described` is None until it is known whether the satellite describes itself; until then nothing is taken.
    """

    def __init__(self, proxy: "Proxy", address: str, port: int, lost: Callable[[str], None]) -> None:
        self.proxy, self.address = proxy, address
        self.described: bool | None = None
        self.heard = asyncio.Event()
        """Set with the first message. The list of topics, which is sent to each who subscribes to it, comes
        first: when it is here, nothing that is published from then on can be missed."""
        self._lost = lost
        self._sequences = Sequences()
        self._docs: dict[str, str] = {}
        self._held: deque[Metric] = deque()
        self._missing: dict[str, tuple[int, int]] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._wires = [self._subscribe(port, LARGEST_SCALAR, QUEUE_SCALARS, self._scalar, b"STAT/", b"STAT?")]

    @property
    def malformed(self) -> int:
        """Messages that were dropped."""
        return sum(wire.malformed for wire in self._wires)

    @property
    def waits(self) -> bool:
        """Scalars are held back for an array that belongs before them; not for long."""
        return bool(self._missing)

    def open_arrays(self, port: int, count: int) -> None:
        """Subscribe to arrays, too; once."""
        if len(self._wires) == 1:
            queue = QUEUE_ARRAYS * count
            self._wires.append(self._subscribe(port, LARGEST_ARRAY, queue, self._array, b"STAT/"))

    def close(self) -> None:
        """Unsubscribe."""
        for timer in self._timers.values():
            timer.cancel()
        for wire in self._wires:
            wire.close()

    def has(self, name: str, update: Update) -> bool:
        """Say whether this update or a later one was taken."""
        return self._sequences.last.get(name, (0, 0)) >= (update.epoch, update.seq)

    def take(self, name: str, update: Update, *, again: bool) -> None:
        """Show an update if it is new; `again` marks one that was asked for, or a repeat for another."""
        news = self._sequences.judge(name, update, again=again)
        if news is not News.OLD:
            self.proxy.take(name, update)
        if news is News.GAP:
            self._lost(name)
        if name in self._missing and (update.epoch, update.seq) >= self._missing[name]:
            self._go_on(name)

    def _subscribe(
        self, port: int, largest: int, queue: int, receive: Callable[[Metric], None], *topics: bytes
    ) -> Wire:
        def decode(frames: list[bytes]) -> None:
            message = cmdp.decode(frames)
            self.heard.set()
            if isinstance(message, Topics):
                self._docs.update({name.lower(): doc for name, doc in message.topics.items()})
            elif isinstance(message, Metric) and self.described is not None:
                receive(message)

        socket = self.proxy.node.context.socket(zmq.SUB)
        socket.setsockopt(zmq.MAXMSGSIZE, largest)
        socket.setsockopt(zmq.RCVHWM, queue)
        for topic in topics:
            socket.setsockopt(zmq.SUBSCRIBE, topic)
        wire = Wire(socket, decode)
        socket.connect(f"tcp://{self.address}:{port}")
        return wire

    def _scalar(self, metric: Metric) -> None:
        if not self.described:
            self._foreign(metric)
        elif self._missing and len(self._held) < QUEUE_SCALARS:
            self._held.append(metric)
        else:
            self._show(metric)

    def _show(self, metric: Metric) -> None:
        name = metric.name.lower()
        attribute = self.proxy.attributes.get(name)
        update = values.update(metric.value, metric.time_ns, metric.tags)
        if attribute is None:
            self._announced(name.removesuffix("_seq"), update)  # or STATE and RUN_ID, for stock programs
        elif not attribute.array:
            self.take(name, update, again=metric.tags.get("again") is True)

    def _array(self, metric: Metric) -> None:
        name = metric.name.lower()
        attribute = self.proxy.attributes.get(name)
        if attribute is not None and attribute.array:
            value = values.unpack_array(metric.value, metric.tags)
            self.take(name, values.update(value, metric.time_ns, metric.tags), again=False)

    def _announced(self, name: str, update: Update) -> None:
        """Wait for an array whose number has come before itself."""
        attribute = self.proxy.attributes.get(name)
        if attribute is not None and attribute.array and len(self._wires) > 1 and not self.has(name, update):
            self._missing[name] = (update.epoch, update.seq)
            self._timer(name, SETTLE_S, self._overdue)

    def _overdue(self, name: str) -> None:
        self._timer(name, GIVE_UP_S, self._go_on)
        self._lost(name)

    def _go_on(self, name: str) -> None:
        """Show what was held back for this array, up to the next that is missing."""
        del self._missing[name]
        self._timers.pop(name).cancel()
        while self._held and not self._missing:
            try:
                self._show(self._held.popleft())
            except Malformed:
                self._wires[0].malformed += 1

    def _timer(self, name: str, delay_s: float, then: Callable[[str], None]) -> None:
        if (earlier := self._timers.get(name)) is not None:
            earlier.cancel()
        self._timers[name] = asyncio.get_running_loop().call_later(delay_s, then, name)

    def _foreign(self, metric: Metric) -> None:
        proxy, name = self.proxy, metric.name.lower()
        if metric.name not in foreign.RESERVED and metric.value is not None:
            proxy.attributes[name] = foreign.attribute(metric, self._docs.get(name, ""))
            proxy.take(name, foreign.update(metric, proxy.state, proxy.updates.get(name)))
