"""Absolute times of words, from their short times and what the clock says holds for each."""

from dataclasses import dataclass, field

import numpy as np

from .clock import FREE
from .follower import Follower, per_chip
from .packets import Chips
from .times import Ints, extend, unwrap

PIXELS, TRIGGERS = 0, 1
BITS = (30, 35)
"""Bits of the short time, per kind of word."""
PER_COARSE = (1, 8)
"""Steps of that time in 25 ns, per kind of word."""


@dataclass(slots=True)
class Absolute(Follower):
    """Extends short times; keeps what words without a global time need of earlier ones."""

    run: Ints = field(default_factory=per_chip(0, 2))
    """FREE - k of the last such word: a timer reset begins anew."""
    before: Ints = field(default_factory=per_chip(-1, 2))
    """Short time of the last such word."""
    epoch: Ints = field(default_factory=per_chip(0, 2))
    """Roll-overs until it."""

    def times(self, kind: int, chips: Chips, short: Ints, references: Ints) -> tuple[Ints, int]:
        """Absolute times of words of one kind, and for how many of them no global time was known.

        short: int64[n], steps of 25 ns for PIXELS, of 3.125 ns for TRIGGERS; the result has the same step.
        references: what the clock said, global time in 25 ns or FREE - k.
        """
        absolute = extend(short, references * PER_COARSE[kind], BITS[kind])
        free = np.flatnonzero(references <= FREE)
        for chip in np.flatnonzero(np.bincount(chips[free])).tolist():
            mine = free[chips[free] == chip]
            # k only grows along the stream, so one run follows the other.
            for run in np.unique(references[mine])[::-1].tolist():
                rows = mine[references[mine] == run]
                if self.run[chip, kind] != run:
                    self.run[chip, kind], self.before[chip, kind], self.epoch[chip, kind] = run, -1, 0
                absolute[rows], self.before[chip, kind], self.epoch[chip, kind] = unwrap(
                    short[rows], BITS[kind], int(self.before[chip, kind]), int(self.epoch[chip, kind])
                )
        return absolute, len(free)
