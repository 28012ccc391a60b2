"""Lost packets, by the counter that each chip puts at the head of its packets (0x50 words, 48 bits).

Packets come displaced by a few places, so a gap is a loss only when it stays open. Per chip: everything
between the lowest and the highest counter that did not come is missing; a gap within the last SETTLE counters
may still be filled and is not called lost yet. One that is filled later, up to SPAN counters back, is taken
off again.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .chunks import MAX_CHIPS
from .times import Ints

SETTLE = 16
"""Counters: a gap so far back is a loss. Displacements of 2 were measured on a real quad detector."""
SPAN = 1024
"""Counters: how far back one can still fill its gap; a counter from further back is a new start or damage."""
LEAP = 1 << 20
"""Counters: a jump ahead by more is believed only when the next counter agrees, as for a new start."""
FIRST, TOP, CAME, LOST, REPEATED, DOUBTED, SUSPECT = range(7)
UNBEGUN = (-1, -1, 0, 0, 0, 0, -1)


@dataclass(slots=True)
class Loss:
    """Follower of the counters of all chips."""

    rows: Ints = field(default_factory=lambda: np.tile(np.array(UNBEGUN, np.int64), (MAX_CHIPS, 1)))
    """int64[MAX_CHIPS, 7]: lowest and highest counter and how many came since the last new start; lost before
    it; repeats; counters not believed; one that waits to be confirmed (-1: none)."""
    seen: list[int] = field(default_factory=lambda: [0] * MAX_CHIPS)
    """Per chip: bit k says that counter TOP - k came, for k < SPAN."""

    def advance(self, chips: NDArray[np.uint8], counters: Ints) -> None:
        """Take the counters of the next packets, in the order of the stream."""
        for chip in np.flatnonzero(np.bincount(chips, minlength=MAX_CHIPS)).tolist():
            mine = counters[chips == chip]
            # Cut where the count is not one up: nearly always there is a single run, or a few.
            for run in np.split(mine, np.flatnonzero(np.diff(mine) != 1) + 1):
                self._take_run(chip, int(run[0]), len(run))

    def _take_run(self, chip: int, start: int, length: int) -> None:
        row = self.rows[chip]
        while length and (row[TOP] < 0 or row[SUSPECT] >= 0 or start != row[TOP] + 1):
            self._take(chip, start)
            start, length = start + 1, length - 1
        self.seen[chip] = (self.seen[chip] << length | (1 << length) - 1) & (1 << SPAN) - 1
        row[TOP] += length
        row[CAME] += length

    def _take(self, chip: int, counter: int) -> None:
        row, ahead = self.rows[chip], counter - int(self.rows[chip, TOP])
        again = -SPAN < ahead <= 0 and bool(self.seen[chip] >> -ahead & 1)
        if row[TOP] < 0:
            self._start(chip, counter)
        elif 0 < ahead <= LEAP:
            self.seen[chip] = (self.seen[chip] << min(ahead, SPAN) | 1) & (1 << SPAN) - 1
            row[TOP] = counter
            row[CAME] += 1
        elif -SPAN < ahead <= 0 and not again:
            self.seen[chip] |= 1 << -ahead
            row[CAME] += 1
            row[FIRST] = min(row[FIRST], counter)
        elif row[SUSPECT] >= 0 and 0 < abs(counter - row[SUSPECT]) <= SETTLE:
            suspect = int(row[SUSPECT])
            row[REPEATED if 0 <= row[TOP] - suspect < SPAN else DOUBTED] -= 1
            row[LOST] += self._missing(chip)
            self._start(chip, suspect)
            self._take(chip, counter)
            return
        else:
            row[REPEATED if again else DOUBTED] += 1
            # A repeat tells of a new start only near 0; elsewhere it is a packet that came twice.
            row[SUSPECT] = counter if not again or counter <= SETTLE else -1
            return
        row[SUSPECT] = -1

    def _start(self, chip: int, counter: int) -> None:
        self.rows[chip, [FIRST, TOP, CAME]] = counter, counter, 1
        self.seen[chip] = 1

    def _missing(self, chip: int) -> int:
        row = self.rows[chip]
        return int(row[TOP] - row[FIRST] + 1 - row[CAME]) if row[TOP] >= 0 else 0

    def lost(self, *, final: bool = False) -> NDArray[np.int64]:
        """Packets lost per chip, int64[MAX_CHIPS]; `final` counts open gaps too, however new."""
        missing = np.array([self._missing(chip) for chip in range(MAX_CHIPS)])
        if not final:
            for chip in np.flatnonzero(missing).tolist():
                recent = min(SETTLE, int(self.rows[chip, TOP] - self.rows[chip, FIRST] + 1))
                missing[chip] -= recent - (self.seen[chip] & (1 << recent) - 1).bit_count()
        return missing + self.rows[:, LOST]

    @property
    def counted(self) -> bool:
        """Whether any packet carried a counter; without one nothing is known of losses."""
        return bool(np.any(self.rows[:, TOP] >= 0))

    @property
    def repeated(self) -> int:
        """Packets whose counter came before."""
        return int(self.rows[:, REPEATED].sum())

    @property
    def doubted(self) -> int:
        """Counters that fitted nowhere."""
        return int(self.rows[:, DOUBTED].sum())

    def state(self) -> dict[str, NDArray]:
        """Everything that `restore` needs; `seen` as uint8[MAX_CHIPS, SPAN/8]."""
        packed = b"".join(bits.to_bytes(SPAN // 8, "little") for bits in self.seen)
        return {"rows": self.rows.copy(), "seen": np.frombuffer(packed, np.uint8).reshape(MAX_CHIPS, -1)}

    def restore(self, state: dict[str, NDArray]) -> None:
        """Take up the state of another follower."""
        self.rows[...] = state["rows"]
        self.seen = [int.from_bytes(row.tobytes(), "little") for row in np.asarray(state["seen"], np.uint8)]
