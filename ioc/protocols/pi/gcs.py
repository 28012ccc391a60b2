"""PI's General Command Set 2.0 (sans I/O): lines, single bytes, replies of several lines, addresses.

    request : [to [from]] COMMAND [item [value]]... LF        or one byte alone, also inside of a line
    reply   : [to from] line " " LF ... last line LF          the address stands in the first line only

Set commands are silent; what went wrong is told by `ERR?`, whose reading clears it. A query that fails is not
answered at all.
"""

from dataclasses import dataclass

LF = b"\n"
STATUS, MOVING, CHANGED, READY, RUNNING, STOP_ALL = 0x04, 0x05, 0x06, 0x07, 0x08, 0x18
"""Single-byte commands: status registers, axes in motion, ready, macro runs, stop."""
SINGLES = frozenset({STATUS, MOVING, CHANGED, READY, RUNNING, 0x09, STOP_ALL})
IS_READY, IS_BUSY = b"\xb1", b"\xb0"
BROADCAST, ALL_ANSWER_FIRST = 255, 1
"""Addresses: all listen and none answers; the one that answers what has no address."""
LONGEST = 4096
"""Bytes of a line; longer is noise."""


@dataclass(frozen=True, slots=True)
class Request:
    """A line that came to a controller."""

    to: int | None
    """None: no address."""
    sender: int
    words: list[str]
    """The command, in capitals, then its arguments."""


def encode(command: str, address: int | None = None) -> bytes:
    """Make a line."""
    return (f"{address} {command}" if address is not None else command).encode("ascii") + LF


def decode_request(line: bytes) -> Request:
    """Read a line without its LF."""
    words = line.decode("ascii", "replace").split()
    numbers: list[int] = []
    while words and len(numbers) < 2 and words[0].isdigit():
        numbers.append(int(words.pop(0)))
    if words:
        words[0] = words[0].upper()
    return Request(numbers[0] if numbers else None, numbers[1] if len(numbers) > 1 else 0, words)


def encode_reply(lines: list[str], address: tuple[int, int] | None = None) -> bytes:
    """Make a reply, as a controller does: all lines but the last end with a space. `address`: (to, from)."""
    start = f"{address[0]} {address[1]} " if address else ""
    return (start + " \n".join(lines)).encode("latin-1") + LF


def values(lines: list[str]) -> dict[str, str]:
    """Read `item=value` lines; ValueError for a line that is none."""
    found: dict[str, str] = {}
    for line in lines:
        item, equals, value = line.partition("=")
        if not equals or not value.strip():
            raise ValueError(f"{line!r} is no answer of the form item=value")
        found[item.strip()] = value.strip()
    return found


class RequestFramer:
    """Cuts what comes to a controller into lines and single bytes, which may come inside of a line."""

    def __init__(self) -> None:
        self._line = bytearray()

    def feed(self, data: bytes) -> list[bytes | int]:
        """Take bytes; give lines without LF, and single-byte commands as their numbers."""
        found: list[bytes | int] = []
        for byte in data:
            if byte in SINGLES:
                found.append(byte)
            elif byte == LF[0]:
                found.append(bytes(self._line))
                self._line.clear()
            elif len(self._line) < LONGEST and byte != 0x0D:
                self._line.append(byte)
        return found


class ReplyFramer:
    """Cuts what comes from a controller into replies; a bad one is None."""

    def __init__(self, address: int | None = None) -> None:
        self._prefix = f"0 {address} " if address is not None else ""
        self._bytes = bytearray()
        self._lines: list[str] = []

    def feed(self, data: bytes) -> list[list[str] | None]:
        """Take bytes; give whole replies, line by line, without address and ends."""
        self._bytes += data
        found: list[list[str] | None] = []
        *whole, rest = bytes(self._bytes).split(LF)
        self._bytes = bytearray(rest if len(rest) < LONGEST else b"")
        for line in whole:
            text = line.decode("latin-1").lstrip("\0")
            self._lines.append(text.strip())
            if not text.endswith(" "):
                found.append(self._checked(self._lines))
                self._lines = []
        return found

    def _checked(self, lines: list[str]) -> list[str] | None:
        first = lines[0]
        readable = all(line.isascii() and line.isprintable() for line in lines)
        if first in (IS_READY.decode("latin-1"), IS_BUSY.decode("latin-1")):
            return lines
        if not readable or not first.startswith(self._prefix):
            return None
        return [first[len(self._prefix) :], *lines[1:]]
