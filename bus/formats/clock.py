"""From short times to absolute ones: which global time holds for which word of a Timepix3 stream.

Pixel words know their time modulo 26.8 s, triggers modulo 107 s. Each chip sends its full timer (48 bits) as
a pair of words from time to time. For a word the last completed pair of the same chip holds; for words before
a chip's first pair that first pair does, so they wait for it. The rules:

* A chip that has waited for HOLD_WORDS words of the stream, or until the end, is *free*: its times follow
  their own steps (half-range unwrapping) until a pair comes. Such hits are counted as unanchored: after a gap
  of more than 13.4 s, or if the timer did not start with the stream, their epoch is a guess.
* When triggers tell that the timers were reset, every chip forgets its global time and waits anew. A pair
  from before the reset may still be on its way: one that the new timer cannot show yet is passed over, once
  per chip.
* A global time that steps back is believed: the timer was reset.

Everything is decided by positions in the stream, never by how it was cut into pieces.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .chunks import MAX_CHIPS
from .events import RESET_BACK, find_pairs, find_resets
from .follower import Follower, per_chip
from .packets import IS_TDC, PIXEL, Chips, Words
from .times import Ints

HOLD_WORDS = 1 << 20
"""Words of the stream that a chip waits for its global time. Chips send theirs within ms of the start; if
lower, the words of a busy neighbour end the wait; if higher, a stream without global times holds more memory
(17 bytes a word) and shows its first hits later."""
WAITING = -1
"""In place of a global time: not known yet."""
FREE = -2
"""FREE - k in place of a global time: unwrap by steps; k counts the timer resets before."""
STALE_AFTER = 1 << 32
"""Steps of 25 ns (107 s): a pair that much later than the reset was sent before it."""


@dataclass(frozen=True, slots=True)
class Fill:
    """Words of `chip` in [start, stop) that waited now have `value`: a global time, or FREE - k."""

    chip: int
    start: int
    stop: int
    value: int


@dataclass(slots=True)
class Clock(Follower):
    """State per chip (int64, -1 for none) and the follower of the rules above."""

    value: Ints = field(default_factory=per_chip(WAITING))
    """Global time in steps of 25 ns, or WAITING, or FREE - k."""
    since: Ints = field(default_factory=per_chip(-1))
    """Position of the first word that waits."""
    low: Ints = field(default_factory=per_chip(-1))
    """Low half of a pair whose high half has not come."""
    reset_at: Ints = field(default_factory=per_chip(-1))
    """Time of the last reset, steps of 25 ns, until the first pair after it is accepted."""
    passed_over: Ints = field(default_factory=per_chip(0))
    """Pairs passed over since that reset."""
    counter: Ints = field(default_factory=per_chip(-1, 2))
    """Counter of the last trigger, per input."""
    coarse: Ints = field(default_factory=per_chip(-1, 2))
    """Time of the last trigger, per input, steps of 3.125 ns."""
    tally: Ints = field(default_factory=lambda: np.zeros(4, np.int64))
    """Words seen; resets told by triggers; steps back of the global time; pairs passed over."""

    @property
    def position(self) -> int:
        """Words of the stream seen."""
        return int(self.tally[0])

    def anchor(self, first: Mapping[int, int]) -> None:
        """Begin with the first global times known (steps of 25 ns); chips without one are free at once."""
        self.value[:] = [first.get(chip, FREE) for chip in range(MAX_CHIPS)]

    def ready(self) -> int:
        """Position up to which no word waits any more."""
        waiting = self.since[self.since >= 0]
        return int(waiting.min()) if len(waiting) else self.position

    def release(self) -> list[Fill]:
        """Let every chip go that waits, as at the end of a stream or an exposure."""
        fills: list[Fill] = []
        for chip in np.flatnonzero(self.since >= 0).tolist():
            self._settle(chip, self.position, self._free(), fills)
            self.value[chip] = self._free()
        return fills

    def advance(self, words: Words, chips: Chips, types: NDArray[np.uint8]) -> tuple[Ints, list[Fill]]:
        """Take the next words and say what holds for each.

        Returns int64[n] (global time, WAITING or FREE - k; of use for pixel and trigger words only) and fills
        for words that waited, those of this call included.
        """
        resets = find_resets(words, chips, types, self.counter, self.coarse)
        pairs = find_pairs(words, chips, types, self.low)
        concerned = (np.bincount(chips, minlength=MAX_CHIPS) > 0) & (self.value == WAITING) | (
            self.since >= 0
        )
        concerned |= bool(resets)
        references = self.value[chips]
        fills: list[Fill] = []
        for chip in sorted({*np.flatnonzero(concerned).tolist(), *pairs}):
            mine = np.flatnonzero((chips == chip) & ((types >> 4 == PIXEL) | IS_TDC[types]))
            starts, values = self._follow(chip, mine, pairs.get(chip, []), resets, len(words), fills)
            references[mine] = np.array(values)[np.searchsorted(starts, mine, "right") - 1]
        self.tally[0] += len(words)
        self.tally[1] += len(resets)
        return references, fills

    def _follow(
        self,
        chip: int,
        mine: Ints,
        pairs: list[tuple[int, int]],
        resets: list[tuple[int, int]],
        count: int,
        fills: list[Fill],
    ) -> tuple[list[int], list[int]]:
        """Carry one chip over `count` new words; `mine` are the indices of its timed ones.

        Returns the indices at which its reference changes, with the new values.
        """
        starts, values = [0], [int(self.value[chip])]
        free = self._free()
        events = sorted([(at, True, time) for at, time in resets] + [(at, False, time) for at, time in pairs])
        for at, is_reset, time in events:
            if not is_reset and self._passes_over(chip, time):
                continue
            self._begin_waiting(chip, mine, starts[-1], at)
            here = self.position + at
            late = is_reset or here - self.since[chip] >= HOLD_WORDS
            self._settle(chip, here, free if late else time, fills)
            if is_reset:
                free -= 1
                self.reset_at[chip], self.passed_over[chip] = time, 0
            else:
                self.tally[2] += self.value[chip] > time + RESET_BACK // 8
                self.reset_at[chip] = -1
            self.value[chip] = WAITING if is_reset else time
            starts.append(at)
            values.append(int(self.value[chip]))
        self._begin_waiting(chip, mine, starts[-1], count)
        end = self.position + count
        if self.since[chip] >= 0 and end - self.since[chip] > HOLD_WORDS:
            self._settle(chip, end, free, fills)
            self.value[chip] = free
        return starts, values

    def _free(self) -> int:
        return FREE - int(self.tally[1])

    def _passes_over(self, chip: int, time: int) -> bool:
        """Whether a pair is a straggler from before the last reset."""
        stale = 0 <= self.reset_at[chip] < time - STALE_AFTER and not self.passed_over[chip]
        self.passed_over[chip] += stale
        self.tally[3] += stale
        return bool(stale)

    def _begin_waiting(self, chip: int, mine: Ints, start: int, stop: int) -> None:
        """Note the first timed word in [start, stop), if the chip waits and none was noted before."""
        if self.value[chip] == WAITING and self.since[chip] < 0:
            first = int(np.searchsorted(mine, start))
            if first < len(mine) and mine[first] < stop:
                self.since[chip] = self.position + int(mine[first])

    def _settle(self, chip: int, stop: int, value: int, fills: list[Fill]) -> None:
        """Give words that wait, up to `stop`, their value."""
        if self.since[chip] >= 0:
            fills.append(Fill(chip, int(self.since[chip]), stop, value))
            self.since[chip] = -1
