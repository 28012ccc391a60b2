"""An exposure as the readout's log has it: hits in the order of the stream, triggers, and the clock."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...bus.formats.katherine import KatherineDecoder
from ...bus.formats.katherine_setup import Setup
from ...bus.formats.katherine_words import GENERATIONS
from ...bus.formats.tpx3 import Decoder
from ...bus.log.block import Format, Header, Kind, decode_facts
from ...bus.log.reader import open_run

Floats = NDArray[np.float64]
TICK_S = 1 / 640e6
UNIT_S = 1 / 3840e6
NEAR = 8
"""Hits before and behind a word without a time that tell when it came: the stream is not quite in order."""


@dataclass(frozen=True, slots=True)
class Triggers:
    """Edges on the trigger input, in order.

    early_s, late_s: when each came at the earliest and at the latest, detector time, s. place: hits of the
    exposure before it in the stream; -1: its time counts.
    """

    method: str
    early_s: Floats
    late_s: Floats
    place: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.place)


@dataclass(frozen=True, slots=True)
class Exposure:
    """Hits in the order of the stream, and when blocks came.

    t_s: detector time of each hit, s. clock: float64[blocks, 2], detector time of the last hit and monotonic
    time of arrival, s.
    """

    number: int
    begin_s: float
    end_s: float
    """Monotonic."""
    t_s: Floats
    x: NDArray[np.int64]
    y: NDArray[np.int64]
    triggers: Triggers
    clock: Floats


def exposures(folder: Path) -> Iterator[Exposure]:
    """Read the exposures of a run from the folder of a readout's log, one after the other."""
    decode: Tpx3 | Katherine | None = None
    opened: dict[str, Any] = {}
    begun: Header | None = None
    arrived: list[tuple[int, float]] = []
    for header, payload in open_run(folder):
        if header.kind == Kind.OPEN:
            opened = decode_facts(bytes(payload))
        elif header.kind == Kind.BEGIN:
            begun, arrived = header, []
            opened |= decode_facts(bytes(payload))
            if decode is not None:
                decode.begin(header.exposure, opened)
        elif header.kind == Kind.DATA:
            if decode is None:
                decode = Katherine() if header.format == Format.KATHERINE else Tpx3(header.format)
                decode.begin(header.exposure, opened)
            arrived.append((decode.feed(bytes(payload)), header.mono_last_ns * 1e-9))
        elif header.kind == Kind.END and begun is not None:
            t_s, x, y, triggers = (decode or Tpx3(Format.TPX3_CHUNKS)).taken()
            latest = np.maximum.accumulate(t_s)
            clock = [(float(latest[count - 1]), at_s) for count, at_s in arrived if count]
            times = (begun.mono_first_ns * 1e-9, header.mono_last_ns * 1e-9)
            yield Exposure(
                begun.exposure, *times, t_s, x, y, triggers, np.array(clock, np.float64).reshape(-1, 2)
            )
            begun = None


Hits = tuple[Floats, NDArray[np.int64], NDArray[np.int64], Triggers]


class Tpx3:
    """Decodes a Timepix3 stream; its timer runs through, so the decoder does."""

    def __init__(self, format: int) -> None:
        self._decoder = Decoder(chunked=format == Format.TPX3_CHUNKS)
        self._batches: list[Any] = []
        self._count = 0

    def begin(self, number: int, facts: dict[str, Any]) -> None:
        """An exposure begins."""
        self._decoder.gap()
        self._batches, self._count = [], 0

    def feed(self, payload: bytes) -> int:
        """Take words; return hits so far."""
        batch = self._decoder.feed(payload)
        self._batches.append(batch)
        self._count += len(batch.hits)
        return self._count

    def taken(self) -> Hits:
        """Everything of the exposure."""
        self._batches.append(self._decoder.flush())
        t = np.concatenate([batch.hits.t_unwrapped for batch in self._batches])
        x, y = (
            np.concatenate([getattr(b.hits, name) for b in self._batches]).astype(np.int64) for name in "xy"
        )
        units = np.concatenate([batch.tdc.units12[batch.tdc.type == 0x6F] for batch in self._batches])
        # Every chip sends its copy of an edge, and some words have no valid time.
        at_s = np.unique(units[units >= 0]) * UNIT_S
        return t * TICK_S, x, y, Triggers("tdc", at_s, at_s, np.full(len(at_s), -1))


class Katherine:
    """Decodes Katherine's words. Nothing is public of times in its trigger words: their place counts."""

    def begin(self, number: int, facts: dict[str, Any]) -> None:
        """An exposure begins."""
        setup = Setup.of(facts)
        if setup.sequential or not setup.timed:
            raise ValueError("frames and counting pixels have no times to join by: fly with data driven ToA")
        self._decoder = KatherineDecoder.of(setup)
        self._decoder.begin(number, setup)
        self._words = GENERATIONS[setup.generation].triggers
        self._batches: list[Any] = []
        self._count = 0

    def feed(self, payload: bytes) -> int:
        """Take words; return hits so far."""
        batch = self._decoder.feed(payload)
        self._batches.append(batch)
        self._count += len(batch.hits)
        return self._count

    def taken(self) -> Hits:
        """Everything of the exposure."""
        t_s = np.concatenate([batch.hits.t_unwrapped for batch in self._batches]) * TICK_S
        x, y = (
            np.concatenate([getattr(b.hits, name) for b in self._batches]).astype(np.int64) for name in "xy"
        )
        header, place = (
            np.concatenate([getattr(b.marks, name) for b in self._batches]) for name in ("header", "place")
        )
        place = place[header == self._words[0]]
        padded = np.concatenate([np.full(NEAR, -np.inf), t_s, np.full(NEAR, np.inf)])
        windows = np.lib.stride_tricks.sliding_window_view(padded, NEAR)
        early, late = windows[place].max(axis=1), windows[place + NEAR].min(axis=1)
        return t_s, x, y, Triggers("trigger words", np.minimum(early, late), np.maximum(early, late), place)
