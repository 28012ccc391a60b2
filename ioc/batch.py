"""Datagrams that were read together, and what was dropped of them."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Shape:
    """How datagrams should be."""

    peer: str
    """IPv4 address that they come from; empty for any."""
    word: int
    """Bytes in a word."""
    largest: int
    """Most bytes in one."""
    batch: int
    """Most of them at once."""


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """What one reading gave."""

    payload: memoryview
    """Whole words in the order in which they came; valid until the next reading. Empty for strays only."""
    sizes: NDArray[np.int64]
    """int64[taken]: bytes of whole words in each datagram that was taken, in the same order."""
    datagrams: int
    """From the peer, whether taken or not."""
    foreign: int
    """From other hosts; dropped."""
    empty: int
    """From the peer, without a byte."""
    cut: int
    """From the peer, with part of a word at the end, which was cut off."""
    oversize: int
    """From the peer, longer than allowed; dropped."""
    drops: int | None = None
    """Datagrams that the kernel had dropped before the last one of these, modulo 2**32, if it said so."""
    more: bool = False
    """True when more may be there."""

    def split(self, most: int) -> tuple["Batch", "Batch | None"]:
        """Two batches of whole datagrams, the first with at most so many bytes and all of the counts."""
        if len(self.payload) <= most:
            return self, None
        ends = np.cumsum(self.sizes)
        count = int(np.searchsorted(ends, most, "right"))
        at = int(ends[count - 1])
        first = replace(self, payload=self.payload[:at], sizes=self.sizes[:count])
        rest = Batch(self.payload[at:], self.sizes[count:], 0, 0, 0, 0, 0, None, self.more)
        return first, rest
