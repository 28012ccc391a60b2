"""Ending the runs that a dead writer left open, so that whoever reads them comes to an end.

The torn tail is cut after the last whole block whose payload is right, and a CLOSE block with INCOMPLETE
takes its place, in a segment of its own. Damage further up is left as it is: readers skip and count it.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .block import HEADER_BYTES, NOT_COUNTED, PREVIEW, BlockError, Condition, Header, Kind, crc, decode_facts
from .disk import Disk
from .runs import LoggedRun, checked_name, next_ordinal, runs_of
from .scan import walk
from .segment import Stream, segments
from .store import Identity, Store

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


def recover(root: Path, source: str, *, disk: Disk | None = None,
            explain: Callable[[Found], dict[str, Any]] = lambda found: {},
            mono_ns: Callable[[], int] = time.monotonic_ns,
            wall_ns: Callable[[], int] = time.time_ns) -> list[Found]:
    """Close every run of a source that has no CLOSE block; return what was found, oldest first.

    Only for the one process that writes this source, before it opens a run. `explain` may add totals that the
    source knows, such as the hits that are missing. Raises OSError when the disk refuses.
    """
    disk = disk or Disk()
    closed = []
    for run in runs_of(root, checked_name(source)):
        stream = run.stream()
        try:
            if stream.closing() is not None:
                continue
            found = survey(run, stream)
        finally:
            stream.close()
        _close(found, root, disk, explain(found), mono_ns(), wall_ns())
        closed.append(found)
    return closed


def survey(run: LoggedRun, stream: Stream) -> Found:
    """Go through the blocks of a run and find its last good one."""
    found = Found(run)
    size = stream.end()
    offset = 0
    while offset < size - CHECKED_BYTES and (header := stream.header(offset)):
        payload = b"" if header.kind == Kind.DATA else stream.read(offset + HEADER_BYTES, header.payload)
        found.add(header, payload)
        offset += header.size
    # Blocks with a bad payload count only when a good one follows: at the end they are the torn tail.
    doubtful: list[Header] = []
    while True:
        offset, data = stream.span(offset, SPAN_BYTES, size)
        if not data:
            break
        for at, header in walk(data, offset):
            payload = data[at + HEADER_BYTES:at + HEADER_BYTES + header.payload]
            if crc(payload) != header.payload_crc:
                doubtful.append(header)
                continue
            for damaged in doubtful:
                found.add(damaged, None)
            doubtful.clear()
            found.add(header, payload)
        offset += len(data)
    found.cut_bytes = size - found.end
    return found


def _close(found: Found, root: Path, disk: Disk, explained: dict[str, Any], mono_ns: int,
           wall_ns: int) -> None:
    files = segments(found.run.folder)
    kept = [segment for segment in files if segment.start <= found.end]
    for segment in files[len(kept):]:
        disk.remove(segment.path)
    if kept and kept[-1].start + kept[-1].path.stat().st_size > found.end:
        disk.truncate(kept[-1].path, found.end - kept[-1].start)
    ordinal = found.run.ordinal or next_ordinal(root, found.run.source)
    identity = Identity(root, found.run.run, found.run.source, ordinal, preview=bool(found.flags & PREVIEW))
    store = Store(identity, disk, 0, offset=found.end, seq=found.seq,
                  condition=Condition(found.flags & 0x1F) | Condition.INCOMPLETE)
    try:
        store.resume()
        facts = {
            "run": found.run.run, "source": found.run.source, "condition": store.condition.text,
            "recovered": True, "cut_bytes": found.cut_bytes, "blocks": found.blocks, "words": found.words,
            "hits": found.hits, "lost": None, "dropped_words": None, "exposures": found.exposures,
            "unfinished_exposure": found.exposure or None, "failures": [], **explained}
        store.mark(Kind.CLOSE, facts, mono_ns, wall_ns)
        store.sync()
    finally:
        store.close()


def _sum(total: int | None, hits: int) -> int | None:
    return None if total is None or hits == NOT_COUNTED else total + hits


def _facts(payload: bytes) -> dict[str, Any]:
    try:
        return decode_facts(payload)
    except BlockError:
        return {}
