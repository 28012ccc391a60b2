"""From the payload of a log block to hits on the detector, for each format of words."""

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from ..bus.formats.katherine import KatherineDecoder
from ..bus.log.block import Format
from .kernels.decode import Decoder, Hits
from .kernels.layout import QUAD, SINGLE, Layout
from .kernels.words import BACK


class Stream(Protocol):
    """Decodes the blocks of one source, in order; they may be cut between any two bytes."""

    layout: Layout

    @property
    def lost(self) -> int | None:
        """Packets that the stream itself says are missing; None when it does not count."""

    @property
    def unknown_words(self) -> int:
        """Words that mean nothing."""

    def decode(self, payload: bytes | bytearray | memoryview) -> Hits:
        """Give the hits of the next bytes; valid until the next call."""

    def resume(self) -> None:
        """What comes next need not follow on the last packet."""

    def state(self) -> dict[str, np.ndarray]:
        """Give all that is needed to go on from here."""

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Go on from where `state` was taken."""


class Timepix3(Decoder):
    """Words of 8 bytes, in chunks (a quad of chips) or bare (one chip)."""

    def __init__(self, *, chunks: bool) -> None:
        self.layout = QUAD if chunks else SINGLE
        super().__init__(self.layout, chunks=chunks)


class Katherine:
    """Words of 6 bytes. Each frame begins at time 0; here it follows on the frame before."""

    def __init__(self) -> None:
        self.layout = SINGLE
        self._decoder = KatherineDecoder()
        self._base, self._newest, self._frame = 0, 0, 0

    @property
    def lost(self) -> int | None:
        """Nothing in the words tells before the end of a frame; the readout reports it in the log."""
        return None

    @property
    def unknown_words(self) -> int:
        """Words with a header that has no public meaning."""
        return self._decoder.facts()["unknown_words"]

    def decode(self, payload: bytes | bytearray | memoryview) -> Hits:
        """Give the hits of the next bytes."""
        batch = self._decoder.feed(payload)
        hits, t = batch.hits, batch.hits.t_unwrapped.copy()
        for frame in np.unique(batch.frame).tolist():
            here = batch.frame == frame
            if frame != self._frame:
                self._frame, self._base = frame, self._newest + BACK
            t[here] += self._base
            self._newest = max(self._newest, int(t[here].max()))
        return Hits(t, hits.x.astype(np.uint16), hits.y.astype(np.uint16), hits.tot, hits.chip)

    def resume(self) -> None:
        """Nothing to do: there is no packet counter."""

    def state(self) -> dict[str, np.ndarray]:
        """Give all that is needed to go on from here."""
        return {**self._decoder.state(), "times": np.array([self._base, self._newest, self._frame], np.int64)}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Go on from where `state` was taken."""
        self._decoder.restore(state)
        self._base, self._newest, self._frame = state["times"].tolist()


def stream(format: int) -> Stream:
    """Make the decoder of a format; ValueError for one that holds no hits."""
    if format == Format.KATHERINE:
        return Katherine()
    if format in (Format.TPX3_CHUNKS, Format.TPX3_WORDS):
        return Timepix3(chunks=format == Format.TPX3_CHUNKS)
    raise ValueError(f"log blocks of format {format} hold no hits that this version can decode")
