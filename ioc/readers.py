"""How a receiver reads its socket: many datagrams by one call, or one by one where that is not to be had.

Both give the same for the same datagrams. They never wait.
"""

import socket

import numpy as np
from numpy.typing import NDArray

from . import mmsg
from .batch import Batch, Shape

LARGEST = 65507
"""Bytes in the largest datagram of IPv4."""
AREA_BYTES = 4 * 2**20
"""Memory for the slots of one call: larger datagrams come in fewer at a time. The log takes 8 MiB at once."""
SHRINK_FROM = 16
"""Datagrams in a call from which on slots get smaller: the short end of a frame, alone, changes nothing."""


class PlainReader:
    """One datagram by one call."""

    def __init__(self, sock: socket.socket, shape: Shape, slot: int) -> None:
        self._socket, self._shape = sock, shape
        self._memory = memoryview(bytearray(AREA_BYTES + LARGEST + 1))

    def read(self) -> Batch | None:
        """Return what is there, None for nothing."""
        shape, end = self._shape, 0
        sizes = []
        count = foreign = empty = cut = oversize = 0
        while count < shape.batch and end < AREA_BYTES:
            try:
                size, (host, _) = self._socket.recvfrom_into(self._memory[end:], shape.largest + 1)
            except BlockingIOError:
                break
            count += 1
            if shape.peer not in ("", host):
                foreign += 1
                continue
            if size > shape.largest:
                oversize += 1
                continue
            whole = size - size % shape.word
            empty += size == 0
            cut += size != whole
            end += whole
            sizes.append(whole)
        if not count:
            return None
        more = count == shape.batch or end >= AREA_BYTES
        taken = np.array(sizes, np.int64)
        return Batch(self._memory[:end], taken, count - foreign, foreign, empty, cut, oversize, None, more)


class BatchedReader:
    """A thousand datagrams by one call, each into a slot of the area and, beyond that, into its overflow."""

    def __init__(self, sock: socket.socket, shape: Shape, slot: int) -> None:
        self._socket, self._shape = sock, shape
        host = socket.inet_aton(shape.peer) if shape.peer else b""
        self._peer = np.frombuffer(host, np.uint32)
        # Memory that was never written to takes no room: the overflow is only there where it was needed.
        self._area = np.zeros(AREA_BYTES + LARGEST, np.uint8)
        self._overflow = np.zeros((shape.batch, shape.largest), np.uint8)
        self._names = np.zeros((shape.batch, mmsg.NAME_BYTES // 4), np.uint32)
        self._control = np.zeros((shape.batch, mmsg.CONTROL_WORDS), np.uint64)
        self._vectors = np.zeros((shape.batch, 2), mmsg.IOVEC)
        self._headers = np.zeros(shape.batch, mmsg.MMSGHDR)
        self._arrange(slot)

    def read(self) -> Batch | None:
        """Return what is there, None for nothing; slots have the most frequent size afterwards."""
        headers = self._headers
        count = mmsg.receive(self._socket, headers)
        if not count:
            return None
        sizes = headers["len"][:count].astype(np.int64)
        ours = self._names[:count, 1] == self._peer if len(self._peer) else np.ones(count, bool)
        oversize = ours & (headers["hdr"]["flags"][:count] & socket.MSG_TRUNC != 0)
        drops = mmsg.drops(self._control[count - 1], int(headers["hdr"]["control_len"][count - 1]))
        self._renew(count)
        taken = ours & ~oversize
        whole = np.where(taken, sizes - sizes % self._shape.word, 0)
        batch = Batch(
            self._gathered(whole),
            whole[taken],
            int(np.count_nonzero(ours)),
            int(count - np.count_nonzero(ours)),
            int(np.count_nonzero(taken & (sizes == 0))),
            int(np.count_nonzero(taken & (sizes != whole))),
            int(np.count_nonzero(oversize)),
            drops,
            count == len(headers),
        )
        self._follow(whole)
        return batch

    def _arrange(self, slot: int) -> None:
        """Give every message a slot of this size."""
        shape = self._shape
        self._slot = max(shape.word, min(slot, shape.largest) // shape.word * shape.word)
        count = max(1, min(shape.batch, AREA_BYTES // self._slot))
        self._headers = headers = np.zeros(count, mmsg.MMSGHDR)
        numbers = np.arange(count, dtype=np.uintp)
        vectors = self._vectors
        vectors["base"][:count, 0] = mmsg.address_of(self._area) + numbers * self._slot
        vectors["len"][:count, 0] = self._slot
        vectors["base"][:count, 1] = mmsg.address_of(self._overflow) + numbers * shape.largest
        vectors["len"][:count, 1] = shape.largest - self._slot
        parts = headers["hdr"]
        parts["name"] = mmsg.address_of(self._names) + numbers * mmsg.NAME_BYTES
        parts["iov"] = mmsg.address_of(vectors) + numbers * vectors.strides[0]
        parts["iov_len"] = 2
        parts["control"] = mmsg.address_of(self._control) + numbers * self._control.strides[0]
        self._renew(count)

    def _renew(self, count: int) -> None:
        """Write anew what the kernel has changed in the first headers."""
        parts = self._headers["hdr"]
        parts["name_len"][:count] = mmsg.NAME_BYTES
        parts["control_len"][:count] = self._control.strides[0]

    def _gathered(self, whole: NDArray[np.int64]) -> memoryview:
        """The words of all datagrams in one piece: the area itself if there is no gap in it."""
        slot, area = self._slot, self._area
        odd = np.flatnonzero(whole != slot)
        last = len(whole) - 1
        if not len(odd) or (odd[0] == last and whole[last] < slot):
            return area[: last * slot + int(whole[last])].data
        pieces, begin = [], 0
        for index in odd.tolist():
            at, size = index * slot, int(whole[index])
            pieces += [area[begin * slot : at], area[at : at + min(size, slot)]]
            if size > slot:
                pieces.append(self._overflow[index, : size - slot])
            begin = index + 1
        pieces.append(area[begin * slot : len(whole) * slot])
        return np.concatenate(pieces).data

    def _follow(self, whole: NDArray[np.int64]) -> None:
        """Take the size that most datagrams have as that of a slot, from the next call on."""
        if np.count_nonzero(whole == self._slot) * 2 >= len(whole):
            return
        sizes, counts = np.unique(whole[whole > 0], return_counts=True)
        if not len(sizes) or counts.max() * 2 < len(whole):
            return
        common = int(sizes[counts.argmax()])
        if common > self._slot or len(whole) >= SHRINK_FROM:
            self._arrange(common)
