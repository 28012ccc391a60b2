"""The reading side of the hit feed: every block of a source once, in order, from wherever the reader was.

The reader keeps its own place. A block is given out only if it stands exactly where the one before ended;
what is missing on disk is counted, never passed over in silence. While one span of blocks is worked on, the
next is on its way, so that memory is bounded by two credits.
"""

import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass

from .block import HEADER_BYTES, Header, crc, digest
from .cursor import Cursor
from .link import Link, Resolver
from .message import NEWEST, Reply, Request
from .scan import walk

log = logging.getLogger(__name__)

CREDIT = 4 * 2**20
"""Bytes per request: larger takes more memory, smaller more round trips; the speed is flat above 1 MiB."""


@dataclass
class FeedCounts:
    """What a client met beside good blocks."""

    gaps: int = 0
    gap_bytes: int = 0
    """Bytes that are no longer in the log, or were never readable."""
    missing_blocks: int = 0
    """Blocks gone, by the sequence numbers."""
    bad_payloads: int = 0
    """Blocks passed over because their payload does not match its CRC."""
    lost_runs: int = 0
    """Times that the run of the cursor was not there any more; reading went on with the newest."""


class FeedClient:
    """Reads one source. All methods in one thread; the numbers may be looked at from others."""

    def __init__(self, address: str | Resolver, source: str, *, credit: int = CREDIT) -> None:
        """Take `tcp://host:port`, or a callable that gives it (None: not known yet) at each connection."""
        self.counts = FeedCounts()
        self.available = Reply(0)
        """Where the log stood at the last answer: run, written, durable, closed."""
        self.lag = 0
        """Bytes of the current run that are written but not given out."""
        self._source, self._credit, self._address = source, credit, address
        self._link: Link | None = None

    @property
    def reconnects(self) -> int:
        """Times that the server did not answer and the connection was made anew."""
        return self._link.reconnects if self._link else 0

    def follow(
        self, cursor: Cursor | None, stop: threading.Event
    ) -> Iterator[tuple[Cursor, Header, memoryview]]:
        """Give (place after the block, header, payload) of every block from `cursor` on, run after run.

        None begins at the start of the run that is open, else of the next one. Waits for more until `stop` is
        set. A payload is valid as long as it is referred to.
        """
        link = self._link = Link(self._address)
        try:
            yield from self._follow(link, cursor, stop)
        finally:
            link.close()

    def _follow(
        self, link: Link, cursor: Cursor | None, stop: threading.Event
    ) -> Iterator[tuple[Cursor, Header, memoryview]]:
        request = (
            self._request(cursor) if cursor else Request(0, self._source, after=NEWEST, credit=self._credit)
        )
        link.send(request)
        while answer := link.receive(stop):
            reply, data = answer
            if reply.error:
                request = self._turned_down(reply, request)
                stop.wait(0.1)
                link.send(request)
                continue
            if not reply.run:
                # Nothing yet: wait for the run that follows the newest one there is now.
                request = Request(
                    0, self._source, after=max(request.after, reply.ordinal), credit=self._credit
                )
                link.wait(stop)
                link.send(request)
                continue
            if cursor is None or cursor.run != reply.run:
                cursor = Cursor(reply.run)
            self.available = reply
            following = self._following(reply, cursor, len(data))
            if following and data:
                link.send(following)
            for place, header, payload in self._blocks(reply, data, cursor):
                cursor = place
                if payload is not None:
                    yield place, header, payload
            if following is None or not data:
                if following is None:
                    link.wait(stop)
                request = following or self._request(cursor)
                link.send(request)
            else:
                request = following

    def _request(self, cursor: Cursor) -> Request:
        return Request(0, self._source, cursor.run, cursor.offset, credit=self._credit)

    def _following(self, reply: Reply, cursor: Cursor, size: int) -> Request | None:
        """What to ask for at once; None when it is better to wait until there is more."""
        offset = reply.offset + size if size else cursor.offset
        if size and (offset < reply.written or reply.closed):
            return Request(0, self._source, reply.run, offset, credit=self._credit)
        if reply.closed:
            return Request(0, self._source, after=reply.ordinal, credit=self._credit)
        return None

    def _blocks(
        self, reply: Reply, data: memoryview, cursor: Cursor
    ) -> Iterator[tuple[Cursor, Header, memoryview | None]]:
        """Take a span apart; a block whose payload is damaged comes without it, to move the cursor only."""
        run, source = digest(reply.run), digest(self._source)
        if data and reply.offset != cursor.offset:
            self.counts.gaps += 1
            self.counts.gap_bytes += reply.offset - cursor.offset
            log.warning(
                "%s: bytes %d to %d of run %s are not in the log any more",
                self._source,
                cursor.offset,
                reply.offset,
                reply.run,
            )
        for at, header in walk(data, reply.offset, run):
            if header.source != source or header.offset < cursor.offset:
                continue
            payload = data[at + HEADER_BYTES : at + HEADER_BYTES + header.payload]
            good = crc(payload) == header.payload_crc
            self.counts.missing_blocks += max(0, header.seq - cursor.seq)
            self.counts.bad_payloads += not good
            cursor = Cursor(reply.run, header.offset + header.size, header.seq + 1)
            self.lag = max(0, reply.written - cursor.offset)
            yield cursor, header, payload if good else None

    def _turned_down(self, reply: Reply, request: Request) -> Request:
        """What to ask instead when the server has not what was asked for."""
        log.warning("%s: %s", self._source, reply.error)
        if reply.code == "run":
            self.counts.lost_runs += 1
            return Request(0, self._source, after=NEWEST, credit=self._credit)
        return request
