"""The segment files of one run of one source, read as one stream of blocks by logical offset.

A segment is named by the offset of its first byte, `raw-0000000000000000.seg`, and reaches to the start of
the next one: bytes beyond that (a write that failed half-way) do not exist. Where bytes are missing or are no
block, reading goes on at the next header that says it stands there: the reader sees a gap in the offsets.
"""

import contextlib
from dataclasses import dataclass
from pathlib import Path

from .block import ALIGNMENT, HEADER_BYTES, Header, Kind, crc, unpack
from .disk import ReadFile
from .scan import find, find_last, header_at, whole

PREFIX, SUFFIX = "raw-", ".seg"
WINDOW = 2**20
"""Bytes looked through at once for the next header; the tail in which a CLOSE is looked for."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One file and the logical offset of its first byte."""

    start: int
    path: Path


def segment_name(start: int) -> str:
    """File name of the segment that begins at this offset."""
    return f"{PREFIX}{start:016d}{SUFFIX}"


def segments(folder: Path) -> list[Segment]:
    """List the segments of a run in order; files with other names are left alone."""
    found = []
    for path in folder.glob(f"{PREFIX}*{SUFFIX}"):
        digits = path.name[len(PREFIX) : -len(SUFFIX)]
        if len(digits) == 16 and digits.isascii() and digits.isdigit():
            found.append(Segment(int(digits), path))
    return sorted(found, key=lambda segment: segment.start)


class Stream:
    """Read side of a run; used by the feed and by the direct reader, so that both see the same blocks."""

    def __init__(self, folder: Path, run: bytes | None = None) -> None:
        self.folder = folder
        self.run = run
        self._open: ReadFile | None = None
        self.refresh()

    def refresh(self) -> None:
        """List the segments again."""
        self._segments = segments(self.folder)

    def close(self) -> None:
        """Close the file that is held open."""
        if self._open:
            self._open.close()
            self._open = None

    @property
    def first(self) -> int:
        """The lowest offset that is still there: above 0 only in a preview."""
        return self._segments[0].start if self._segments else 0

    def end(self) -> int:
        """The offset after the last byte on disk, torn tail included."""
        self.refresh()
        if not self._segments:
            return 0
        last = self._segments[-1]
        return last.start + last.path.stat().st_size

    def span(self, offset: int, credit: int, limit: int) -> tuple[int, bytes]:
        """Return (offset of the first, bytes) of whole blocks from `offset` on.

        `credit` bounds the bytes, except that one block always fits; nothing at or after `limit` is read.
        Empty bytes mean that no block is left before the limit. Headers are checked, payloads are not.
        """
        found = self._span(offset, credit, limit)
        if not found[1] and offset < limit:
            # The list may be older than the file: a new segment was begun, or an old one removed.
            self.refresh()
            found = self._span(offset, credit, limit)
        return found

    def header(self, offset: int) -> Header | None:
        """Return the header at this offset without reading its payload; None when there is none."""
        return header_at(self.read(offset, HEADER_BYTES), 0, offset, self.run)

    def read(self, offset: int, size: int) -> bytes:
        """Return bytes of the segment in which `offset` lies; fewer when they are not there."""
        for segment in reversed(self._segments):
            if segment.start <= offset:
                return self._read(segment, offset - segment.start, size)
        return b""

    def closing(self) -> tuple[Header, bytes] | None:
        """Return (header, payload) of the CLOSE block if the run ends with one; reads the tail only."""
        self.refresh()
        if not self._segments:
            return None
        segment = self._segments[-1]
        size = segment.path.stat().st_size
        at = max(0, size - WINDOW) // ALIGNMENT * ALIGNMENT
        data = self._read(segment, at, size - at)
        position = find_last(data, segment.start + at, self.run)
        if position is None:
            return None
        header = unpack(data, position)
        payload = data[position + HEADER_BYTES : position + HEADER_BYTES + header.payload]
        if header.kind != Kind.CLOSE or crc(payload) != header.payload_crc:
            return None
        return header, payload

    def _span(self, offset: int, credit: int, limit: int) -> tuple[int, bytes]:
        for index, segment in enumerate(self._segments):
            following = index + 1 < len(self._segments)
            end = min(limit, self._segments[index + 1].start if following else limit)
            if end <= offset:
                continue
            at: int | None = max(offset, segment.start)
            while at is not None and at < end:
                data = self._blocks(segment, at, min(max(credit, HEADER_BYTES), end - at), end)
                if data:
                    return at, data
                at = self._resync(segment, at + ALIGNMENT, end)
        return offset, b""

    def _blocks(self, segment: Segment, at: int, size: int, end: int) -> bytes:
        """Whole blocks at `at`: as many as fit into `size`, or the one that is there if it is larger."""
        data = self._read(segment, at - segment.start, size)
        length = whole(data, at, self.run)
        if not length:
            header = header_at(data, 0, at, self.run)
            if header is None or not len(data) < header.size <= end - at:
                return b""
            data = self._read(segment, at - segment.start, header.size)
            length = whole(data, at, self.run)
        return data[:length] if length < len(data) else data

    def _resync(self, segment: Segment, at: int, end: int) -> int | None:
        """The next offset where a header stands, or None when this segment has no more."""
        while at < end:
            # Windows overlap by a header, so that one across the border is found.
            data = self._read(segment, at - segment.start, min(WINDOW, end - at))
            position = find(data, at, self.run)
            if position is not None:
                return at + position
            if len(data) < WINDOW:
                return None
            at += len(data) - HEADER_BYTES
        return None

    def _read(self, segment: Segment, at: int, size: int) -> bytes:
        """Bytes of one segment; none when a preview has removed it."""
        if self._open is None or self._open.path != segment.path:
            self.close()
            with contextlib.suppress(FileNotFoundError):
                self._open = ReadFile(segment.path)
        return self._open.read(at, size) if self._open else b""
