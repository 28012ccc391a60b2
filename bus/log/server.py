"""The serving side of the hit feed: one thread that answers requests from the files of a log.

The server knows no client: each request says where its sender is, and the reply is made from the files alone.
Notifications go to whoever listens and may be lost.
"""

import contextlib
import logging
import socket
import threading
from collections import deque
from pathlib import Path

import zmq

from .catalog import Catalog
from .marks import Marks
from .message import MAX_CREDIT, MAX_REQUEST, VERSION, MessageError, Notice, Reply, Request, decode, encode
from .runs import LoggedRun
from .segment import Stream

log = logging.getLogger(__name__)

REPLIES_QUEUED = 4
"""Per client. A client that asks without reading gets no more than this into memory; it asks again."""


class FeedServer:
    """Serves the log of one source at `port` of `interface`."""

    def __init__(self, root: Path, source: str, *, interface: str = "127.0.0.1", port: int = 0) -> None:
        self.port = port
        """TCP port of the requests; known after `start` when 0 was given."""
        self.malformed = 0
        """Requests that were dropped because they were none."""
        self.undelivered = 0
        """Replies that were dropped because their client was gone or did not read."""
        self._source, self._interface = source, interface
        self._catalog = Catalog(root, source)
        self._inbox: deque[Marks] = deque()
        self._notice: Notice | None = None
        self._stop = False
        self._wake, self._woken = socket.socketpair()
        self._thread: threading.Thread | None = None
        self._stream: tuple[LoggedRun, Stream] | None = None

    def start(self) -> None:
        """Bind and begin to serve; raises OSError when the port is taken."""
        self._context = zmq.Context()
        self._router = self._context.socket(zmq.ROUTER)
        self._router.set(zmq.LINGER, 0)
        self._router.set(zmq.SNDHWM, REPLIES_QUEUED)
        self._router.set(zmq.MAXMSGSIZE, MAX_REQUEST)
        self._router.set(zmq.ROUTER_MANDATORY, 1)
        self._publisher = self._context.socket(zmq.XPUB)
        self._publisher.set(zmq.LINGER, 0)
        self._publisher.set(zmq.SNDHWM, REPLIES_QUEUED)
        self._publisher.set(zmq.MAXMSGSIZE, MAX_REQUEST)
        self._publisher.set(zmq.XPUB_VERBOSE, 1)
        try:
            self._router.bind(f"tcp://{self._interface}:{self.port or '*'}")
            self._publisher.bind(f"tcp://{self._interface}:*")
        except zmq.ZMQError as error:
            self._context.destroy(linger=0)
            raise OSError(
                error.errno, f"feed of {self._source}: {self._interface}:{self.port}: {error}"
            ) from error
        self.port = _port(self._router)
        self._notify_port = _port(self._publisher)
        for end in (self._wake, self._woken):
            end.setblocking(False)
        self._thread = threading.Thread(target=self._run, name=f"feed-{self._source}", daemon=True)
        self._thread.start()

    def notify(self, marks: Marks) -> None:
        """Take the writer's marks; from any thread, returns at once."""
        self._inbox.append(marks)
        self._poke()

    def stop(self) -> None:
        """Stop serving and let go of the sockets."""
        if self._thread is None:
            return
        self._stop = True
        self._poke()
        self._thread.join()
        self._thread = None
        self._context.destroy(linger=0)
        self._wake.close()
        self._woken.close()

    def _poke(self) -> None:
        with contextlib.suppress(OSError):
            # A full pipe wakes the thread as well as one byte more would.
            self._wake.send(b"\0")

    def _run(self) -> None:
        poller = zmq.Poller()
        for source in (self._router, self._publisher, self._woken):
            poller.register(source, zmq.POLLIN)
        while not self._stop:
            ready = dict(poller.poll())
            if self._woken.fileno() in ready:
                self._drain()
                self._publish()
            if self._publisher in ready:
                # Somebody subscribed: tell where we are, so that the first to come need not wait.
                self._publisher.recv()
                self._publish()
            if self._router in ready:
                self._answer()
        self._close_stream()

    def _drain(self) -> None:
        """Take the marks that came in; only the newest of them is worth a notice."""
        with contextlib.suppress(OSError):
            while self._woken.recv(4096):
                pass
        while self._inbox:
            marks = self._inbox.popleft()
            self._catalog.mark(marks)
            self._notice = Notice(self._source, marks.run, marks.written, marks.durable, marks.closed)

    def _publish(self) -> None:
        if self._notice:
            with contextlib.suppress(zmq.Again):
                self._publisher.send(encode(self._notice), zmq.NOBLOCK)

    def _answer(self) -> None:
        peer, *frames = self._router.recv_multipart()
        try:
            if len(frames) != 1:
                raise MessageError(f"{len(frames)} frames, wants 1")
            request = decode(Request, frames[0])
        except MessageError as error:
            self.malformed += 1
            log.debug("feed of %s: dropped a request: %s", self._source, error)
            return
        reply, data = self._serve(request)
        try:
            self._router.send_multipart([peer, encode(reply), data], zmq.NOBLOCK, copy=len(data) < 65536)
        except zmq.ZMQError:
            self.undelivered += 1

    def _serve(self, request: Request) -> tuple[Reply, bytes]:
        if request.version != VERSION:
            return self._refuse(
                request, "version", f"feed protocol {VERSION} here, {request.version} asked for"
            )
        if request.source != self._source:
            return self._refuse(
                request, "source", f"this is the feed of {self._source}, not of {request.source}"
            )
        entry = self._catalog.find(request.run) if request.run else self._catalog.after(request.after)
        if entry is None and request.run:
            return self._refuse(request, "run", f"run {request.run} is not in the log of {self._source}")
        if entry is None:
            return Reply(request.id, ordinal=self._catalog.newest, notify=self._notify_port), b""
        offset = request.offset if request.run else 0
        try:
            stream = self._open(entry.run)
            written, durable, closed = entry.written, entry.durable, entry.closed
            if not entry.live:
                written = durable = stream.end()
            start, data = stream.span(offset, min(request.credit, MAX_CREDIT), written)
        except OSError as error:
            self._close_stream()
            return self._refuse(request, "run", f"run {entry.run.run}: {error}")
        return Reply(
            request.id, entry.run.run, entry.run.ordinal, start, written, durable, closed, self._notify_port
        ), data

    def _refuse(self, request: Request, code: str, text: str) -> tuple[Reply, bytes]:
        return Reply(request.id, notify=self._notify_port, error=text[:500], code=code), b""

    def _open(self, run: LoggedRun) -> Stream:
        """The stream of a run; the last one stays open, since clients mostly follow the same run."""
        if self._stream is None or self._stream[0] != run:
            self._close_stream()
            self._stream = (run, run.stream())
        return self._stream[1]

    def _close_stream(self) -> None:
        if self._stream:
            self._stream[1].close()
            self._stream = None


def _port(bound: zmq.Socket) -> int:
    return int(bound.getsockopt_string(zmq.LAST_ENDPOINT).rpartition(":")[2])
