"""MsgPack as Constellation uses it: objects one after the other in a frame, exact types, ns time stamps.

Every decoder of this package raises `Malformed` and nothing else, whatever bytes it is given. Memory is
bounded by the frame: a header that announces more elements than the frame has bytes is refused before
anything is allocated.
"""

from collections.abc import Sequence
from typing import Any

import msgpack
import numpy as np


class Malformed(ValueError):
    """Bytes that are not the message they should be; counted and dropped, or answered with an error."""


def _numpy(value: Any) -> Any:
    """Let numpy scalars travel as the plain numbers that they are."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    raise TypeError(f"cannot send {type(value).__name__}: {value!r}")


_packer = msgpack.Packer(default=_numpy)


def pack(*values: Any) -> bytes:
    """Return the objects concatenated; TypeError, ValueError or OverflowError for what MsgPack cannot say."""
    try:
        return b"".join([_packer.pack(value) for value in values])
    except Exception:
        _packer.reset()  # it keeps the half-packed object otherwise
        raise


def stamp(time_ns: int) -> msgpack.Timestamp:
    """Return Unix time in ns as the MsgPack extension that stock decoders insist on."""
    return msgpack.Timestamp.from_unix_nano(time_ns)


def unpack(frame: bytes, *kinds: type) -> list[Any]:
    """Return the first len(kinds) objects of a frame, each exactly of its kind (`object` takes any).

    Time stamps come out as int ns. Objects after those are left alone: a later minor version may add some.
    """
    size = max(len(frame), 1)
    unpacker = msgpack.Unpacker(max_buffer_size=size, timestamp=0)
    values: list[Any] = []
    try:
        unpacker.feed(frame)
        for kind in kinds:
            value = unpacker.unpack()
            if kind is msgpack.Timestamp and type(value) is kind:
                value = value.to_unix_nano()
                if not 0 <= value < 2**63:
                    raise Malformed(f"time {value} ns is outside the years 1970 to 2262")
            elif kind is not object and type(value) is not kind:
                raise Malformed(f"expected {kind.__name__}, got {type(value).__name__}")
            values.append(value)
    except Malformed:
        raise
    except (ValueError, TypeError, OverflowError, RecursionError, msgpack.UnpackException) as error:
        raise Malformed(f"not MsgPack: {type(error).__name__} {error}".rstrip()) from None
    return values


def header(protocol: str, sender: str, time_ns: int, *rest: Any) -> bytes:
    """Return the first frame that CSCP, CHP and CMDP share."""
    return pack(protocol, sender, stamp(time_ns), *rest)


def open_header(protocol: str, frame: bytes, *rest: type) -> list[Any]:
    """Return sender, time in ns and the rest of a header; other protocols and versions are refused."""
    found, *values = unpack(frame, str, str, msgpack.Timestamp, *rest)
    if found != protocol:
        raise Malformed(f"protocol {found!r} instead of {protocol!r}")
    return values


def text(frame: bytes) -> str:
    """Return a frame that is bare UTF-8."""
    try:
        return frame.decode()
    except UnicodeDecodeError as error:
        raise Malformed(f"not UTF-8: {error}") from None


def frames_expected(frames: Sequence[bytes], *counts: int) -> None:
    """Refuse a message with another number of frames."""
    if len(frames) not in counts:
        raise Malformed(f"{len(frames)} frames instead of {' or '.join(map(str, counts))}")
