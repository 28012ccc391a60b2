"""Chunks of a `.tpx3` file or Serval raw stream: which chip sent which word.

A chunk is a header word (ASCII `TPX3`, chip index, payload size in bytes) and its payload; everything is
64-bit little-endian (Serval user manual). The magic counts only where a header is due, for a pixel word may
hold the same bytes. Where no header stands at its place the walker looks for the next one, word by word, and
counts what it skipped. A size too large would swallow the chunks behind it and give their hits to a wrong
chip, so a word inside a payload that reads as a header and as no packet ends the chunk there.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from .packets import KNOWN, Words, field, place, types_of

MAGIC = int.from_bytes(b"TPX3", "little")
MAX_CHIPS = 16
"""A header with a larger chip index is taken for a damaged one; detectors have 1, 4 or 8 chips."""
MAX_PAYLOAD = 0xFFF8
"""Bytes; the size field has 16 bits and payloads are whole words."""

LEFT, CHIP, HEADERS, RESYNCS, SKIPPED, SEEKING = range(6)
"""Places in the walker's state: payload words still due and their chip; headers seen, times a header was
missing or a chunk was cut, words skipped; 1 while looking for a header."""


def new_state() -> NDArray[np.int64]:
    """State of a walker at the beginning of a stream: int64[6]."""
    return np.zeros(6, np.int64)


def is_header(words: Words) -> NDArray[np.bool_]:
    """Whether a word can be the header of a chunk: magic, whole words, a chip that can exist."""
    magic = field(words, 0, 32) == MAGIC
    return magic & (field(words, 48, 3) == 0) & (field(words, 32, 8) < MAX_CHIPS)


def walk(words: Words, state: NDArray[np.int64]) -> NDArray[np.int8]:
    """Chip of every word, int8[n]; -1 for headers and skipped words.

    `state` (int64[6], see above) is read and brought forward, so that a stream may come in any number of
    pieces.
    """
    chips = np.full(len(words), -1, np.int8)
    header = is_header(words)
    unmistakable = header & (field(words, 40, 8) == 0) & ~KNOWN[types_of(words)]
    at = np.flatnonzero(header)
    # One more candidate behind the end spares every look-up below a question.
    candidates = [*at.tolist(), len(words)]
    cuts, indices = unmistakable[at].tolist(), field(words, 32, 8)[at].tolist()
    payload = (field(words, 48, 16)[at] // 8).tolist()
    left, chip, headers, resyncs, skipped, seeking = state.tolist()
    here = next_one = 0
    while here < len(words):
        if left:
            end = min(here + left, len(words))
            while candidates[next_one] < end and not cuts[next_one]:
                next_one += 1
            cut = candidates[next_one] < end
            end = min(end, candidates[next_one])
            chips[here:end] = chip
            left = 0 if cut else left - (end - here)
            resyncs += int(cut)
            here = end
            continue
        while candidates[next_one] < here:
            next_one += 1
        if candidates[next_one] > here:
            resyncs += 1 - seeking
            seeking = 1
            skipped += candidates[next_one] - here
            here = candidates[next_one]
            continue
        left, chip, seeking = payload[next_one], indices[next_one], 0
        headers += 1
        here += 1
        next_one += 1
    state[:] = left, chip, headers, resyncs, skipped, seeking
    return chips


def encode_header(chip: NDArray | int, payload_bytes: NDArray | int) -> Words:
    """Header words of chunks."""
    return place(payload_bytes, 48, 16) | place(chip, 32, 8) | np.uint64(MAGIC)


def encode(chunks: Iterable[tuple[int, Words]]) -> bytes:
    """A stream of chunks from (chip, payload words)."""
    parts: list[bytes] = []
    for chip, words in chunks:
        if words.nbytes > MAX_PAYLOAD:
            raise ValueError(
                f"payload of {words.nbytes} bytes for chip {chip}: at most {MAX_PAYLOAD} fit in a chunk"
            )
        parts += (encode_header(chip, words.nbytes).astype("<u8").tobytes(), words.astype("<u8").tobytes())
    return b"".join(parts)
