"""The kernel of decoding: Timepix3 words to hits. See `decode` for the theory."""

import numpy as np

from ...bus.formats.chunks import MAGIC, MAX_CHIPS
from ...bus.formats.hits import T_MODULUS
from ...bus.formats.packets import GLOBAL_LOW, PACKET_ID
from .jit import i8, kernel, table, u1, u2, vector

BACK = 1 << 26
"""Ticks, 105 ms. Larger: a corrupt time makes more of the following hits late. Smaller: chips or packets that
arrive further apart than this are taken for a turn of the clock. The largest seen in recordings is 1.2 ms."""

UNSYNCED = 256
"""Tally of words where a chunk's header was due."""
FOREIGN = 257
"""Tally of hits of a chip that the layout does not have."""


@kernel(i8(i8))
def _header(word):  # type: ignore[no-untyped-def]
    """Say whether a word can be a chunk's header: whole words of a chip that can exist."""
    return word & 0xFFFFFFFF == MAGIC and (word >> 48) & 7 == 0 and (word >> 32) & 0xFF < MAX_CHIPS


@kernel(
    i8(
        vector(i8, writable=False),
        table(i8, writable=False),
        vector(i8, writable=False),
        vector(i8),
        vector(i8),
        vector(i8),
        vector(u2),
        vector(u2),
        vector(u2),
        vector(u1),
        vector(i8),
        vector(u1),
    )
)
def decode(words, places, known, state, tally, t, x, y, tot, chips, counters, counted):  # type: ignore
    """Decode all words; gives the number of hits.

    state: chip, words left in its chunk (negative: no chunks), last time, packet counters found.
    counters, counted: packet counters (48 bits) and the chip of each.
    """
    chip, left, reference = state[0], state[1], state[2]
    n, i, packets = np.uint64(0), 0, np.uint64(0)
    while i < words.size:
        if left == 0:
            word = words[i]
            i += 1
            if _header(word):
                chip, left = (word >> 32) & 0xFF, (word >> 51) & 0x1FFF
            else:
                tally[UNSYNCED] += 1
            continue
        end = words.size if left < 0 else min(words.size, i + left)
        start, chunk = i, left
        i, left = end, left - (end - start) if left > 0 else left
        here = chip < places.shape[0]
        place = places[chip if here else 0]
        for j in range(start, end):
            word = words[np.uint64(j)]
            kind = (word >> 56) & 0xFF
            if kind >> 4 == 0xB:
                if not here:
                    tally[FOREIGN] += 1
                    continue
                raw = ((((word & 0xFFFF) << 14) | ((word >> 30) & 0x3FFF)) << 4) - ((word >> 16) & 0xF)
                reference += ((raw - reference + BACK) & (T_MODULUS - 1)) - BACK
                px = ((word >> 52) & 0xFE) | ((word >> 46) & 1)
                py = ((word >> 45) & 0xFC) | ((word >> 44) & 3)
                t[n] = reference
                x[n] = place[0] + place[1] * px + place[2] * py
                y[n] = place[3] + place[4] * px + place[5] * py
                tot[n] = (word >> 20) & 0x3FF
                chips[n] = chip
                n += np.uint64(1)
                continue
            if chunk > 0 and not known[kind] and (word >> 40) & 0xFF == 0 and _header(word):
                i, left = j, 0  # a damaged size would give the chunks behind it to this chip
                break
            tally[kind] += 1
            if kind == GLOBAL_LOW:
                raw = ((word >> 16) & 0x3FFFFFFF) << 4
                reference += ((raw - reference + BACK) & (T_MODULUS - 1)) - BACK
            elif kind == PACKET_ID:
                counters[packets], counted[packets] = word & 0xFFFFFFFFFFFF, chip
                packets += np.uint64(1)
    state[0], state[1], state[2], state[3] = chip, left, reference, np.int64(packets)
    return np.int64(n)
