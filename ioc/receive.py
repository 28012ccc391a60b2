"""Datagrams of words into memory, a thousand at a time, with everything that is wrong with them counted.

A receiver belongs to one thread, which calls `receive` and hands the payload on before it calls again. Sizes
are checked per datagram: part of a word at its end is cut off, so that no damage spreads to the words behind
it. Datagrams of other hosts than the peer are dropped. What the kernel dropped at a full buffer is told by
the kernel. There is no other way to lose anything here.

On Linux many datagrams come with one call, and lie one behind the other without a copy when all have the size
of a slot, which follows the size that comes (`readers`). Elsewhere plain sockets give the same.
"""

import contextlib
import selectors
import socket
import struct
import sys
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from . import mmsg
from .batch import Batch, Shape
from .readers import LARGEST, BatchedReader, PlainReader

GATHER_S = 0.005
"""Longest wait for more datagrams after the first: more makes fewer, larger batches, and fills the buffer."""
FASTEST_BYTES_PER_S = 125e6
"""Gigabit Ethernet; at this rate an eighth of the buffer at most fills up while datagrams are gathered."""
SO_RCVBUFFORCE, SO_MEMINFO = 33, 55
LINUX = sys.platform.startswith("linux")
MOST_BYTES = 4 * 2**20
"""Longest payload: the log takes twice that at once."""
MEMINFO = struct.Struct("=9I")
"""What SO_MEMINFO gives; the last number is how many datagrams were dropped so far."""


@dataclass(slots=True)
class Counts:
    """Sums over the batches of a receiver."""

    bytes: int = 0
    """Of whole words."""
    datagrams: int = 0
    foreign: int = 0
    empty: int = 0
    cut: int = 0
    oversize: int = 0


class Receiver:
    """A bound UDP socket (IPv4) that gives payloads of whole words."""

    def __init__(
        self,
        address: str,
        port: int,
        *,
        peer: str = "",
        buffer_bytes: int = 64 * 2**20,
        batch: int = 1024,
        slot: int = 1356,
        word_bytes: int = 6,
        largest: int = LARGEST,
        batched: bool = mmsg.AVAILABLE,
    ) -> None:
        """Bind and be ready; OSError when that cannot be.

        address: where to listen, "" for every interface. port: 0 for any, see `port`. peer: host whose
        datagrams are taken, of any port; "" for everyone. buffer_bytes: asked of the kernel, see
        `buffer_granted`. batch: most datagrams in one call. slot: size that is expected first. word_bytes:
        size of a word. largest: bytes in a datagram at most.
        """
        self.counts = Counts()
        self.peer = socket.gethostbyname(peer) if peer else ""
        """IPv4 address of the peer; empty for any."""
        self._drops: int | None = None
        self._more = False
        self._rest: Batch | None = None
        self._socket = sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            # Other clients of the same readout, and we ourselves after a restart, bind the same port.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.buffer_granted = _enlarge(sock, buffer_bytes)
            """Bytes of the receive buffer, as they are asked for."""
            if batched:
                mmsg.count_drops(sock)
            sock.bind((address, port))
            sock.setblocking(False)
            shape = Shape(self.peer, word_bytes, largest, batch)
            self._reader = (BatchedReader if batched else PlainReader)(sock, shape, slot)
        except BaseException:
            sock.close()
            raise
        self._gather_s = min(GATHER_S, self.buffer_granted / 8 / FASTEST_BYTES_PER_S)
        self._waker, self._woken = socket.socketpair()
        self._woken.setblocking(False)
        # Not epoll: it would be one more descriptor each, for one or two to wait for.
        selector = getattr(selectors, "PollSelector", selectors.SelectSelector)
        self._both, self._wake = selector(), selector()
        self._both.register(sock, selectors.EVENT_READ)
        for waiting in (self._both, self._wake):
            waiting.register(self._woken, selectors.EVENT_READ)

    @property
    def port(self) -> int:
        """UDP port of the socket."""
        return int(self._socket.getsockname()[1])

    @property
    def kernel_drops(self) -> int | None:
        """Datagrams that the kernel dropped at the full buffer so far; None where it does not tell.

        From any thread. With SO_RXQ_OVFL it is told by the datagram that follows, so that the end of a burst
        would go unseen: where the kernel can be asked at any time, it is.
        """
        try:
            told = MEMINFO.unpack(self._socket.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, MEMINFO.size))[-1]
        except (OSError, struct.error):
            return self._drops
        return _later(self._drops, told)

    def receive(self, timeout_s: float) -> Batch | None:
        """Wait for datagrams; None at the timeout, or when `wake` was called and nothing is there."""
        batch = self._rest
        if batch is None and self._more:
            batch = self._reader.read()
        if batch is None:
            self._wait(timeout_s)
            batch = self._reader.read()
        self._more = batch is not None and batch.more
        if batch is None:
            return None
        if batch.drops is not None:
            self._drops = _later(self._drops, batch.drops)
        batch, self._rest = batch.split(MOST_BYTES)
        self._count(batch)
        return batch

    def wake(self) -> None:
        """End the wait of `receive`, the present one or the next; from any thread."""
        self._waker.send(b"w")

    def close(self) -> None:
        """Give the sockets back; not while another thread is in `receive`."""
        for closing in (self._both, self._wake, self._socket, self._waker, self._woken):
            closing.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _wait(self, timeout_s: float) -> None:
        """Until there is something, and a little longer, so that it is more."""
        ready = self._both.select(timeout_s)
        woken = any(key.fileobj is self._woken for key, _ in ready)
        if ready and not woken:
            woken = bool(self._wake.select(self._gather_s))
        if woken:
            with contextlib.suppress(BlockingIOError):
                self._woken.recv(4096)

    def _count(self, batch: Batch) -> None:
        counts = self.counts
        counts.bytes += len(batch.payload)
        counts.datagrams += batch.datagrams
        counts.foreign += batch.foreign
        counts.empty += batch.empty
        counts.cut += batch.cut
        counts.oversize += batch.oversize


def _enlarge(sock: socket.socket, asked: int) -> int:
    """Ask for a receive buffer, beyond the limit of the machine if we may; return what was granted, bytes."""
    for option in (socket.SO_RCVBUF, SO_RCVBUFFORCE) if LINUX else (socket.SO_RCVBUF,):
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, option, asked)
        granted = sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        # Linux doubles what it is asked for, to have room for its own headers, and tells the double.
        granted = granted // 2 if LINUX else granted
        if granted >= asked:
            break
    return granted


def _later(before: int | None, told: int) -> int:
    """The kernel's counter of 32 bits, without its wrapping around."""
    before = before or 0
    step = (told - before) & 0xFFFFFFFF
    return before + step if step < 1 << 31 else before
