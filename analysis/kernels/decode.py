"""Timepix3 words of the SPIDR readout, bare or in chunks, to hits on the detector.

Theory of operation. Every pixel word carries a time of 34 bits in ticks of 1.5625 ns, which turns over each
26.8 s. A hit gets the one full time that lies between `BACK` before and a turn less `BACK` after the word
before it, of whichever chip: the chips of a detector share their clock. Global-time words carry the reference
over pauses without hits. So time never steps back by more than `BACK`; a clock that was set back, or a
corrupt time, looks like a pause and spoils nothing after it. What is promised is differences of time inside a
run, not the date. Chunks may be cut between any two words; nothing here depends on the order of chunks.

Bit layout and the rules for damaged chunks are those of `bus.formats`, of which this is the fast twin.
"""

from collections.abc import Mapping

import numpy as np

from ...bus.formats.loss import Loss
from ...bus.formats.packets import KNOWN
from .layout import Layout
from .words import decode

_known = KNOWN.astype(np.int64)


class Hits:
    """Hits as columns of equal length, in the order in which they came.

    t: int64, ticks of 1.5625 ns; x, y: uint16, pixels of the whole detector; tot: uint16, counts of
    25 ns; chip: uint8. events: uint16, of pixels that only counted; they have no time (`t` is 0) and their
    `tot` is the sum of all. Views into the decoder's memory: valid until its next call, not to be written.
    """

    __slots__ = ("chip", "events", "t", "tot", "x", "y")

    def __init__(
        self,
        t: np.ndarray,
        x: np.ndarray,
        y: np.ndarray,
        tot: np.ndarray,
        chip: np.ndarray,
        events: np.ndarray | None = None,
    ) -> None:
        self.t, self.x, self.y, self.tot, self.chip, self.events = t, x, y, tot, chip, events

    def __len__(self) -> int:
        return int(self.t.size)


class Decoder:
    """Decodes one stream in pieces of any length."""

    def __init__(self, layout: Layout, *, chunks: bool) -> None:
        self.layout, self._places, self._chunks = layout, layout.table(), chunks
        self._grow(1 << 12)
        self.reset()

    def _grow(self, words: int) -> None:
        def room(dtype: type) -> np.ndarray:
            return np.empty(words, dtype)

        self._scratch = (
            room(np.int64),
            room(np.uint16),
            room(np.uint16),
            room(np.uint16),
            room(np.uint8),
            room(np.int64),
            room(np.uint8),
        )

    def reset(self) -> None:
        """Begin another stream."""
        self._state = np.array([0, 0 if self._chunks else -1, 0, 0], np.int64)
        self._tail = b""
        self._begun = self._chunks
        self._lost_before: int | None = None
        self._loss = Loss()
        self.tally = np.zeros(258, np.int64)
        """int64[258]: words by leading byte (hits are not counted here), then UNSYNCED and FOREIGN."""

    def decode(self, payload: bytes | bytearray | memoryview) -> Hits:
        """Give the hits of the next bytes of the stream."""
        if self._tail:
            payload = self._tail + bytes(payload)
        whole = len(payload) // 8
        words = np.frombuffer(payload, "<i8", whole)
        self._tail = bytes(payload[8 * whole :])
        if whole and not self._begun:
            self._begun = True
            if words[0] >> 56 in (0x17, 0x18):  # newer pymepix files begin with their creation time
                words = words[1:]
        if whole > self._scratch[0].size:
            self._grow(whole)
        n = decode(words, self._places, _known, self._state, self.tally, *self._scratch)
        t, x, y, tot, chip, counters, counted = self._scratch
        if packets := int(self._state[3]):
            self._loss.advance(counted[:packets], counters[:packets])
        return Hits(t[:n], x[:n], y[:n], tot[:n], chip[:n])

    def resume(self) -> None:
        """Expect any packet counter next: what was not recorded in a pause is not lost."""
        self._lost_before = self.lost
        self._loss = Loss()

    @property
    def lost(self) -> int | None:
        """Packets whose counter (word 0x50) did not come, of all chips; None when no packet had one."""
        if not self._loss.counted:
            return self._lost_before
        return (self._lost_before or 0) + int(self._loss.lost(final=True).sum())

    @property
    def unknown_words(self) -> int:
        """Words of no known type, outside a chunk, or of a chip that is not on this detector."""
        return int(self.tally.sum() - self.tally[:256][KNOWN].sum())

    def state(self) -> dict[str, np.ndarray]:
        """Give all that a decoder needs to go on from here."""
        lost = -1 if self._lost_before is None else self._lost_before
        own: dict[str, np.ndarray] = {
            "state": self._state.copy(),
            "tally": self.tally.copy(),
            "tail": np.frombuffer(self._tail, np.uint8),
            "own": np.array([self._begun, lost], np.int64),
        }
        return {**own, **{f"loss.{name}": array for name, array in self._loss.state().items()}}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Go on from where `state` was taken."""
        self._state, self.tally = state["state"].copy(), state["tally"].copy()
        self._tail = state["tail"].tobytes()
        self._begun, lost = bool(state["own"][0]), int(state["own"][1])
        self._lost_before = None if lost < 0 else lost
        self._loss = Loss()
        self._loss.restore({name[5:]: array for name, array in state.items() if name.startswith("loss.")})
