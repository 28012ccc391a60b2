"""A first look at Katherine's words, at the rate of the readout: how many pixels, and every other word.

The driver needs the counts at the end of frames while the words go by; decoding them all is the work of
others. Only one byte of each word is looked at, and pixels are all but everything in a stream.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .katherine_words import GENERATIONS, WORD_BYTES, Header


@dataclass(frozen=True, slots=True, eq=False)
class Scan:
    """What is in a payload."""

    pixels: int
    offsets: int
    """Words with the upper part of the time (0x5)."""
    unknown: int
    """Words whose header has no public meaning; they are in the marks, too."""
    header: NDArray[np.uint8]
    """uint8[marks]: header of every word that is neither pixel nor offset, in their order."""
    value: NDArray[np.uint64]
    """uint64[marks]: the 44 bits of each."""
    place: NDArray[np.int64]
    """int64[marks]: pixels of the payload before each."""

    @property
    def marks(self) -> list[tuple[int, int, int]]:
        """(header, value, place) of each mark, for a loop over those few."""
        return list(zip(self.header.tolist(), self.value.tolist(), self.place.tolist(), strict=True))


def scan(payload: bytes | bytearray | memoryview, generation: int = 1) -> Scan:
    """Count pixels and list the marks in whole words; nothing is kept of the payload.

    Raises ValueError for part of a word and for an unknown generation.
    """
    if generation not in GENERATIONS:
        raise ValueError(f"generation {generation} is not known: 1 or 2")
    if len(payload) % WORD_BYTES:
        raise ValueError(f"{len(payload)} bytes are no whole words of {WORD_BYTES} bytes: cut the rest off")
    rows = np.frombuffer(payload, np.uint8).reshape(-1, WORD_BYTES)
    top = np.ascontiguousarray(rows[:, WORD_BYTES - 1])
    headers = GENERATIONS[generation].pixels
    first, last = headers[0] << 4, headers[-1] << 4 | 0xF
    # The headers of pixels follow each other; without a sign, those below the first are far above the last.
    at = np.flatnonzero(top - np.uint8(first) > last - first)
    place = at - np.arange(len(at))
    others = top[at] >> 4
    mark = others != Header.OFFSET
    at, marked = at[mark], others[mark]
    wide = np.zeros((len(at), 8), np.uint8)
    wide[:, :WORD_BYTES] = rows[at]
    return Scan(
        pixels=len(top) - len(others),
        offsets=len(others) - len(marked),
        unknown=int(np.count_nonzero(~GENERATIONS[generation].is_known[marked])),
        header=marked,
        value=wide.view("<u8").reshape(-1).astype(np.uint64) & np.uint64((1 << 44) - 1),
        place=place[mark],
    )
