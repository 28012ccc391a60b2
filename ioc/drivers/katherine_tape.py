"""The run log of a Katherine, played forwards a slice at a time, as `Tape` does with Timepix3 words.

Its words tell nothing of mode and generation: those stand in the log with each exposure and are handed on
(`facts`), so a slice ends where an exposure begins that was set up otherwise. Time is that of reception, from
block to block and even in between: frames begin their own time anew.
"""

from collections import deque
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from hitline.bus.formats.katherine_setup import KEYS, Setup
from hitline.bus.formats.katherine_words import GENERATIONS, WORD_BYTES
from hitline.bus.log.block import BlockError, Format, Kind, decode_facts
from hitline.bus.log.reader import Run, open_run
from hitline.bus.log.segment import segments
from numpy.typing import NDArray

from .piece import Piece, Slice

STEP_NS = 10_000_000
"""Time in one piece at most, when time matters."""
PIECE = WORD_BYTES << 16
"""Bytes in one piece: a stop takes no longer than to log so many."""


@dataclass(frozen=True, slots=True)
class _Words:
    """Words of one block, or the rest of them."""

    payload: bytes
    first_ns: int
    last_ns: int

    def cut(self, at: int) -> "tuple[_Words, _Words]":
        """Before word `at`, and from it on; time is even over the words."""
        size = at * WORD_BYTES
        middle = self.first_ns + (self.last_ns - self.first_ns) * size // len(self.payload)
        return (
            _Words(self.payload[:size], self.first_ns, middle),
            _Words(self.payload[size:], middle, self.last_ns),
        )


class KatherineTape:
    """One run log and the place in it. Not for two threads at once."""

    def __init__(self, path: Path) -> None:
        """Open it; raises FileNotFoundError or ValueError with one clear line when it cannot be played."""
        self.path, self.format = path, Format.KATHERINE
        self.run: Run = open_run(path)
        self.bytes = sum(file.path.stat().st_size for file in segments(self.run.logged.folder))
        self.note = self.missing = ""
        """What is not quite right with it, and what should have come and did not, for people; at its end."""
        self.packets_lost: int | None = None
        """Nobody counts packets here."""
        self.rewind()

    def rewind(self) -> None:
        """Go back to the beginning."""
        self.played_bytes = self.played_hits = 0
        self._setup = Setup()
        self._ahead: deque[_Words | Setup | None] = deque()
        self._left = self._items()
        self._take_setups()

    @property
    def at_end(self) -> bool:
        """True when no words are left to play."""
        while not any(isinstance(item, _Words) for item in self._ahead):
            item = next(self._left, ())
            if item == ():
                return True
            self._ahead.append(item)  # type: ignore[arg-type]  # the empty tuple is the end
        return False

    @property
    def position(self) -> float:
        """Percent of the bytes that were played."""
        return 100.0 if self.at_end else 100.0 * self.played_bytes / max(self.bytes, 1)

    def facts(self) -> dict[str, Any]:
        """What a decoder must know of the words to come."""
        return self._setup.facts()

    def play(self, until: Slice, *, timed: bool = False) -> Generator[Piece, None, None]:
        """Give the next slice, as `Tape.play` does."""
        left, deadline_ns, played = until.hits, None, False
        while left != 0 and not self.at_end:
            item = self._ahead.popleft()
            if item is None:
                if until.mark:
                    break
            elif isinstance(item, Setup):
                if played and item != self._setup:
                    self._ahead.appendleft(item)
                    break
                self._setup = item
            else:
                if deadline_ns is None and until.seconds is not None:
                    deadline_ns = item.first_ns + round(until.seconds * 1e9)
                part, rest = self._until(item, left, deadline_ns)
                if rest is not None:
                    self._ahead.appendleft(rest)
                if part is None:
                    break
                left = None if left is None else left - int(self._is_pixel(part).sum())
                yield from self._pieces(part, timed)
                played = True
                if rest is not None and deadline_ns is not None:
                    break
        if until.hits is not None:
            yield from self._hitless(timed)
        self._take_setups()

    def _until(
        self, item: _Words, hits: int | None, deadline_ns: int | None
    ) -> "tuple[_Words | None, _Words | None]":
        """What of the words belongs to the slice, and what does not."""
        words = len(item.payload) // WORD_BYTES
        end = words
        if hits is not None:
            at = np.flatnonzero(self._is_pixel(item))
            if len(at) >= hits:
                end = int(at[hits - 1]) + 1
        if deadline_ns is not None and item.last_ns >= deadline_ns:
            span = max(item.last_ns - item.first_ns, 1)
            end = min(end, max(deadline_ns - item.first_ns, 0) * words // span)
        if end <= 0:
            return None, item
        return item.cut(end) if end < words else (item, None)

    def _pieces(self, part: _Words, timed: bool) -> Generator[Piece, None, None]:
        """Play words in steps; the piece that its caller stops at is put back."""
        rest: _Words | None = part
        while rest is not None:
            words = len(rest.payload) // WORD_BYTES
            step = PIECE // WORD_BYTES
            if timed and (span := rest.last_ns - rest.first_ns) > STEP_NS:
                step = min(step, max(1, words * STEP_NS // span))
            now, rest = rest.cut(step) if step < words else (rest, None)
            hits = int(self._is_pixel(now).sum())
            try:
                yield Piece(now.payload, len(now.payload) // WORD_BYTES, hits, now.first_ns if timed else 0)
            except GeneratorExit:
                self._ahead.extendleft(item for item in (rest, now) if item is not None)
                raise
            self.played_hits += hits
            self.played_bytes += len(now.payload)

    def _hitless(self, timed: bool) -> Generator[Piece, None, None]:
        """Play what follows without a hit: at the end of a recording it would make an empty exposure."""
        while (
            not self.at_end and isinstance(item := self._ahead[0], _Words) and not self._is_pixel(item).any()
        ):
            self._ahead.popleft()
            yield from self._pieces(item, timed)

    def _take_setups(self) -> None:
        """Know how the words to come are set up, before they are asked for."""
        while not self.at_end and not isinstance(item := self._ahead[0], _Words):
            self._ahead.popleft()
            if isinstance(item, Setup):
                self._setup = item

    def _is_pixel(self, part: _Words) -> NDArray[np.bool_]:
        headers = np.frombuffer(part.payload, np.uint8)[WORD_BYTES - 1 :: WORD_BYTES] >> np.uint8(4)
        return GENERATIONS[self._setup.generation].is_pixel[headers]

    def _items(self) -> Iterator[_Words | Setup | None]:
        """Words, setups at the begin of exposures, None at their ends."""
        zero_ns: int | None = None
        for header, payload in self.run:
            if header.kind == Kind.DATA:
                if header.format != self.format:
                    raise ValueError(
                        f"{self.path}: block {header.seq} has format {header.format}, "
                        f"those before have {int(self.format)}"
                    )
                zero_ns = header.mono_first_ns if zero_ns is None else zero_ns
                if payload:
                    times = header.mono_first_ns - zero_ns, header.mono_last_ns - zero_ns
                    yield _Words(bytes(payload), *times)
            elif header.kind == Kind.BEGIN:
                yield Setup.of({k: v for k, v in _facts(payload).items() if k in KEYS})
            elif header.kind == Kind.END:
                yield None
        if self.run.flaws.damaged:
            self.note = f"{self.path}: a damaged run, not everything could be played (hitline runs verify)"
            self.missing = self.note


def _facts(payload: memoryview) -> dict[str, Any]:
    try:
        return decode_facts(payload)
    except BlockError:
        return {}
