"""The asking side's sockets: ask until an answer comes, through restarts of the server (Lazy Pirate)."""

import contextlib
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import urlsplit

import zmq

from .message import MAX_REPLY, MAX_REQUEST, MessageError, Reply, Request, decode, encode

Resolver = Callable[[], str | None]

TIMEOUT_S = 1.0
"""Without an answer for so long the socket is thrown away and the address asked for anew."""
TICK_S = 0.1
"""How often a waiting thread looks at its stop flag, and asks although no notice came."""


class Link:
    """One reader's connection. All methods in one thread."""

    def __init__(self, address: str | Resolver) -> None:
        self._resolve = (lambda: address) if isinstance(address, str) else address
        self._context = zmq.Context()
        self._dealer: zmq.Socket | None = None
        self._notices: zmq.Socket | None = None
        self._notify = ""
        self._id = 0
        self._waiting: Request | None = None
        self._sent_s = 0.0
        self.reconnects = 0
        """Times that no answer came and the connection was made anew."""
        self.malformed = 0
        """Replies that were dropped because they were none."""

    def close(self) -> None:
        """Let go of all sockets."""
        self._context.destroy(linger=0)
        self._dealer = self._notices = None

    def send(self, request: Request) -> None:
        """Ask, without waiting; `receive` gives the answer."""
        self._id += 1
        self._waiting = replace(request, id=self._id)
        if self._connected() and self._dealer:
            with contextlib.suppress(zmq.Again):
                self._dealer.send(encode(self._waiting), zmq.NOBLOCK)
        self._sent_s = time.monotonic()

    def receive(self, stop: threading.Event) -> tuple[Reply, memoryview] | None:
        """Return the answer to the last request, asking again as long as it takes; None when stopped."""
        while self._waiting and not stop.is_set():
            if self._dealer is None or time.monotonic() - self._sent_s > TIMEOUT_S:
                self._drop()
                if not self._connected():
                    stop.wait(TICK_S)
                    continue
                self.send(self._waiting)
            if self._dealer and self._dealer.poll(int(TICK_S * 1000)):
                answer = self._take(self._dealer.recv_multipart(copy=False))
                if answer:
                    self._waiting = None
                    return answer
        return None

    def wait(self, stop: threading.Event) -> None:
        """Wait for a notice that there is more, at most one tick."""
        if self._notices is None:
            stop.wait(TICK_S)
        elif self._notices.poll(int(TICK_S * 1000)):
            # What it says does not matter: the answer to the next request says it with authority.
            self._notices.recv()

    def _take(self, frames: list[zmq.Frame]) -> tuple[Reply, memoryview] | None:
        """Check a reply; one that belongs to an earlier request is dropped silently."""
        try:
            if len(frames) != 2:
                raise MessageError(f"{len(frames)} frames, wants 2")
            reply = decode(Reply, frames[0].buffer)
        except MessageError:
            self.malformed += 1
            return None
        if reply.id != self._id:
            return None
        self._listen(reply.notify)
        return reply, frames[1].buffer

    def _connected(self) -> bool:
        if self._dealer is None:
            self._address = self._resolve()
            if self._address is None:
                return False
            self._dealer = self._context.socket(zmq.DEALER)
            self._dealer.set(zmq.LINGER, 0)
            self._dealer.set(zmq.MAXMSGSIZE, MAX_REPLY)
            self._dealer.set(zmq.RECONNECT_IVL, 20)
            self._dealer.connect(self._address)
        return True

    def _listen(self, port: int) -> None:
        """Follow the notices of the server that answered."""
        host = urlsplit(self._address or "").hostname
        address = f"tcp://{host}:{port}"
        if not port or not host or address == self._notify:
            return
        if self._notices:
            self._notices.close(0)
        self._notices = self._context.socket(zmq.SUB)
        self._notices.set(zmq.LINGER, 0)
        self._notices.set(zmq.CONFLATE, 1)
        self._notices.set(zmq.MAXMSGSIZE, MAX_REQUEST)
        self._notices.set(zmq.SUBSCRIBE, b"")
        self._notices.connect(address)
        self._notify = address

    def _drop(self) -> None:
        if self._dealer:
            self._dealer.close(0)
            self._dealer = None
            self.reconnects += 1
