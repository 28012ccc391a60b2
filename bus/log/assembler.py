"""Pieces of words become blocks in the ring, between the thread that receives and the one that writes (pure).

Small pieces are gathered in an open block, which is sealed when it is large enough or old enough. What does
not fit into the ring is dropped and counted to the word. Not thread-safe: the writer holds its lock.
"""

from collections import deque
from dataclasses import dataclass

from .block import HEADER_BYTES, MAX_PAYLOAD, NOT_COUNTED, Buffer, Kind, LossMethod, block_size
from .ring import Ring

MAX_BLOCK = 2**20
"""A block that gathers pieces grows no further than this; a larger piece is a block of its own."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What comes with some words, or with a mark."""

    kind: int
    format: int
    words: int = 0
    hits: int = NOT_COUNTED
    method: int = LossMethod.UNKNOWN
    lost: int = 0
    mono_first_ns: int = 0
    mono_last_ns: int = 0
    wall_first_ns: int = 0
    wall_last_ns: int = 0


@dataclass(slots=True)
class Draft:
    """A block in the ring: everything its header needs but seq, offset and checksums."""

    start: int
    piece: Piece
    exposure: int
    lost: int
    dropped: int
    opened_ns: int
    payload: int
    words: int
    hits: int
    mono_last_ns: int
    wall_last_ns: int

    @property
    def size(self) -> int:
        """Bytes in the ring, header and padding included."""
        return block_size(self.payload)


class Assembler:
    """The blocks on their way to the disk, in order."""

    def __init__(self, ring_bytes: int, block_bytes: int) -> None:
        if ring_bytes < 2 * block_size(MAX_BLOCK):
            raise ValueError(f"ring of {ring_bytes} bytes is too small, give {4 * MAX_BLOCK} bytes or more")
        self.ring = Ring(ring_bytes)
        self.block_bytes = block_bytes
        self._open: Draft | None = None
        self._sealed: deque[Draft] = deque()
        self.reset()

    def reset(self) -> None:
        """Begin a run: the counts start anew."""
        self.exposure = 0
        self.dropped_words = self.dropped_hits = self.dropped_bytes = 0
        self._dropped_new = self._lost_new = 0

    @property
    def empty(self) -> bool:
        """True when nothing waits, not even in the open block."""
        return self._open is None and not self._sealed

    @property
    def opened_ns(self) -> int | None:
        """When the open block got its first piece."""
        return self._open.opened_ns if self._open else None

    @property
    def ready(self) -> bool:
        """True when a sealed block waits."""
        return bool(self._sealed)

    def add(self, piece: Piece, payload: Buffer, now_ns: int) -> bool:
        """Take a copy of the payload into the ring; False when there is no room (count it with `drop`)."""
        size = len(payload)
        cap = min(MAX_PAYLOAD, self.ring.size // 2 - HEADER_BYTES)
        if size > cap:
            raise ValueError(f"{size} bytes in one piece, the cap is {cap} bytes: split it")
        if self._join(piece, payload):
            return True
        self.seal()
        start = self.ring.reserve(block_size(size))
        if start is None:
            return False
        self.ring.view(start + HEADER_BYTES, size)[:] = payload
        self._open = Draft(
            start,
            piece,
            self.exposure,
            piece.lost + self._lost_new,
            self._dropped_new,
            now_ns,
            size,
            piece.words,
            piece.hits,
            piece.mono_last_ns,
            piece.wall_last_ns,
        )
        self._lost_new = self._dropped_new = 0
        if piece.kind != Kind.DATA or size >= self.block_bytes:
            self.seal()
        return True

    def _join(self, piece: Piece, payload: Buffer) -> bool:
        """Append a piece to the open block if it is of the same sort and nothing was lost between them."""
        last, size = self._open, len(payload)
        if (
            last is None
            or last.payload + size > MAX_BLOCK
            or piece.lost
            or self._lost_new
            or self._dropped_new
            or (piece.kind, piece.format, piece.method)
            != (last.piece.kind, last.piece.format, last.piece.method)
            or (piece.hits == NOT_COUNTED) != (last.hits == NOT_COUNTED)
        ):
            return False
        grown = block_size(last.payload + size) - last.size
        if grown and not self.ring.extend(grown):
            return False
        self.ring.view(last.start + HEADER_BYTES + last.payload, size)[:] = payload
        last.payload += size
        last.words += piece.words
        if piece.hits != NOT_COUNTED:
            last.hits += piece.hits
        last.mono_last_ns, last.wall_last_ns = piece.mono_last_ns, piece.wall_last_ns
        if last.payload >= self.block_bytes:
            self.seal()
        return True

    def drop(self, piece: Piece, size: int) -> None:
        """Count a piece that there was no room for."""
        self.dropped_words += piece.words
        self.dropped_bytes += size
        self._dropped_new += piece.words
        self._lost_new += piece.lost
        if piece.hits != NOT_COUNTED:
            self.dropped_hits += piece.hits

    def seal(self) -> None:
        """Close the open block, if any: nothing is appended to it any more."""
        if self._open:
            self._sealed.append(self._open)
            self._open = None

    def take(self, max_bytes: int) -> list[Draft]:
        """Remove and return sealed blocks that lie one after the other in memory, at least one if any."""
        taken: list[Draft] = []
        total = 0
        while self._sealed:
            draft = self._sealed[0]
            end = taken[-1].start + taken[-1].size if taken else draft.start
            wraps = draft.start % self.ring.size == 0
            if taken and (draft.start != end or wraps or total + draft.size > max_bytes):
                break
            taken.append(self._sealed.popleft())
            total += draft.size
        return taken

    def discard(self) -> None:
        """Drop everything that waits, counted: the disk takes no more."""
        self.seal()
        while self._sealed:
            draft = self._sealed.popleft()
            self.drop_draft(draft)
            self.ring.release(draft.start + draft.size)

    def drop_draft(self, draft: Draft) -> None:
        """Count a block as dropped that had been accepted."""
        if draft.piece.kind == Kind.DATA:
            self.dropped_words += draft.words
            self.dropped_bytes += draft.payload
            self.dropped_hits += 0 if draft.hits == NOT_COUNTED else draft.hits
