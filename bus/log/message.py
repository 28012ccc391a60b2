"""The words of the feed: requests, replies and notifications as MessagePack (pure: no sockets).

A request names a place in the log and a credit in bytes; the reply carries whole blocks from there on,
exactly the bytes of the files. Everything that comes in is checked; what is wrong raises MessageError and
nothing else.
"""

from dataclasses import asdict, dataclass
from typing import Any, TypeVar

import msgpack

from .block import MAX_PAYLOAD, Buffer, block_size

VERSION = 1
MAX_REQUEST = 4096
"""Bytes; a request is a few names and numbers."""
MAX_CREDIT = 16 * 2**20
"""More is cut to this: it bounds what one reply holds in memory on both sides."""
MAX_REPLY = MAX_CREDIT + block_size(MAX_PAYLOAD) + MAX_REQUEST
NEWEST = -1
"""As `after`: the run that is open now."""


class MessageError(ValueError):
    """These bytes are not a message of this protocol."""


@dataclass(frozen=True, slots=True)
class Request:
    """Ask for blocks of one source: of `run` from `offset`, or of the run that follows number `after`."""

    id: int
    source: str
    run: str = ""
    offset: int = 0
    after: int = 0
    """Used when `run` is empty: the first run with a larger number, or NEWEST for the one that is open."""
    credit: int = 0
    """Bytes that the reply may carry; one block always fits."""
    version: int = VERSION


@dataclass(frozen=True, slots=True)
class Reply:
    """Where the log stands; the blocks come as a second frame."""

    id: int
    run: str = ""
    """The run that the rest is about; empty when there is none."""
    ordinal: int = 0
    """Its number; without a run, the number of the newest run (0: none)."""
    offset: int = 0
    """Of the first block in the data; above the one asked for when bytes between are gone."""
    written: int = 0
    durable: int = 0
    closed: bool = False
    """True when the run has ended and `written` is its end."""
    notify: int = 0
    """TCP port of the notifications, same host."""
    error: str = ""
    """Why nothing is served, for people; empty when all is well."""
    code: str = ""
    """The same for programs: version, source, run."""
    version: int = VERSION


@dataclass(frozen=True, slots=True)
class Notice:
    """There is more; may be lost, and only the newest matters."""

    source: str
    run: str
    written: int
    durable: int
    closed: bool
    version: int = VERSION


Message = TypeVar("Message", Request, Reply, Notice)


def encode(message: Request | Reply | Notice) -> bytes:
    """Return a message as a MessagePack map of its fields."""
    return msgpack.packb(asdict(message))


def decode(kind: type[Message], data: Buffer) -> Message:
    """Return the message in `data`; unknown keys are ignored, so that later versions may add some."""
    if len(data) > MAX_REQUEST:
        raise MessageError(f"message of {len(data)} bytes, the cap is {MAX_REQUEST} bytes")
    try:
        fields = msgpack.unpackb(data)
    except Exception as error:  # msgpack raises many kinds, some of them not its own
        raise MessageError(f"not MessagePack: {error}") from None
    if not isinstance(fields, dict):
        raise MessageError("not a map")
    known: dict[str, Any] = {}
    for name, wanted in kind.__annotations__.items():
        if name in fields:
            if type(fields[name]) is not wanted:
                raise MessageError(f"{name} is {fields[name]!r:.60}, wants {wanted.__name__}")
            known[name] = fields[name]
    try:
        message = kind(**known)
    except TypeError as error:
        raise MessageError(str(error)) from None
    if any(isinstance(value, int) and not NEWEST <= value < 2**63 for value in known.values()):
        raise MessageError("a number is out of range")
    return message
