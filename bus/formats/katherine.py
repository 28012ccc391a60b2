"""The decoder of Katherine streams (first generation): 48-bit words in, tables and frames out, in any split.

A pixel's 14 bits of time are extended by the last offset word, which a new frame sets back to 0; in
sequential read-out there are none, and times are known modulo 409.6 us only. The stream has no sequence
numbers: what the network lost shows at the end of a frame, by the count that the readout gives
(`Frame.missing`). The lost word of an offset shifts the hits behind it, and nothing can tell.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from .frames import Frame, Frames
from .hits import TICKS_PER_COARSE, Counted, Hits, Table
from .katherine_words import WORD_BYTES, Header, Mode, from_bytes, headers_of, pixel_fields
from .packets import Words, field
from .times import Ints

KNOWN = np.isin(np.arange(16), list(Header))
"""bool[16]: whether a header has a public meaning."""


@dataclass(frozen=True, slots=True, eq=False)
class Marks(Table):
    """Every word that is neither pixel nor offset, as it came."""

    DTYPES: ClassVar[dict[str, str]] = {"header": "u1", "value": "<u8", "place": "<i8"}

    header: NDArray[np.uint8]
    value: NDArray[np.uint64]
    """44 bits."""
    place: NDArray[np.int64]
    """Pixels of the stream before it."""


@dataclass(frozen=True, slots=True)
class KatherineBatch:
    """What came out of one call; `hits` in the modes with a time, `counted` in the other."""

    hits: Hits
    """`spidr` holds the low 16 bits of the offset, which has the same step: 409.6 us at 40 MHz."""
    counted: Counted
    hit_count: NDArray[np.uint8]
    """Of each of `hits`; 0 where the fast oscillator is on, for the fine time is there then."""
    frame: NDArray[np.int64]
    """Frame of each pixel: 1, 2, ...; 0 before the first mark of a frame."""
    marks: Marks
    frames: list[Frame]
    """Frames that ended."""


class KatherineDecoder:
    """Incremental decoder of one stream.

    mode: how the pixels were set up. fast: fast oscillator on (fine time, 40 MHz only). chip: number for the
    column `chip`. coarse_ticks: ticks of 1.5625 ns in a step of the pixel clock: 16 at 40 MHz, 32 at 20.
    """

    def __init__(
        self,
        mode: Mode = Mode.TOA_TOT,
        *,
        fast: bool = True,
        chip: int = 0,
        coarse_ticks: int = TICKS_PER_COARSE,
    ) -> None:
        if fast and coarse_ticks != TICKS_PER_COARSE:
            raise ValueError(
                f"the fine time needs the 40 MHz clock, {coarse_ticks} ticks per step were given: 16"
            )
        self.mode, self.fast, self.chip, self.coarse_ticks = Mode(mode), fast, chip, coarse_ticks
        self.headers = np.zeros(16, np.int64)
        """Words by header."""
        self.frames = Frames()
        self._offset = 0
        self._tail = b""

    @property
    def pixels(self) -> int:
        """Pixels seen."""
        return int(self.headers[Header.PIXEL])

    def feed(self, data: bytes | bytearray | memoryview) -> KatherineBatch:
        """Take the next bytes and return what is in them."""
        if self._tail:
            data = self._tail + bytes(data)
        words = from_bytes(data)
        self._tail = bytes(data[len(words) * WORD_BYTES :])
        headers = headers_of(words)
        is_pixel = headers == Header.PIXEL
        before = self.pixels + np.cumsum(is_pixel) - is_pixel
        self.headers += np.bincount(headers, minlength=16)
        numbers = self.frames.number + np.cumsum(headers == Header.NEW_FRAME)
        offsets = self._offsets(words, headers)

        at = np.flatnonzero(~is_pixel & (headers != Header.OFFSET))
        marks = Marks(headers[at], words[at] & np.uint64((1 << 44) - 1), before[at])
        frames = self.frames.advance(marks.header, marks.value, marks.place)
        at = np.flatnonzero(is_pixel)
        hits, counted, hit_count = self._pixels(words[at], offsets[at])
        return KatherineBatch(hits, counted, hit_count, numbers[at], marks, frames)

    def gap(self) -> None:
        """Say that bytes are missing before the next ones; an incomplete word is left out."""
        self._tail = b""

    def flush(self) -> list[Frame]:
        """The frame that is still open, if any, at the end of a stream."""
        return self.frames.close(self.pixels)

    def _offsets(self, words: Words, headers: NDArray[np.uint8]) -> Ints:
        """The offset that holds for each word."""
        sets = np.flatnonzero((headers == Header.OFFSET) | (headers == Header.NEW_FRAME))
        given = np.where(headers[sets] == Header.OFFSET, field(words[sets], 0, 32), 0)
        values = np.concatenate(([self._offset], given))
        self._offset = int(values[-1])
        held: Ints = values[np.searchsorted(sets, np.arange(len(words)), "right")]
        return held

    def _pixels(self, words: Words, offsets: Ints) -> tuple[Hits, Counted, NDArray[np.uint8]]:
        x, y, high, middle, low = pixel_fields(words)
        chips = np.full(len(words), self.chip, np.uint8)
        low8, zeros8 = low.astype(np.uint8), np.zeros(len(words), np.uint8)
        if self.mode is Mode.EVENT_ITOT:
            itot, events = high.astype(np.uint16), middle.astype(np.uint16)
            counted = Counted(chips, x, y, itot, events, low8, np.zeros(len(words), np.uint16))
            return Hits.empty(), counted, np.empty(0, np.uint8)
        fine = low if self.fast else np.zeros_like(low)
        tot = middle if self.mode is Mode.TOA_TOT else np.zeros_like(middle)
        hits = Hits(
            chip=chips,
            x=x,
            y=y,
            toa=high.astype(np.uint16),
            tot=tot.astype(np.uint16),
            ftoa=fine.astype(np.uint8),
            spidr=(offsets & 0xFFFF).astype(np.uint16),
            t_unwrapped=((offsets << 14) + high) * self.coarse_ticks - fine,
        )
        return hits, Counted.empty(), zeros8 if self.fast else low8

    def facts(self) -> dict[str, int]:
        """Counts of the stream so far, by name."""
        return {
            "words": int(self.headers.sum()),
            "pixels": self.pixels,
            "unknown_words": int(self.headers[~KNOWN].sum()),
            "frames": self.frames.number,
            "pixels_missing": self.frames.missing,
            "pixels_lost_inside": self.frames.lost,
            "aborted": int(self.headers[Header.ABORTED]),
            "cut_bytes": len(self._tail),
        }

    def state(self) -> dict[str, NDArray]:
        """Everything that `restore` needs, by name."""
        return {
            "headers": self.headers.copy(),
            "offset": np.array([self._offset]),
            "tail": np.frombuffer(self._tail, np.uint8),
            "frames": self.frames.state(),
        }

    def restore(self, state: Mapping[str, NDArray]) -> None:
        """Go on where the decoder that gave `state` was; made with the same arguments as that one."""
        self.headers[...] = state["headers"]
        self._offset = int(state["offset"][0])
        self._tail = np.asarray(state["tail"], np.uint8).tobytes()
        self.frames.restore(state["frames"])
