"""One ZeroMQ socket on the event loop.

Plain sockets, not `zmq.asyncio`: twice the update rate for two thirds of the CPU. The price is that ZeroMQ's
descriptor is edge-triggered: it wakes us once, and not again until everything was read, and a *send* can
swallow the edge of an arrival. So whoever sends looks at the events afterwards, and a drain that stops
half-way schedules its continuation.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import TypeAlias

import zmq
from zmq.utils.monitor import parse_monitor_message

from .constellation.pack import Malformed

log = logging.getLogger(__name__)

Context: TypeAlias = "zmq.Context[zmq.Socket[bytes]]"

DRAIN = 100
"""Messages read before others get their turn; higher starves the loop in a flood, lower wastes wake-ups."""


class Wire:
    """Reads whole messages into `receive`, on the loop, and sends without ever blocking.

    `malformed` counts messages for which `receive` raised Malformed. Any other exception is a bug of ours: it
    is logged with its traceback and counted in `errors`, and the socket lives on.
    """

    def __init__(self, socket: "zmq.Socket[bytes]", receive: Callable[[list[bytes]], None]) -> None:
        self.socket = socket
        self.malformed = 0
        self.errors = 0
        self._receive = receive
        self._loop = asyncio.get_running_loop()
        # The number is kept: a closed socket cannot tell it any more, and a stale reader on a reused
        # descriptor would silently disable whoever got it.
        self._fd: int = socket.getsockopt(zmq.FD)  # type: ignore[assignment]
        self._scheduled = False
        self._monitor: Wire | None = None
        self._loop.add_reader(self._fd, self.drain)
        self._look()

    def send(self, frames: Sequence[bytes]) -> bool:
        """Send one message; False when ZeroMQ will not take it now (no peer, or its queue is full)."""
        if self.socket.closed:
            return False
        try:
            self.socket.send_multipart(frames, zmq.NOBLOCK)
            return True
        except zmq.ZMQError as error:
            if error.errno not in (zmq.EAGAIN, zmq.EHOSTUNREACH):
                raise
            return False
        finally:
            self._look()

    def drain(self) -> None:
        """Hand over what has arrived, at most DRAIN messages now and the rest in a moment."""
        self._scheduled = False
        for _ in range(DRAIN):
            if self.socket.closed:
                return
            try:
                frames = self.socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            try:
                self._receive(frames)
            except Malformed as error:
                self.malformed += 1
                log.debug("dropped: %s", error)
            except Exception:
                self.errors += 1
                log.exception("a message could not be handled")
        self._schedule()

    def watch(self, lost: Callable[[], None]) -> None:
        """Call `lost` when the TCP connection breaks, milliseconds after the peer's death."""
        monitor = self.socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)

        def event(frames: list[bytes]) -> None:
            if parse_monitor_message(frames)["event"] == zmq.EVENT_DISCONNECTED:
                lost()

        self._monitor = Wire(monitor, event)

    def close(self) -> None:
        """Stop reading and close; safe to call twice and from inside `receive`."""
        if self._monitor is not None:
            # First the reader, then the monitor, then the watched socket: closing that one closes its monitor
            # too.
            monitor, self._monitor = self._monitor, None
            self._loop.remove_reader(monitor._fd)
            self.socket.disable_monitor()
            monitor.socket.close(linger=0)
        if not self.socket.closed:
            self._loop.remove_reader(self._fd)
            self.socket.close(linger=0)

    def _look(self) -> None:
        """Schedule a drain if messages rest in the socket that the descriptor will not announce again."""
        if not self.socket.closed and int(self.socket.getsockopt(zmq.EVENTS)) & zmq.POLLIN:
            self._schedule()

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self.drain)
