"""What a Timepix3 stream says about its timers: pairs of global-time words, and restarts told by triggers."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from .chunks import MAX_CHIPS
from .follower import per_chip
from .packets import GLOBAL_HIGH, GLOBAL_LOW, IS_TDC, Chips, Words, field, types_of, valid_fine
from .splitter import Splitter
from .times import Ints

RESET_BACK = 3_200_000
"""Steps of 3.125 ns (10 ms) that a trigger must lie before the one before it to tell of a timer reset. The
disorder of a stream is below 0.5 ms; a measurement shorter than this is over before a reset can matter."""


def find_pairs(
    words: Words, chips: Chips, types: NDArray[np.uint8], low: Ints
) -> dict[int, list[tuple[int, int]]]:
    """Completed pairs of each chip: (index of the high word, global time in steps of 25 ns).

    `low` (int64 per chip, -1 for none) carries a low half from one call to the next. A high half without a
    low one before it says nothing.
    """
    found: dict[int, list[tuple[int, int]]] = {}
    at = np.flatnonzero((types == GLOBAL_LOW) | (types == GLOBAL_HIGH))
    lows, highs = field(words[at], 16, 32).tolist(), field(words[at], 16, 16).tolist()
    is_low = (types[at] == GLOBAL_LOW).tolist()
    for index, chip, starts, low_half, high_half in zip(
        at.tolist(), chips[at].tolist(), is_low, lows, highs, strict=True
    ):
        if starts:
            low[chip] = low_half
        elif low[chip] >= 0:
            found.setdefault(chip, []).append((index, high_half << 32 | int(low[chip])))
            low[chip] = -1
    return found


def find_resets(
    words: Words, chips: Chips, types: NDArray[np.uint8], counter: Ints, coarse: Ints
) -> list[tuple[int, int]]:
    """Timer resets: (index of the trigger that tells it, its time in steps of 25 ns).

    A reset shows as a trigger counter that starts again at 1, at a time before that of the trigger before it.
    `counter` and `coarse` (int64[chips, 2 inputs], -1 for none) hold the last trigger from one call to the
    next.
    On a reset the last triggers of all chips are forgotten: the copies that the other chips send tell the
    same one.
    """
    at = np.flatnonzero(IS_TDC[types])
    at = at[valid_fine(field(words[at], 5, 4))]
    count, time = field(words[at], 44, 12), field(words[at], 9, 35)
    inputs = chips[at].astype(np.int64) * 2 + np.isin(types[at], (0x6E, 0x6B))
    candidates: list[tuple[int, int, int]] = []
    last_at = np.full(counter.size, -1)
    for key in np.flatnonzero(np.bincount(inputs)).tolist():
        rows = np.flatnonzero(inputs == key)
        chip, channel = divmod(key, 2)
        before = np.concatenate(([counter[chip, channel]], count[rows[:-1]]))
        back = np.concatenate(([coarse[chip, channel]], time[rows[:-1]])) - time[rows]
        previous = np.concatenate(([-1], at[rows[:-1]]))
        # 4095 and 0 come before 1 when the counter wraps.
        again = (count[rows] == 1) & (before > 1) & (before < 4095) & (back > RESET_BACK)
        candidates += zip(
            at[rows[again]].tolist(), previous[again].tolist(), (time[rows[again]] // 8).tolist(), strict=True
        )
        counter[chip, channel], coarse[chip, channel], last_at[key] = (
            count[rows[-1]],
            time[rows[-1]],
            at[rows[-1]],
        )
    resets: list[tuple[int, int]] = []
    for index, previous_at, start in sorted(candidates):
        if not resets or previous_at >= resets[-1][0]:
            resets.append((index, start))
    if resets:
        forgotten = (last_at < resets[-1][0]).reshape(counter.shape)
        counter[forgotten] = coarse[forgotten] = -1
    return resets


def first_times(
    pieces: Iterable[bytes | memoryview | None], *, chunked: bool = True, chip: int = 0
) -> dict[int, int]:
    """Look through a whole stream for each chip's first global time, in steps of 25 ns.

    None among the pieces is a gap in the stream. Ends at the first timer reset: what comes before it has
    nothing to do with the times after it.
    """
    splitter = Splitter(chunked=chunked, chip=chip)
    low, counter, coarse = per_chip(-1)(), per_chip(-1, 2)(), per_chip(-1, 2)()
    found: dict[int, int] = {}
    for piece in pieces:
        if piece is None:
            splitter.gap()
            continue
        words, chips = splitter.feed(piece)
        types = types_of(words)
        resets = find_resets(words, chips, types, counter, coarse)
        end = resets[0][0] if resets else len(words)
        for number, pairs in find_pairs(words[:end], chips[:end], types[:end], low).items():
            found.setdefault(number, pairs[0][1])
        if resets or len(found) == MAX_CHIPS:
            break
    return found
