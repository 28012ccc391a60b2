"""What is left of a run that nobody closed: everything up to its torn tail.

The first hole or damaged block above the durable mark ends the run: that is what a power cut leaves. Damage
below the mark, which every block carries, does not: readers skip and count it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from .block import HEADER_BYTES, NOT_COUNTED, BlockError, Header, Kind, crc, decode_facts
from .runs import LoggedRun
from .scan import walk
from .segment import Stream

CHECKED_BYTES = 256 * 2**20
"""Payloads of so many bytes at the end are checked too: well more than a writer leaves unsynced."""
SPAN_BYTES = 4 * 2**20


@dataclass
class Found:
    """What is left of a run, and what recovery says about it."""

    run: LoggedRun
    end: int = 0
    """Offset after the last good block."""
    cut_bytes: int = 0
    seq: int = 0
    """Sequence number of the block that comes next."""
    flags: int = 0
    facts: dict[str, Any] = field(default_factory=dict)
    """Of the OPEN block."""
    blocks: int = 0
    damaged: int = 0
    """Blocks with a good header and a bad payload, further up than the tail."""
    words: int = 0
    hits: int | None = 0
    """In good blocks; None when their source did not count them."""
    exposures: int = 0
    exposure: int = 0
    """The one that was going on; 0 when none was."""
    begin: dict[str, Any] = field(default_factory=dict)
    """Facts of its BEGIN."""
    exposure_hits: int | None = 0
    """Hits of it that are in the log."""

    def add(self, header: Header, payload: bytes | None) -> None:
        """Count one block; without its payload (None) it is damaged and only its place counts."""
        self.end, self.seq, self.flags = header.offset + header.size, header.seq + 1, header.flags
        if payload is None:
            self.damaged += 1
            return
        self.blocks += 1
        self.words += header.words
        if header.kind == Kind.DATA:
            self.hits = _sum(self.hits, header.hits)
            self.exposure_hits = _sum(self.exposure_hits, header.hits)
        elif header.kind == Kind.OPEN:
            self.facts = _facts(payload)
        elif header.kind == Kind.BEGIN:
            self.exposures += 1
            self.exposure, self.begin, self.exposure_hits = header.exposure, _facts(payload), 0
        elif header.kind == Kind.END:
            self.exposure, self.begin = 0, {}


def survey(run: LoggedRun, stream: Stream) -> Found:
    """Go through the blocks of a run and find its last good one before the torn tail."""
    found = Found(run)
    size = stream.end()
    offset = found.end = stream.first
    while offset < size - CHECKED_BYTES and (header := stream.header(offset)):
        payload = b"" if header.kind == Kind.DATA else stream.read(offset + HEADER_BYTES, header.payload)
        found.add(header, payload)
        offset += header.size
    blocks = list(_blocks(stream, offset, size))
    durable = max((header.durable for header, _ in blocks), default=0)
    for header, payload_or_none in blocks:
        # What a power cut tore lies above the durable mark. The holes end the run, whatever follows them.
        if found.end >= durable and (header.offset != found.end or payload_or_none is None):
            break
        found.add(header, payload_or_none)
    found.cut_bytes = size - found.end
    return found


def _blocks(stream: Stream, offset: int, size: int) -> Iterator[tuple[Header, bytes | None]]:
    """Give (header, payload of a mark or b"") of each block; None for a payload that is damaged."""
    while True:
        offset, data = stream.span(offset, SPAN_BYTES, size)
        if not data:
            return
        for at, header in walk(data, offset):
            payload = data[at + HEADER_BYTES : at + HEADER_BYTES + header.payload]
            good = crc(payload) == header.payload_crc
            yield header, (b"" if header.kind == Kind.DATA else payload) if good else None
        offset += len(data)


def _sum(total: int | None, hits: int) -> int | None:
    return None if total is None or hits == NOT_COUNTED else total + hits


def _facts(payload: bytes) -> dict[str, Any]:
    try:
        return decode_facts(payload)
    except BlockError:
        return {}
