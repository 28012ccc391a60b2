"""Telegrams of Phytron's controllers (sans I/O).

    request : STX  address  text [ ":" checksum ]  ETX
    reply   : STX  ACK|NAK  [data] [ ":" checksum ]  ETX

The checksum is the XOR of every byte from the address (in replies from ACK or NAK) through the colon, as two
upper-case hex digits; "XX" is not checked. phyMOTION takes several commands, separated by one space, in one
telegram; its reply has one field for each, every one with an ACK or NAK before it (manual MA 1240).
"""

from dataclasses import dataclass
from functools import reduce

STX, ETX, ACK, NAK = b"\x02", b"\x03", 0x06, 0x15
BROADCAST = "@"
MOST_BYTES, MOST_COMMANDS = 1000, 40
"""In one telegram: the controller takes 1000 bytes, public drivers send at most 42 commands."""


class TelegramError(ValueError):
    """Bytes that are no telegram, or a wrong checksum."""


@dataclass(frozen=True, slots=True)
class Field:
    """The answer to one command."""

    ok: bool
    """ACK; else NAK."""
    text: str


def checksum(body: bytes) -> bytes:
    """Two hex digits of the XOR of all bytes."""
    return b"%02X" % reduce(lambda a, b: a ^ b, body, 0)


def encode(commands: list[str], address: str = "0", *, checked: bool = True) -> bytes:
    """Encode a request; ValueError when it is longer than a controller takes."""
    body = (address + " ".join(commands)).encode("ascii")
    if checked:
        body += b":"
        body += checksum(body)
    if len(body) + 2 > MOST_BYTES or len(commands) > MOST_COMMANDS:
        raise ValueError(
            f"{len(commands)} commands, {len(body)} bytes: at most {MOST_COMMANDS} and {MOST_BYTES}"
        )
    return STX + body + ETX


def decode_request(frame: bytes) -> tuple[str, str, bool]:
    """Read what is between STX and ETX: (address, text, had a checksum); TelegramError for a wrong one."""
    body, checked = _checked(frame)
    text = body.decode("ascii", "replace")
    return text[:1], text[1:], checked


def encode_reply(fields: list[Field], *, checked: bool = True) -> bytes:
    """Encode a reply, as a controller does."""
    body = b"".join(bytes((ACK if f.ok else NAK,)) + f.text.encode("ascii") for f in fields)
    if checked:
        body += b":"
        body += checksum(body)
    return STX + body + ETX


def decode_reply(frame: bytes) -> list[Field]:
    """Read what is between STX and ETX of a reply; TelegramError when it is none."""
    body, _ = _checked(frame)
    if not body or body[0] not in (ACK, NAK):
        raise TelegramError(f"reply {frame!r} begins neither with ACK nor NAK")
    fields: list[Field] = []
    start = 0
    for at in [*(i for i, byte in enumerate(body) if byte in (ACK, NAK) and i), len(body)]:
        part = body[start:at]
        fields.append(Field(part[0] == ACK, part[1:].decode("ascii", "replace").strip()))
        start = at
    return fields


class Framer:
    """Cuts a stream of bytes into frames; what is not between STX and ETX is counted as noise."""

    def __init__(self) -> None:
        self._frame: bytearray | None = None
        self.noise = 0

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes; give the frames that are whole now, without STX and ETX."""
        frames = []
        for byte in data:
            if byte == STX[0]:
                self.noise += len(self._frame or b"")
                self._frame = bytearray()
            elif self._frame is None:
                self.noise += 1
            elif byte == ETX[0]:
                frames.append(bytes(self._frame))
                self._frame = None
            elif len(self._frame) > 2 * MOST_BYTES:
                self.noise += len(self._frame)
                self._frame = None
            else:
                self._frame.append(byte)
        return frames


def _checked(frame: bytes) -> tuple[bytes, bool]:
    if len(frame) >= 3 and frame[-3:-2] == b":":
        body, given = frame[:-2], frame[-2:]
        if given not in (b"XX", checksum(body)):
            raise TelegramError(f"checksum {given!r} of {frame!r} should be {checksum(body)!r}")
        return body[:-1], True
    return frame, False
