"""A stretch of recorded words, and how it is cut in two without changing what it says (pure)."""

from dataclasses import dataclass, replace

import numpy as np
from hitline.bus.formats.chunks import LEFT, MAGIC, encode_header, is_header, new_state, walk
from hitline.bus.formats.packets import (
    GLOBAL_LOW,
    HEARTBEAT,
    PACKET_ID,
    PIXEL,
    SHUTTER_CLOSE,
    SHUTTER_OPEN,
    Words,
    field,
    types_of,
)
from hitline.bus.formats.times import Ints
from numpy.typing import NDArray

GROUP_WORDS = 64
"""Words of a bare stream that go together, as those of a chunk do."""
TIME_BITS = 30
"""Pixel words have 30 bits of time in steps of 25 ns; longer times are cut to them: all are of one clock."""


@dataclass(frozen=True, slots=True)
class Section:
    """Words with what a replay needs to know of them."""

    words: Words
    """uint64[n], headers of chunks included."""
    starts: Ints
    """int64[groups]: where each chunk (with its header) or group begins; the first is 0."""
    hits: NDArray[np.bool_]
    """bool[n]: whether a word is a hit."""
    chunked: bool
    times: Ints
    """int64[groups]: detector time of each group, steps of 25 ns, never falling; empty when not asked for."""
    mark: bool = False
    """True when a mark of the recording follows."""

    @property
    def hit_count(self) -> int:
        """Hits in it."""
        return int(np.count_nonzero(self.hits))

    def packet_ids(self) -> tuple[NDArray[np.uint8], Ints]:
        """(chip, counter) of each packet counter in it; none in a bare stream, whose packets have no chip."""
        at = np.flatnonzero(types_of(self.words) == PACKET_ID) if self.chunked else np.zeros(0, np.int64)
        group = np.searchsorted(self.starts, at, side="right") - 1
        at, group = at[self.starts[group] != at], group[self.starts[group] != at]
        chips = field(self.words[self.starts[group]], 32, 4).astype(np.uint8)
        return chips, field(self.words[at], 0, 48)

    def after_hits(self, count: int) -> int:
        """Return the index behind the hit number `count` (from 1)."""
        return int(np.flatnonzero(self.hits)[count - 1]) + 1

    def cut(self, at: int) -> tuple["Section", "Section"]:
        """Cut before word `at`; a chunk that is cut becomes two, each with a header of its own."""
        if at <= 0 or at >= len(self.words):
            raise ValueError(f"cut at word {at} of {len(self.words)}")
        group = int(np.searchsorted(self.starts, at, side="right")) - 1
        start = int(self.starts[group])
        if start == at:
            return self._part(slice(0, at), slice(0, group), False), self._part(
                slice(at, None), slice(group, None), self.mark
            )
        end = int(self.starts[group + 1]) if group + 1 < len(self.starts) else len(self.words)
        head = self._part(slice(0, at), slice(0, group + 1), False)
        rest = self._part(slice(at, None), slice(group, None), self.mark, at)
        header = int(self.words[start])
        # What stands behind the payload of a damaged chunk belongs to none.
        end = min(end, start + 1 + (header >> 51))
        if self.chunked and at < end and is_header(self.words[start : start + 1])[0]:
            chip = header >> 32 & 0xFF
            first = head.words.copy()
            first[start] = encode_header(chip, (at - start - 1) * 8)
            head = replace(head, words=first)
            again = np.atleast_1d(encode_header(chip, (end - at) * 8)).astype(np.uint64)
            starts = np.concatenate((rest.starts[:1], rest.starts[1:] + 1))
            rest = replace(
                rest,
                words=np.concatenate((again, rest.words)),
                starts=starts,
                hits=np.concatenate((np.zeros(1, bool), rest.hits)),
            )
        return head, rest

    def _part(self, words: slice, groups: slice, mark: bool, origin: int | None = None) -> "Section":
        starts = self.starts[groups]
        origin = words.start if origin is None else origin
        return Section(
            self.words[words],
            np.maximum(starts - origin, 0),
            self.hits[words],
            self.chunked,
            self.times[groups],
            mark,
        )


