"""The sockets of an emulated Katherine: commands in, answers out in order and in time, data out.

Answers come from the address and port that the command went to, always 8 bytes. Both sockets may share their
ports with a client that binds the same ones on all addresses, if that one allows it too.
"""

import asyncio
import contextlib
import errno
import socket
from collections.abc import Callable
from ipaddress import IPv4Address

from ...send import Sender
from .effects import Reply

Address = tuple[str, int]
BUFFER = 1 << 22
"""Asked of the kernel for each direction; sixteen datagrams of an upload come in one burst."""
APART_S = 1e-6
"""Between answers that are due together, whose order the event loop would not keep."""
FOREIGN_WORD = bytes((0, 0, 0, 0, 0, 0x40))
"""A hit in the corner, which the emulator's own pixels may not have."""


def bound(address: str, port: int) -> socket.socket:
    """Give a UDP socket bound there; OSError says what to do."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        sock.setsockopt(socket.SOL_SOCKET, option, BUFFER)
    try:
        sock.bind((address, port))
    except OSError as error:
        sock.close()
        hint = (
            "another emulator or program has it: stop that, or choose other ports"
            if error.errno == errno.EADDRINUSE
            else "it is no address of this host"
        )
        raise OSError(error.errno, f"UDP {address}:{port} cannot be had: {hint}") from error
    sock.setblocking(False)
    return sock


class Link(asyncio.DatagramProtocol):
    """Control socket on the event loop, data socket for whoever sends."""

    def __init__(
        self,
        address: str,
        control_port: int,
        data_port: int,
        receive: Callable[[bytes, Address], None],
    ) -> None:
        self._receive = receive
        self._control_socket = bound(address, control_port)
        try:
            self.data_socket = bound(address, data_port)
        except OSError:
            self._control_socket.close()
            raise
        self.control: Address = self._control_socket.getsockname()
        self.data: Address = self.data_socket.getsockname()
        self.client: str = ""
        """Host that sent the last command."""
        self.unsent = 0
        """Datagrams that the network did not take."""
        self._transport: asyncio.DatagramTransport | None = None
        self._foreign: socket.socket | None = None
        self._sender: Sender | None = None
        self._free_at = 0.0
        self._later: set[asyncio.TimerHandle] = set()

    async def open(self) -> None:
        """Begin to take commands."""
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, sock=self._control_socket)

    def close(self) -> None:
        """Let go of everything."""
        self.forget()
        if self._transport:
            self._transport.close()
        for sock in (self._control_socket if not self._transport else None, self.data_socket, self._foreign):
            if sock:
                sock.close()

    def forget(self) -> None:
        """Send none of the answers that are due later."""
        for handle in self._later:
            handle.cancel()
        self._later.clear()
        self._free_at = 0.0

    def datagram_received(self, data: bytes, addr: Address) -> None:
        """Take a command."""
        self.client = addr[0]
        self._receive(data, addr)

    def error_received(self, exc: Exception) -> None:
        """A client that has gone away is none of our business."""

    def answer(self, replies: list[Reply], to: Address, late_s: float = 0.0) -> None:
        """Send answers, each after its time and not before those to earlier commands, then `late_s` late."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        self._later = {handle for handle in self._later if handle.when() > now}
        for reply in replies:
            self._free_at = max(now, self._free_at + APART_S) + reply.after_s
            if (due := self._free_at + late_s) <= now:
                self._send(reply.data, to)
            else:
                self._later.add(loop.call_at(due, self._send, reply.data, to))

    def _send(self, data: bytes, to: Address) -> None:
        if self._foreign:
            with contextlib.suppress(OSError):
                self._foreign.sendto(bytes((*(byte ^ 0x5A for byte in data[:6]), *data[6:])), to)
        if self._transport and not self._transport.is_closing():
            self._transport.sendto(data, to)

    def set_foreign(self, on: bool) -> None:
        """Have the next address answer and send as well, wrongly; OSError when this host does not have it."""
        if on and not self._foreign:
            self._foreign = bound(str(IPv4Address(self.control[0]) + 1), 0)
        elif not on and self._foreign:
            self._foreign.close()
            self._foreign = None

    def send_data(self, datagrams: list[bytes], port: int) -> None:
        """Send data to the client's host; from any one thread."""
        to = (self.client, port)
        for datagram in datagrams:
            try:
                self.data_socket.sendto(datagram, to)
            except OSError:
                self.unsent += 1
        if self._foreign and datagrams:
            with contextlib.suppress(OSError):
                self._foreign.sendto(FOREIGN_WORD, to)

    def send_words(self, words: memoryview, port: int, datagram_bytes: int) -> int:
        """Send words to the client's host, cut into datagrams; gives how many. From any one thread."""
        if self._sender is None or self._sender.datagram_bytes != datagram_bytes:
            self._sender = Sender(self.data_socket, datagram_bytes)
        try:
            return self._sender.send(words, (self.client, port))
        except OSError:
            self.unsent += -(-len(words) // datagram_bytes)
            return 0
