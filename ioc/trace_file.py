"""The trace of an instrument on disk: what a driver sent and received, one JSON object in a line.

The first line tells what is traced; `t` of all others is nanoseconds of the monotonic clock since then:

    {"hitline_trace": 1, "hitline": "0.1.0", "instrument": "det1", "type": "katherine", "options": {...},
     "wall": "2026-01-31T12:00:00.000000+00:00"}
    {"t": 1200000, "out": "control", "hex": "0000000000000b00"}
    {"t": 1530000, "in": "control", "hex": "7b05000000000b00"}
    {"t": 9000000, "in": "data", "base64": "..."}
    {"t": 9900000, "skipped": "data", "records": 812, "bytes": 1101072, "why": "..."}

One line for each datagram, or for each piece that came or went over a stream. Up to 32 bytes are written in
hex, more in base64. `skipped` says what was not written, and why. A file that ends in .gz is compressed.
"""

import base64
import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

VERSION = 1
HEX_BYTES = 32
SECRET = ("password", "passphrase", "secret", "token")
"""Options with such a word in their name are not written."""


@dataclass(frozen=True)
class Header:
    """What is traced; the first line."""

    instrument: str
    type: str
    """Entry point of the instrument, by which its protocol is known."""
    hitline: str
    wall: str
    """ISO 8601 time at which `t` is 0."""
    options: dict[str, Any] = field(default_factory=dict)

    def line(self) -> str:
        """The first line of the file."""
        shown = {key: value for key, value in self.options.items() if not any(w in key for w in SECRET)}
        facts = {"hitline_trace": VERSION, "hitline": self.hitline, "instrument": self.instrument}
        facts |= {"type": self.type, "wall": self.wall, "options": shown}
        return json.dumps(facts, default=str) + "\n"


@dataclass(frozen=True, slots=True)
class Record:
    """One datagram, or one piece of a stream."""

    t_ns: int
    sent: bool
    """By the driver; else received by it."""
    channel: str
    """Such as `control`, `data`, `serial`."""
    data: bytes

    def line(self) -> str:
        """Its line in the file."""
        if len(self.data) <= HEX_BYTES:
            kind, text = "hex", self.data.hex()
        else:
            kind, text = "base64", base64.b64encode(self.data).decode()
        way = "out" if self.sent else "in"
        return f'{{"t": {self.t_ns}, "{way}": "{self.channel}", "{kind}": "{text}"}}\n'


@dataclass(frozen=True, slots=True)
class Skipped:
    """What was seen but not written."""

    t_ns: int
    """Of the first of them."""
    channel: str
    records: int
    bytes: int
    why: str

    def line(self) -> str:
        """Its line in the file."""
        facts = {"t": self.t_ns, "skipped": self.channel, "records": self.records, "bytes": self.bytes}
        return json.dumps(facts | {"why": self.why}) + "\n"


def read(path: Path) -> tuple[Header, Iterator[Record | Skipped]]:
    """Open a trace; ValueError names file, line and what is wrong.

    A last line that a death cut short is left out.
    """
    lines = _lines(path)
    header = _header(path, next(lines, (1, ""))[1])
    return header, (_parse(path, number, line) for number, line in lines)


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if line.endswith("\n"):
                yield number, line


def _header(path: Path, line: str) -> Header:
    try:
        facts = json.loads(line)
        version = facts["hitline_trace"]
    except (ValueError, TypeError, KeyError):
        raise ValueError(f"{path}: is no trace: the first line must hold hitline_trace") from None
    if version != VERSION:
        raise ValueError(f"{path}: trace of version {version}, this program reads version {VERSION}")
    text = {key: str(facts.get(key, "")) for key in ("instrument", "type", "hitline", "wall")}
    return Header(**text, options=facts.get("options", {}))


def _parse(path: Path, number: int, line: str) -> Record | Skipped:
    try:
        facts = json.loads(line)
        if "skipped" in facts:
            return Skipped(facts["t"], facts["skipped"], facts["records"], facts["bytes"], facts["why"])
        way = "out" if "out" in facts else "in"
        if "hex" in facts:
            data = bytes.fromhex(facts["hex"])
        else:
            data = base64.b64decode(facts["base64"], validate=True)
        return Record(int(facts["t"]), way == "out", facts[way], data)
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{path}:{number}: is no record of a trace: {error!r}") from None
