"""From the payload of a log block to hits on the detector, for each format of words."""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from ..bus.formats.katherine_setup import Setup
from ..bus.log.block import Format
from .kernels.decode import Decoder, Hits
from .kernels.katherine import KatherineDecoder
from .kernels.layout import QUAD, SINGLE, Layout


class Stream(Protocol):
    """Decodes the blocks of one source, in order; they may be cut between any two bytes."""

    @property
    def layout(self) -> Layout:
        """Where the chips are."""

    @property
    def lost(self) -> int | None:
        """Packets that the stream itself says are missing; None when it does not count."""

    @property
    def unknown_words(self) -> int:
        """Words that mean nothing."""

    def decode(self, payload: bytes | bytearray | memoryview) -> Hits:
        """Give the hits of the next bytes; valid until the next call."""

    def opened(self, facts: Mapping[str, Any]) -> None:
        """An exposure begins, with the facts of its BEGIN: what comes need not follow on what came."""

    def state(self) -> dict[str, np.ndarray]:
        """Give all that is needed to go on from here."""

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Go on from where `state` was taken."""


class Timepix3(Decoder):
    """Words of 8 bytes, in chunks (a quad of chips) or bare (one chip)."""

    def __init__(self, *, chunks: bool) -> None:
        super().__init__(QUAD if chunks else SINGLE, chunks=chunks)

    def opened(self, facts: Mapping[str, Any]) -> None:
        """Expect any packet counter."""
        self.resume()


class Katherine(KatherineDecoder):
    """Words of 6 bytes, by the setup that the run log tells."""

    @property
    def lost(self) -> int | None:
        """Nothing in the words tells before the end of a frame; the readout reports it in the log."""
        return None

    def opened(self, facts: Mapping[str, Any]) -> None:
        """An exposure begins; ValueError for facts that make no sense."""
        self.begin(Setup.of(facts))


def stream(format: int) -> Stream:
    """Make the decoder of a format; ValueError for one that holds no hits."""
    if format == Format.KATHERINE:
        return Katherine()
    if format in (Format.TPX3_CHUNKS, Format.TPX3_WORDS):
        return Timepix3(chunks=format == Format.TPX3_CHUNKS)
    raise ValueError(f"log blocks of format {format} hold no hits that this version can decode")
