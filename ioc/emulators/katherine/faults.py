"""What goes wrong between an emulated Katherine and its client: words left out, datagrams lost, doubled, cut.

Everything that was done is counted, in hits where it concerns hits.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from hitline.bus.formats.katherine_words import GENERATIONS, WORD_BYTES, Header, headers_of, to_bytes
from hitline.bus.formats.packets import Words
from numpy.typing import NDArray

from .knobs import Knobs

DROPPABLE = {
    "new_frame": Header.NEW_FRAME,
    "frame_finished": Header.FINISHED,
    "offset": Header.OFFSET,
}


@dataclass
class Counts:
    """What was done so far; written by one thread."""

    hits_sent: int = 0
    """Hits put into the stream, dropped or not."""
    hits_dropped: int = 0
    """Of those, the ones that a fault took away."""
    words_sent: int = 0
    """Words put into the stream."""
    words_dropped: int = 0
    """Of those, the ones other than hits that a fault took away."""
    datagrams_sent: int = 0
    """Datagrams sent, doubles included."""
    datagrams_dropped: int = 0
    """Datagrams that a fault took away."""
    frames_sent: int = 0
    """Frames that came to an end."""


class Faults:
    """Between words and socket; one for data, one for answers."""

    def __init__(self, knobs: Knobs, counts: Counts, seed: int, generation: int = 1) -> None:
        self._knobs, self._counts = knobs, counts
        self._is_pixel = GENERATIONS[generation].is_pixel
        self._rng = np.random.default_rng((seed, 0xFA))
        self._held: bytes | None = None

    def data(self, words: Words) -> list[bytes]:
        """Cut words into datagrams and give those that are sent, in order."""
        if not len(words):
            return []
        knobs, counts = self._knobs, self._counts
        headers = headers_of(words)
        self.count(headers)
        if knobs.drop_word != "none":
            keep = headers != DROPPABLE[knobs.drop_word]
            counts.words_dropped += len(words) - int(np.count_nonzero(keep))
            words, headers = words[keep], headers[keep]
        pixel = self._is_pixel[headers]
        sent = []
        for start, stop in self._cuts(pixel):
            hits = int(np.count_nonzero(pixel[start:stop]))
            if knobs.drop and hits == stop - start and self._rng.random() < knobs.drop:
                counts.hits_dropped += hits
                counts.datagrams_dropped += 1
                continue
            sent.append(self._truncated(to_bytes(words[start:stop]), pixel[start:stop]))
        return self._disordered(sent)

    def count(self, headers: NDArray[np.uint8]) -> None:
        """Count words that are sent, by their headers."""
        self._counts.words_sent += len(headers)
        self._counts.hits_sent += int(np.count_nonzero(self._is_pixel[headers]))
        self._counts.frames_sent += int(np.count_nonzero(headers == Header.FINISHED))

    def answers(self, datagrams: list[bytes]) -> list[bytes]:
        """Give those of a command's answers that are sent, in order."""
        lost = min(self._knobs.drop_crd, len(datagrams))
        if lost:
            self._knobs.drop_crd -= lost
            self._counts.datagrams_dropped += lost
        return self._disordered([self._truncated(data, None) for data in datagrams[lost:]], hold=False)

    def rest(self) -> list[bytes]:
        """Give what was held back."""
        held, self._held = self._held, None
        return [] if held is None else [held]

    def _cuts(self, pixel: np.ndarray) -> list[tuple[int, int]]:
        """Bounds of datagrams.

        While some are to be dropped, hits and other words do not share one: else at a low rate, with an
        offset every few hits, there would be none with hits only.
        """
        most = max(self._knobs.datagram_bytes // WORD_BYTES, 1)
        bounds = [0, *(1 + int(at) for at in np.flatnonzero(np.diff(pixel)) if self._knobs.drop), len(pixel)]
        return [
            (at, min(at + most, stop)) for start, stop in pairwise(bounds) for at in range(start, stop, most)
        ]

    def _truncated(self, data: bytes, pixel: np.ndarray | None) -> bytes:
        """Lose 1 to 5 bytes at the end."""
        if not self._knobs.truncate or self._rng.random() >= self._knobs.truncate:
            return data
        if pixel is not None:
            self._counts.hits_dropped += int(pixel[-1])
            self._counts.words_dropped += int(not pixel[-1])
        return data[: -int(self._rng.integers(1, WORD_BYTES))]

    def _disordered(self, datagrams: list[bytes], *, hold: bool = True) -> list[bytes]:
        """Double some, and have some overtaken by the one that follows."""
        knobs = self._knobs
        sent: list[bytes] = []
        for data in datagrams:
            if self._held is None and knobs.reorder and self._rng.random() < knobs.reorder:
                self._held = data
                continue
            sent.append(data)
            if knobs.duplicate and self._rng.random() < knobs.duplicate:
                sent.append(data)
            sent += self.rest()
        if not hold:
            sent += self.rest()
        self._counts.datagrams_sent += len(sent)
        return sent
