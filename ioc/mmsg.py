"""Many datagrams in one system call: recvmmsg and sendmmsg of Linux, through ctypes.

The headers are numpy arrays with the layout of the C structures, so that a thousand of them are filled and
read by a few array operations. The calls let go of the interpreter lock. Elsewhere than on Linux `AVAILABLE`
is False and nothing here may be used.
"""

import ctypes
import errno
import os
import socket
import sys
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

IOVEC = np.dtype([("base", np.uintp), ("len", np.uintp)])
"""struct iovec."""
MSGHDR = np.dtype(
    [
        ("name", np.uintp),
        ("name_len", np.uint32),
        ("iov", np.uintp),
        ("iov_len", np.uintp),
        ("control", np.uintp),
        ("control_len", np.uintp),
        ("flags", np.int32),
    ],
    align=True,
)
"""struct msghdr, as the kernel reads it."""
MMSGHDR = np.dtype([("hdr", MSGHDR), ("len", np.uint32)], align=True)
"""struct mmsghdr: a message and how many bytes of it were moved."""
NAME_BYTES = 16
"""struct sockaddr_in; the IPv4 address stands in bytes 4 to 7."""

SO_RXQ_OVFL = 40
"""Kernel's number of this option and of its control message: datagrams dropped at the full buffer so far."""
CONTROL_WORDS = 3
"""A control message of one number in words of 8 bytes, with its header of 16 (12 on 32 bits)."""


def _entry(name: str) -> Callable[..., int] | None:
    if not sys.platform.startswith("linux"):
        return None
    return getattr(ctypes.CDLL(None, use_errno=True), name, None)


_recvmmsg, _sendmmsg = _entry("recvmmsg"), _entry("sendmmsg")
AVAILABLE = _recvmmsg is not None and _sendmmsg is not None
"""Whether this platform has both calls."""


def address_of(array: NDArray) -> int:
    """Where the memory of an array begins."""
    return int(array.ctypes.data)


def socket_name(host: str, port: int) -> bytes:
    """Return the struct sockaddr_in of an IPv4 address and a port."""
    return (
        socket.AF_INET.to_bytes(2, sys.byteorder)
        + port.to_bytes(2, "big")
        + socket.inet_aton(host)
        + bytes(8)
    )


def count_drops(sock: socket.socket) -> None:
    """Have the kernel say with each datagram how many were dropped before it."""
    sock.setsockopt(socket.SOL_SOCKET, SO_RXQ_OVFL, 1)


def drops(control: NDArray, size: int) -> int | None:
    """Return the number in a control message of SO_RXQ_OVFL; None when it is none, or empty."""
    header = np.uintp(0).nbytes + 8
    if size < header + 4:
        return None
    level, kind, number = control.view(np.int32)[header // 4 - 2 :][:3].tolist()
    return number & 0xFFFFFFFF if (level, kind) == (socket.SOL_SOCKET, SO_RXQ_OVFL) else None


def receive(sock: socket.socket, headers: NDArray) -> int:
    """Receive into up to len(headers) messages without waiting; return how many came, 0 for none."""
    return _call(_recvmmsg, sock, headers, socket.MSG_DONTWAIT, None)


def send(sock: socket.socket, headers: NDArray) -> int:
    """Send the messages; return how many were taken, 0 when the send buffer is full."""
    return _call(_sendmmsg, sock, headers, 0)


def _call(
    function: Callable[..., int] | None, sock: socket.socket, headers: NDArray, flags: int, *more: None
) -> int:
    if function is None:
        raise OSError(errno.ENOSYS, "this platform has no batched socket calls: use plain sockets")
    pointer = ctypes.c_void_p(address_of(headers))
    while True:
        count = function(sock.fileno(), pointer, len(headers), flags, *more)
        if count >= 0:
            return count
        code = ctypes.get_errno()
        if code in (errno.EAGAIN, errno.EWOULDBLOCK):
            return 0
        if code != errno.EINTR:
            raise OSError(code, os.strerror(code))