def chunk_starts(words: Words) -> tuple[Ints, NDArray[np.bool_] | None, int]:
    """Find the chunks of words that begin where a header is due.

    Returns (start of each chunk, mask of payload words, words before the last chunk if it is not whole).
    The mask is None when everything but the headers is payload, which is so in every sound stream.
    """
    at = np.flatnonzero((words & np.uint64(0xFFFFFFFF)) == MAGIC)
    if len(at) and at[0] == 0:
        ends = at + 1 + (words[at] >> np.uint64(51)).astype(np.int64)
        if np.array_equal(ends[:-1], at[1:]) and np.all(is_header(words[at])):
            # Each chunk ends where the next begins, so these are all headers, and all of them.
            return at, None, len(words) if ends[-1] <= len(words) else int(at[-1])
    state = new_state()
    chips = walk(words, state)
    starts = np.flatnonzero(is_header(words) & (chips < 0))
    whole = int(starts[-1]) if state[LEFT] else len(words)
    if not len(starts) or starts[0]:
        starts = np.concatenate((np.zeros(1, np.int64), starts))
    return starts, chips >= 0, whole


def section(words: Words, *, chunked: bool, mark: bool = False, whole: bool = False) -> tuple[Section, int]:
    """Make a section of the words that can go now; return it and how many they are.

    A chunk that has not come whole stays behind, unless `whole` says that nothing more will come.
    """
    if chunked:
        starts, payload, end = chunk_starts(words)
        if whole:
            end = len(words)
        starts = starts[starts < end] if end else starts[:0]
    else:
        starts, payload, end = np.arange(0, len(words), GROUP_WORDS), None, len(words)
    words = words[:end]
    hits = (words >> np.uint64(60)) == PIXEL
    if payload is not None:
        hits &= payload[:end]
    elif chunked:
        hits[starts] = False
    return Section(words, starts, hits, chunked, np.zeros(0, np.int64), mark), end


class Timer:
    """Follows the detector's time through a stream by its own steps; right for gaps below 13.4 s.

    Pixels, global times, shutter and heartbeat words all carry the low bits of one clock. A heartbeat comes
    every second, so a longer gap means a file without any.
    """

    def __init__(self) -> None:
        self.now = 0
        """Latest time, steps of 25 ns since the first word with a time."""
        self._at, self._value = 0, -1

    def skip(self) -> None:
        """Words go by unseen: go on from the next as if no time had passed."""
        self._value = -1

    def times(self, part: Section) -> Section:
        """Return the section with the time of each group: the earliest of its words, never falling."""
        value, known = _clock_bits(part)
        where = np.flatnonzero(known)
        times = np.full(len(part.starts), self.now, np.int64)
        if len(where):
            value = value[where]
            half, mask = 1 << (TIME_BITS - 1), (1 << TIME_BITS) - 1
            before = int(value[0]) if self._value < 0 else self._value
            steps = ((np.diff(value, prepend=before) + half) & mask) - half
            at = (self.now if self._value < 0 else self._at) + np.cumsum(steps)
            self._at, self._value = int(at[-1]), int(value[-1])
            first = np.searchsorted(where, part.starts)
            last = np.append(first[1:], len(where))
            filled = first < last
            times[filled] = np.minimum.reduceat(at, first[filled])
            times = np.maximum.accumulate(np.maximum(times, self.now))
            self.now = int(times[-1])
        return replace(part, times=times)


def _clock_bits(part: Section) -> tuple[Ints, NDArray[np.bool_]]:
    """(value, known): the low 30 bits of the clock in each word that has them."""
    words = part.words
    types = types_of(words)
    value = (words & np.uint64(0xFFFF)) << np.uint64(14) | (words >> np.uint64(30)) & np.uint64(0x3FFF)
    other = (types == GLOBAL_LOW) & ~_headers(part)
    value[other] = words[other] >> np.uint64(16)
    known = part.hits | other
    for kind in (SHUTTER_OPEN, SHUTTER_CLOSE, HEARTBEAT):
        other = (types == kind) & ~_headers(part)
        value[other] = words[other] >> np.uint64(12)
        known |= other
    return (value & np.uint64((1 << TIME_BITS) - 1)).astype(np.int64), known


def _headers(part: Section) -> NDArray[np.bool_]:
    headers = np.zeros(len(part.words), bool)
    if part.chunked:
        headers[part.starts] = True
    return headers
