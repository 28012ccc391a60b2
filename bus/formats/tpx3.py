"""The decoder of Timepix3 streams: bytes in, tables out, in any split.

    decoder = Decoder()
    for piece in pieces:
        batch = decoder.feed(piece)       # batch.hits, batch.tdc, batch.counted, batch.control
    batch = decoder.flush()               # what still waited for a global time

Rows come in the order of the stream; packets are never put in order here (see `order` for the live path).
Whatever the bytes, nothing raises: damage, unknown words, losses are counted (`facts`). The same bytes give
the same rows however they are cut. `state` and `restore` carry a decoder over to another process at any point
between two calls.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from . import packets
from .absolute import PIXELS, TRIGGERS, Absolute
from .chunks import HEADERS, LEFT, RESYNCS, SKIPPED
from .clock import Clock, Fill
from .hits import NO_TIME, Control, Counted, Hits, Tdc
from .loss import Loss
from .splitter import Splitter
from .waiting import Part


@dataclass(frozen=True, slots=True)
class Batch:
    """What came out of one call."""

    hits: Hits
    tdc: Tdc
    counted: Counted
    control: Control

    @classmethod
    def concat(cls, batches: Iterable["Batch"]) -> "Batch":
        """Batches one after the other."""
        parts = list(batches)
        return cls(
            Hits.concat(part.hits for part in parts),
            Tdc.concat(part.tdc for part in parts),
            Counted.concat(part.counted for part in parts),
            Control.concat(part.control for part in parts),
        )


class Decoder:
    """Incremental decoder of one stream.

    chunked: True for `.tpx3` files and Serval raw streams, False for bare words (SPIDR datagrams, `.raw`).
    chip: the chip of all words of a bare stream.
    first_times: what `events.first_times` found in a whole file; nothing waits then. None, for a live stream:
    words wait for the first global time of their chip, up to a bound.
    """

    def __init__(
        self, *, chunked: bool = True, chip: int = 0, first_times: Mapping[int, int] | None = None
    ) -> None:
        self.splitter = Splitter(chunked=chunked, chip=chip)
        self.clock = Clock()
        self.loss = Loss()
        self.types = np.zeros(256, np.int64)
        """Payload words by top byte, waiting ones included."""
        self.unanchored = 0
        """Hits and triggers whose time rests on no global time."""
        self.invalid_tdc = 0
        """Triggers without a valid fine time; they have no time at all."""
        self._waiting: deque[Part] = deque()
        self._absolute = Absolute()
        if first_times is not None:
            self.clock.anchor(first_times)

    def feed(self, data: bytes | bytearray | memoryview) -> Batch:
        """Take the next bytes of the stream and return what is now decoded."""
        words, chips = self.splitter.feed(data)
        types = packets.types_of(words)
        self.types += np.bincount(types, minlength=256)
        at = np.flatnonzero(types == packets.PACKET_ID)
        self.loss.advance(chips[at], packets.field(words[at], 0, 48))
        start = self.clock.position
        references, fills = self.clock.advance(words, chips, types)
        self._waiting.append(Part(start, words, chips, types, references))
        return self._release(fills)

    def gap(self) -> None:
        """Say that bytes are missing before the next ones, as where a block of a log is damaged."""
        self.splitter.gap()

    def flush(self) -> Batch:
        """Let go what waits for a global time, at the end of a stream or exposure; feeding may go on."""
        return self._release(self.clock.release())

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
        words, chips, types = part.words, part.chips, part.types
        at = np.flatnonzero(types >> 4 == packets.PIXEL)
        short, references = packets.coarse30(words[at]), part.references[at]
        times, unanchored = self._absolute.times(PIXELS, chips[at], short, references)
        hits = packets.decode_pixels(words[at], chips[at], times)
        self.unanchored += unanchored

        at = np.flatnonzero(packets.IS_TDC[types])
        short, references = packets.field(words[at], 9, 35), part.references[at]
        times, unanchored = self._absolute.times(TRIGGERS, chips[at], short, references)
        tdc = packets.decode_tdc(words[at], chips[at], times)
        self.unanchored += unanchored
        self.invalid_tdc += int(np.count_nonzero(tdc.abs == NO_TIME))

        at = np.flatnonzero(types >> 4 == packets.PIXEL_COUNTED)
        counted = packets.decode_counted(words[at], chips[at])
        at = np.flatnonzero(packets.IS_CONTROL[types])
        return Batch(hits, tdc, counted, Control(chips[at], types[at], words[at]))

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
        walker = self.splitter.walker
        return {
            "words": self.clock.position,
            "chunks": int(walker[HEADERS]),
            "resyncs": int(walker[RESYNCS]),
            "skipped_words": int(walker[SKIPPED]),
            "unknown_words": int(self.types[~packets.KNOWN].sum()),
            "packets_lost": int(self.loss.lost(final=final).sum()),
            "packets_repeated": self.loss.repeated,
            "packet_ids_doubted": self.loss.doubted,
            "timer_resets": int(self.clock.tally[1] + self.clock.tally[2]),
            "stale_times": int(self.clock.tally[3]),
            "unanchored": self.unanchored,
            "invalid_tdc": self.invalid_tdc,
            "held_words": self.clock.position - self.clock.ready(),
            "cut_words": int(walker[LEFT]),
            "cut_bytes": len(self.splitter.tail),
        }

    def state(self) -> dict[str, NDArray]:
        """Everything that `restore` needs, as arrays that may go into a file."""
        parts: dict[str, dict[str, NDArray]] = {
            "splitter": self.splitter.state(),
            "clock": self.clock.state(),
            "loss": self.loss.state(),
            "absolute": self._absolute.state(),
            "waiting": Part.join(self._waiting).state(),
            "decoder": {
                "types": self.types.copy(),
                "numbers": np.array([self.unanchored, self.invalid_tdc], np.int64),
            },
        }
        return {f"{name}.{key}": array for name, part in parts.items() for key, array in part.items()}

    def restore(self, state: Mapping[str, NDArray]) -> None:
        """Go on where the decoder that gave `state` was; made with the same arguments as that one."""
        parts: dict[str, dict[str, NDArray]] = {}
        for name, array in state.items():
            part, _, key = name.partition(".")
            parts.setdefault(part, {})[key] = np.asarray(array)
        self.splitter.restore(parts["splitter"])
        self.clock.restore(parts["clock"])
        self.loss.restore(parts["loss"])
        self._absolute.restore(parts["absolute"])
        self._waiting = deque([Part.of(self.clock.ready(), parts["waiting"])])
        self.types[...] = parts["decoder"]["types"]
        self.unanchored, self.invalid_tdc = (int(number) for number in parts["decoder"]["numbers"])
