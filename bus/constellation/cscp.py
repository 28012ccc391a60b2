"""CSCP version 1: requests and replies.

Source: Constellation, "Constellation Satellite Control Protocol". Frames: header (protocol, sender, time,
tags), verb (type u8, text), and a payload of one MsgPack object when there is one. The peer's envelope is not
seen here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from .pack import Malformed, frames_expected, header, open_header, pack, unpack

PROTOCOL = "CSCP\x01"


class Type(IntEnum):
    """Kind of a message; all but REQUEST are replies."""

    REQUEST = 0
    SUCCESS = 1
    """Done, or for a transition: accepted."""
    NOTIMPLEMENTED = 2
    INCOMPLETE = 3
    """Arguments are missing, of the wrong type or outside their limits."""
    INVALID = 4
    """Not now: wrong state, interlock, read-only, too late."""
    UNKNOWN = 5
    """No such command."""
    ERROR = 6
    """The request could not be read."""


@dataclass(frozen=True, slots=True)
class Message:
    """A request or a reply; `text` is the command or, in a reply, a sentence for people."""

    sender: str
    time_ns: int
    type: Type
    text: str
    payload: Any = None
    tags: dict[str, Any] = field(default_factory=dict)


def encode(message: Message) -> list[bytes]:
    """Return two frames, or three with a payload."""
    frames = [
        header(PROTOCOL, message.sender, message.time_ns, message.tags),
        pack(int(message.type), message.text),
    ]
    if message.payload is not None:
        frames.append(pack(message.payload))
    return frames


def decode(frames: Sequence[bytes]) -> Message:
    """Return the message in two or three frames, or raise Malformed."""
    frames_expected(frames, 2, 3)
    sender, time_ns, tags = open_header(PROTOCOL, frames[0], dict)
    kind, text = unpack(frames[1], int, str)
    try:
        kind = Type(kind)
    except ValueError as error:
        raise Malformed(str(error)) from None
    payload = unpack(frames[2], object)[0] if len(frames) == 3 else None
    return Message(sender, time_ns, kind, text, payload, tags)
