"""A first look at Katherine's words, at the rate of the readout: how many pixels, and every other word.

The driver needs the counts at the end of frames while the words go by; decoding them all is the work of
others. Only one byte of each word is looked at, and pixels are all but everything in a stream.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .katherine_words import WORD_BYTES, Header

FIRST_GENERATION, SECOND_GENERATION = 1, 2
KNOWN = {
    FIRST_GENERATION: np.isin(np.arange(16), [*Header]),
    SECOND_GENERATION: np.arange(16) != 0xF,
}
"""bool[16] by generation: whether a header has a public meaning.

The second has pixels of four chips at 0x0 to 0x3, trigger events at 0x4 and 0x6.
"""


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


def scan(payload: bytes | bytearray | memoryview, generation: int = FIRST_GENERATION) -> Scan:
    """Count pixels and list the marks in whole words; nothing is kept of the payload.

    Raises ValueError for part of a word and for an unknown generation.
    """
    if generation not in KNOWN:
        raise ValueError(f"generation {generation} is not known: 1 or 2")
    if len(payload) % WORD_BYTES:
        raise ValueError(f"{len(payload)} bytes are no whole words of {WORD_BYTES} bytes: cut the rest off")
    rows = np.frombuffer(payload, np.uint8).reshape(-1, WORD_BYTES)
    top = np.ascontiguousarray(rows[:, WORD_BYTES - 1])
    pixel = top & 0xF0 == Header.PIXEL << 4 if generation == FIRST_GENERATION else top < 0x40
    at = np.flatnonzero(~pixel)
    place = at - np.arange(len(at))
    headers = top[at] >> 4
    mark = headers != Header.OFFSET
    at, marked = at[mark], headers[mark]
    wide = np.zeros((len(at), 8), np.uint8)
    wide[:, :WORD_BYTES] = rows[at]
    return Scan(
        pixels=len(top) - len(headers),
        offsets=len(headers) - len(marked),
        unknown=int(np.count_nonzero(~KNOWN[generation][marked])),
        header=marked,
        value=wide.view("<u8").reshape(-1).astype(np.uint64) & np.uint64((1 << 44) - 1),
        place=place[mark],
    )
