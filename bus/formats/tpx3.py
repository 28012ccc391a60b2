"""The decoder of Timepix3 streams: bytes in, tables out, in any split.

    decoder = Decoder()
    for piece in pieces:
        batch = decoder.feed(piece)       # batch.hits, batch.tdc, batch.counted, batch.control
    batch = decoder.flush()               # what still waited for a global time

Rows come in the order of the stream; never are packets put in order here (see `order` for the live path).
Whatever the bytes, nothing raises: damage, unknown words and losses are counted (`decoder.facts()`).
The same bytes give the same rows however they are cut. `state()` and `restore()` carry a decoder over to
another process at any point between two calls.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from . import packets
from .absolute import PIXELS, TRIGGERS, Absolute
from .chunks import HEADERS, LEFT, MAX_CHIPS, RESYNCS, SKIPPED, new_state, walk
from .clock import Clock, Fill
from .hits import NO_TIME, Control, Counted, Hits, Tdc
from .loss import Loss
from .packets import Chips, Words
from .times import Ints
from .waiting import Part


@dataclass(frozen=True, slots=True)
class Batch:
    """What came out of one call."""

    hits: Hits
    tdc: Tdc
    counted: Counted
    control: Control


@dataclass(frozen=True, slots=True)
class Kernels:
    """The inner loops, so that compiled twins can stand in for them; equal to these bit for bit."""

    split: Callable[[Words, Ints], tuple[Words, Chips]]
    """(words uint64[n], walker's state int64[6], brought forward) -> payload words and the chip of each."""
    pixels: Callable[[Words, Chips, Ints], Hits]
    """(pixel words uint64[n], chips uint8[n], absolute coarse time int64[n] in 25 ns) -> hits."""


def split(words: Words, state: Ints) -> tuple[Words, Chips]:
    """Payload words of a piece of a chunk stream, uint64[m], and the chip of each, uint8[m]."""
    chips = walk(words, state)
    payload = chips >= 0
    return words[payload], chips[payload].astype(np.uint8)


NUMPY = Kernels(split, packets.decode_pixels)


class Decoder:
    """Incremental decoder of one stream.

    chunked: True for `.tpx3` files and Serval raw streams, False for bare words (SPIDR datagrams, `.raw`).
    chip: the chip of all words of a bare stream.
    first_times: each chip's first global time in steps of 25 ns, for files that were looked through
    beforehand (`first_times`); nothing waits then. None: words wait for it, up to a bound.
    kernels: compiled inner loops in place of the numpy ones.
    """

    def __init__(
        self,
        *,
        chunked: bool = True,
        chip: int = 0,
        first_times: Mapping[int, int] | None = None,
        kernels: Kernels = NUMPY,
    ) -> None:
        if not 0 <= chip < MAX_CHIPS:
            raise ValueError(f"chip {chip}: must be 0 to {MAX_CHIPS - 1}")
        self.chunked, self.chip, self.kernels = chunked, chip, kernels
        self.clock = Clock()
        self.loss = Loss()
        self.walker = new_state()
        self.types = np.zeros(256, np.int64)
        """Payload words by top byte, waiting ones included."""
        self.started_ns = 0
        """Unix time in ns that some bare-word files begin with; 0 when not there."""
        self.unanchored = 0
        """Hits and triggers whose time rests on no global time."""
        self.invalid_tdc = 0
        """Triggers without a valid fine time; they have no time at all."""
        self._tail = b""
        self._waiting: deque[Part] = deque()
        self._absolute = Absolute()
        if first_times is not None:
            self.clock.anchor(first_times)

    def feed(self, data: bytes | bytearray | memoryview) -> Batch:
        """Take the next bytes of the stream and return what is now decoded."""
        if self._tail:
            data = self._tail + bytes(data)
        whole = len(data) // 8 * 8
        self._tail = bytes(data[whole:])
        words = np.frombuffer(data, "<u8", whole // 8).astype(np.uint64, copy=False)
        if self.chunked:
            words, chips = self.kernels.split(words, self.walker)
        else:
            words = self._without_start(words).copy()
            chips = np.full(len(words), self.chip, np.uint8)
        types = packets.types_of(words)
        self.types += np.bincount(types, minlength=256)
        ids = np.flatnonzero(types == packets.PACKET_ID)
        self.loss.advance(chips[ids], packets.field(words[ids], 0, 48))
        start = self.clock.position
        references, fills = self.clock.advance(words, chips, types)
        self._waiting.append(Part(start, words, chips, types, references))
        return self._release(fills)

    def flush(self) -> Batch:
        """Let go what waits for a global time, at the end of a stream or exposure; feeding may go on."""
        return self._release(self.clock.release())

    def _without_start(self, words: Words) -> Words:
        """Keep the creation time that newer pymepix puts first: Unix ns, whose top byte no packet has."""
        first = not self.clock.position and not self.started_ns and len(words) > 0
        if first and int(words[0]) >> 56 in (0x17, 0x18):
            self.started_ns = int(words[0])
            return words[1:]
        return words

    def _release(self, fills: Iterable[Fill]) -> Batch:
        for fill in fills:
            for part in self._waiting:
                part.fill(fill)
        ready, free = self.clock.ready(), []
        while self._waiting and self._waiting[0].stop <= ready:
            free.append(self._waiting.popleft())
        if self._waiting and self._waiting[0].start < ready:
            head, self._waiting[0] = self._waiting[0].cut(ready)
            free.append(head)
        return self._decode(free[0] if len(free) == 1 else Part.join(free))

    def _decode(self, part: Part) -> Batch:
        words, chips, kinds = part.words, part.chips, part.types >> 4
        at = np.flatnonzero(kinds == packets.PIXEL)
        times, unanchored = self._absolute.times(
            PIXELS, chips[at], packets.coarse30(words[at]), part.references[at]
        )
        hits = self.kernels.pixels(words[at], chips[at], times)
        at = np.flatnonzero(packets.IS_TDC[part.types])
        times, more = self._absolute.times(
            TRIGGERS, chips[at], packets.field(words[at], 9, 35), part.references[at]
        )
        tdc = packets.decode_tdc(words[at], chips[at], times)
        self.unanchored += unanchored + more
        self.invalid_tdc += int(np.count_nonzero(tdc.abs == NO_TIME))
        at = np.flatnonzero(kinds == packets.PIXEL_COUNTED)
        counted = packets.decode_counted(words[at], chips[at])
        at = np.flatnonzero(packets.IS_CONTROL[part.types])
        return Batch(hits, tdc, counted, Control(chips[at], part.types[at], words[at]))

    @property
    def held(self) -> int:
        """Words that wait for a global time."""
        return self.clock.position - self.clock.ready()

    def packets_by_type(self) -> dict[int, int]:
        """Words seen by top byte; the sixteen of pixels under 0xB0, of sequential pixels under 0xA0."""
        folded = self.types.copy()
        for nibble in (packets.PIXEL, packets.PIXEL_COUNTED):
            rest = slice((nibble << 4) + 1, (nibble + 1) << 4)
            folded[nibble << 4] += folded[rest].sum()
            folded[rest] = 0
        return {int(kind): int(folded[kind]) for kind in np.flatnonzero(folded)}

    def facts(self, *, final: bool = True) -> dict[str, int]:
        """Counts of the stream so far, by name; `final`: no more will come, so open gaps are losses."""
        return {
            "words": self.clock.position,
            "chunks": int(self.walker[HEADERS]),
            "resyncs": int(self.walker[RESYNCS]),
            "skipped_words": int(self.walker[SKIPPED]),
            "unknown_words": int(self.types[~packets.KNOWN].sum()),
            "packets_lost": int(self.loss.lost(final=final).sum()),
            "packets_repeated": self.loss.repeated,
            "packet_ids_doubted": self.loss.doubted,
            "timer_resets": int(self.clock.tally[1] + self.clock.tally[2]),
            "stale_times": int(self.clock.tally[3]),
            "unanchored": self.unanchored,
            "invalid_tdc": self.invalid_tdc,
            "held_words": self.held,
            "cut_bytes": len(self._tail),
            "cut_words": int(self.walker[LEFT]),
        }

    def state(self) -> dict[str, NDArray]:
        """Everything that `restore` needs, as arrays that may go into a file."""
        own = {
            "walker": self.walker.copy(),
            "types": self.types.copy(),
            "tail": np.frombuffer(self._tail, np.uint8),
            "own": np.array([self.started_ns, self.unanchored, self.invalid_tdc]),
        }
        parts: dict[str, dict[str, NDArray]] = {
            "clock": self.clock.state(),
            "loss": self.loss.state(),
            "absolute": self._absolute.state(),
            "waiting": Part.join(self._waiting).state(),
        }
        return own | {f"{name}.{key}": array for name, part in parts.items() for key, array in part.items()}

    def restore(self, state: Mapping[str, NDArray]) -> None:
        """Go on where the decoder that gave `state` was; made with the same arguments as that one."""

        def of(name: str) -> dict[str, NDArray]:
            return {
                key.partition(".")[2]: np.asarray(v) for key, v in state.items() if key.startswith(f"{name}.")
            }

        self.walker[...], self.types[...] = state["walker"], state["types"]
        self._tail = np.asarray(state["tail"], np.uint8).tobytes()
        self.started_ns, self.unanchored, self.invalid_tdc = (int(value) for value in state["own"])
        self.clock.restore(of("clock"))
        self.loss.restore(of("loss"))
        self._absolute.restore(of("absolute"))
        self._waiting = deque([Part.of(self.clock.ready(), of("waiting"))])
