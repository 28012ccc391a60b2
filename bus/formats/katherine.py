"""The decoder of Katherine streams of both generations: 48-bit words in, tables and frames out, in any split.

A pixel's 14 bits of time are extended by the last offset word; with begin and end of a frame it is 0. In
sequential read-out there are none, and times are known modulo `Setup.period` (409.6 us at 40 MHz) only: they
are given as numbers from 0 up to that, nothing is added. The stream has no sequence numbers: what the network
lost shows at the end of a frame, by the count that the readout gives (`Frame.missing`). The lost word of an
offset shifts the hits behind it, and nothing can tell. Nor is there any framing: bytes lost out of the middle
of a word turn everything behind them into other words. Datagrams hold whole words, so this takes a damaged
file; what remains of a word at the end, at a gap or between two exposures is left out and counted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from .frames import Frame, Frames
from .hits import TICKS_PER_COARSE, Counted, Hits, Table
from .katherine_setup import Setup
from .katherine_words import (
    GENERATIONS,
    WORD_BYTES,
    Header,
    Mode,
    from_bytes,
    headers_of,
    pixel_fields,
)
from .packets import Words, field
from .times import Ints

SETS_OFFSET = np.isin(np.arange(16), (Header.OFFSET, Header.NEW_FRAME, Header.FINISHED, Header.ABORTED))
"""bool[16]: headers after which another offset holds."""


@dataclass(frozen=True, slots=True, eq=False)
class Marks(Table):
    """Every word that is neither pixel nor offset, as it came: marks of frames, triggers, unknown ones."""

    DTYPES: ClassVar[dict[str, str]] = {"header": "u1", "value": "<u8", "place": "<i8", "frame": "<i8"}

    header: NDArray[np.uint8]
    value: NDArray[np.uint64]
    """44 bits."""
    place: NDArray[np.int64]
    """Pixels of the stream before it."""
    frame: NDArray[np.int64]
    """Frame that had begun last, itself included; 0 before the first."""


@dataclass(frozen=True, slots=True)
class KatherineBatch:
    """What came out of one call; `hits` in the modes with a time, `counted` in the other."""

    hits: Hits
    """`spidr` holds the low 16 bits of the offset, which has the same step: 409.6 us at 40 MHz."""
    counted: Counted
    hit_count: NDArray[np.uint8]
    """Of each of `hits`; 0 where the fast oscillator is on, for the fine time is there then."""
    frame: NDArray[np.int64]
    """Frame of each pixel: 1, 2, ..."""
    marks: Marks
    frames: list[Frame]
    """Frames that ended."""


class KatherineDecoder:
    """Incremental decoder of one stream; the arguments are those of `Setup`.

    chip: number for the column `chip` in the first generation, whose words do not name it.
    """

    def __init__(
        self,
        mode: Mode = Mode.TOA_TOT,
        *,
        fast: bool = True,
        chip: int = 0,
        coarse_ticks: int = TICKS_PER_COARSE,
        phases: int = 1,
        generation: int = 1,
        sequential: bool = False,
    ) -> None:
        self.setup = Setup(Mode(mode), fast, generation, coarse_ticks, phases, sequential)
        self.chip = chip
        self.headers = np.zeros(16, np.int64)
        """Words by header."""
        self.frames = Frames()
        self.pixels = 0
        """Pixels seen."""
        self._triggers = self._unknown = 0
        self._offset = self._cut = 0
        self._tail = b""

    @classmethod
    def of(cls, setup: Setup) -> "KatherineDecoder":
        """A decoder of a readout that is set up so."""
        decoder = cls()
        decoder.setup = setup
        return decoder

    def begin(self, exposure: int, setup: Setup | None = None) -> None:
        """Say that what comes belongs to another exposure, for which the readout may be set up otherwise.

        A frame that is still open goes on, for it may be an exposure that was cut in two.
        """
        self.gap()
        self.frames.exposure = exposure
        self.setup = setup or self.setup

    def feed(self, data: bytes | bytearray | memoryview) -> KatherineBatch:
        """Take the next bytes and return what is in them."""
        if self._tail:
            data = self._tail + bytes(data)
        words = from_bytes(data)
        self._tail = bytes(data[len(words) * WORD_BYTES :])
        headers = headers_of(words)
        generation = GENERATIONS[self.setup.generation]
        is_pixel = generation.is_pixel[headers]
        before = self.pixels + np.cumsum(is_pixel) - is_pixel
        begins = self.frames.begins(headers, is_pixel)
        numbers = self.frames.number + np.cumsum(begins)
        offsets = self._offsets(words, headers)
        values = words & np.uint64((1 << 44) - 1)

        is_mark = ~is_pixel & (headers != Header.OFFSET)
        at = np.flatnonzero(is_mark)
        marks = Marks(headers[at], values[at], before[at], numbers[at])
        at = np.flatnonzero(is_mark | begins)
        frames = self.frames.advance(headers[at], values[at], before[at], begins[at])
        at = np.flatnonzero(is_pixel)
        hits, counted, hit_count = self._pixels(words[at], headers[at], offsets[at])

        tally = np.bincount(headers, minlength=16)
        self.headers += tally
        self.pixels += len(at)
        self._triggers += int(tally[generation.is_trigger].sum())
        self._unknown += int(tally[~generation.is_known].sum())
        return KatherineBatch(hits, counted, hit_count, numbers[at], marks, frames)

    def gap(self) -> None:
        """Say that bytes are missing before the next ones; an incomplete word is left out."""
        self._cut += len(self._tail)
        self._tail = b""

    def flush(self) -> list[Frame]:
        """The frame that is still open, if any, at the end of a stream."""
        return self.frames.close(self.pixels)

    def _offsets(self, words: Words, headers: NDArray[np.uint8]) -> Ints:
        """The offset that holds for each word."""
        sets = np.flatnonzero(SETS_OFFSET[headers])
        given = np.where(headers[sets] == Header.OFFSET, field(words[sets], 0, 32), 0)
        values = np.concatenate(([self._offset], given))
        self._offset = int(values[-1])
        held: Ints = values[np.searchsorted(sets, np.arange(len(words)), "right")]
        return held

    def _pixels(
        self, words: Words, headers: NDArray[np.uint8], offsets: Ints
    ) -> tuple[Hits, Counted, NDArray[np.uint8]]:
        setup = self.setup
        x, y, high, middle, low = pixel_fields(words)
        # Pixels of the second generation have their chip for a header.
        chips = headers if setup.generation == 2 else np.full(len(words), self.chip, np.uint8)
        low8, zeros8 = low.astype(np.uint8), np.zeros(len(words), np.uint8)
        if not setup.timed:
            itot, events = high.astype(np.uint16), middle.astype(np.uint16)
            counted = Counted(chips, x, y, itot, events, low8, np.zeros(len(words), np.uint16))
            return Hits.empty(), counted, np.empty(0, np.uint8)
        fine = low if setup.fast else np.zeros_like(low)
        tot = middle if setup.mode is Mode.TOA_TOT else np.zeros_like(middle)
        hits = Hits(
            chip=chips,
            x=x,
            y=y,
            toa=high.astype(np.uint16),
            tot=tot.astype(np.uint16),
            ftoa=fine.astype(np.uint8),
            spidr=(offsets & 0xFFFF).astype(np.uint16),
            t_unwrapped=times(setup, offsets, high, fine, x),
        )
        return hits, Counted.empty(), zeros8 if setup.fast else low8

    def facts(self) -> dict[str, int]:
        """Counts of the stream so far, by name."""
        return {
            "words": int(self.headers.sum()),
            "pixels": self.pixels,
            "trigger_words": self._triggers,
            "unknown_words": self._unknown,
            "frames": self.frames.number,
            "frames_unannounced": self.frames.unannounced,
            "ends_stray": self.frames.stray,
            "pixels_missing": self.frames.missing,
            "pixels_surplus": self.frames.surplus,
            "pixels_lost_inside": self.frames.lost,
            "aborted": int(self.headers[Header.ABORTED]),
            "cut_bytes": self._cut + len(self._tail),
        }

    def state(self) -> dict[str, NDArray]:
        """Everything that `restore` needs, by name."""
        numbers = [self.pixels, self._triggers, self._unknown, self._offset, self._cut]
        return {
            "setup": self.setup.vector(),
            "headers": self.headers.copy(),
            "numbers": np.array(numbers, np.int64),
            "tail": np.frombuffer(self._tail, np.uint8),
            "frames": self.frames.state(),
        }

    def restore(self, state: Mapping[str, NDArray]) -> None:
        """Go on where the decoder that gave `state` was; made with the same `chip` as that one."""
        self.setup = Setup.of_vector(state["setup"])
        self.headers[...] = state["headers"]
        self.pixels, self._triggers, self._unknown, self._offset, self._cut = state["numbers"].tolist()
        self._tail = np.asarray(state["tail"], np.uint8).tobytes()
        self.frames.restore(state["frames"])


def times(setup: Setup, offsets: Ints, toa: Ints, fine: Ints, x: NDArray[np.uint8]) -> Ints:
    """Ticks of 1.5625 ns, int64[n]; the fine time is subtracted, the phase of the column's clock added.

    With n phases double column c = x >> 1 counts (c mod n) n-ths of a step late (measured for the development
    version of libkatherine). offsets, toa: steps of the pixel clock, of 2**14 and of 1; fine: ticks.
    """
    phase = (x.astype(np.int64) >> 1) % setup.phases * (setup.coarse_ticks // setup.phases)
    ticks: Ints = ((offsets << 14) + toa) * setup.coarse_ticks - fine + phase
    return ticks % setup.period if setup.sequential else ticks
