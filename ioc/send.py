"""Words out as datagrams of one size, a thousand with one system call where there is one for it."""

import select
import socket

import numpy as np

from . import mmsg

BATCH = 256
"""Datagrams in one call: the sender holds the socket no longer than a receiver needs to take turns."""
STUCK_S = 5.0
"""Longest wait for room in the send buffer."""

Buffer = bytes | bytearray | memoryview


class Sender:
    """Sends over a bound UDP socket, which stays its owner's."""

    def __init__(
        self, sock: socket.socket, datagram_bytes: int = 1356, *, batched: bool = mmsg.AVAILABLE
    ) -> None:
        if not 0 < datagram_bytes <= 65507:
            raise ValueError(f"datagrams of {datagram_bytes} bytes: 1 to 65507 bytes")
        self.datagram_bytes = datagram_bytes
        self._socket, self._batched = sock, batched
        self._name = np.zeros(mmsg.NAME_BYTES, np.uint8)
        self._vectors = np.zeros(BATCH, mmsg.IOVEC)
        self._headers = np.zeros(BATCH, mmsg.MMSGHDR)
        parts = self._headers["hdr"]
        parts["name"], parts["name_len"] = mmsg.address_of(self._name), mmsg.NAME_BYTES
        parts["iov"] = mmsg.address_of(self._vectors) + np.arange(BATCH) * self._vectors.itemsize
        parts["iov_len"] = 1

    def send(self, payload: Buffer, to: tuple[str, int]) -> int:
        """Send all of the payload, the last datagram as long as it comes; return how many datagrams.

        to: (IPv4 address, port). Raises OSError when the socket refuses, TimeoutError when it takes nothing.
        """
        size = self.datagram_bytes
        if not self._batched:
            view = memoryview(payload)
            return sum(self._one(view[at : at + size], to) for at in range(0, len(view), size))
        data = np.frombuffer(payload, np.uint8)
        self._name[:] = np.frombuffer(mmsg.socket_name(*to), np.uint8)
        done, count = 0, -(-len(data) // size)
        while done < count:
            now = min(BATCH, count - done)
            starts = (done + np.arange(now)) * size
            self._vectors["base"][:now] = mmsg.address_of(data) + starts
            self._vectors["len"][:now] = np.minimum(size, len(data) - starts)
            sent = mmsg.send(self._socket, self._headers[:now])
            if not sent:
                self._wait()
            done += sent
        return count

    def _one(self, datagram: memoryview, to: tuple[str, int]) -> int:
        while True:
            try:
                self._socket.sendto(datagram, to)
                return 1
            except BlockingIOError:
                self._wait()

    def _wait(self) -> None:
        if not select.select([], [self._socket], [], STUCK_S)[1]:
            raise TimeoutError(f"the send buffer has been full for {STUCK_S} s: check the network interface")
