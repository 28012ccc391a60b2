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

from ...bus.formats.chunks import MAGIC, MAX_CHIPS
from ...bus.formats.hits import T_MODULUS
from ...bus.formats.loss import Loss
from ...bus.formats.packets import GLOBAL_LOW, KNOWN, PACKET_ID
from .jit import i8, kernel, table, u1, u2, vector
from .layout import Layout

BACK = 1 << 26
"""Ticks, 105 ms. Larger: a corrupt time makes more of the following hits late. Smaller: chips or packets that
arrive further apart than this are taken for a turn of the clock. The largest seen in recordings is 1.2 ms."""

UNSYNCED = 256
"""Tally of words where a chunk's header was due."""
FOREIGN = 257
"""Tally of hits of a chip that the layout does not have."""

_known = KNOWN.astype(np.int64)


@kernel(i8(i8))
def _header(word):  # type: ignore[no-untyped-def]
    """Say whether a word can be a chunk's header: whole words of a chip that can exist."""
    return word & 0xFFFFFFFF == MAGIC and (word >> 48) & 7 == 0 and (word >> 32) & 0xFF < MAX_CHIPS


@kernel(i8(vector(i8, writable=False), table(i8, writable=False), vector(i8, writable=False), vector(i8),
           vector(i8), vector(i8), vector(u2), vector(u2), vector(u2), vector(u1), vector(i8), vector(u1)))
def _decode(words, places, known, state, tally, t, x, y, tot, chips,  # type: ignore[no-untyped-def]
            counters, counted):
    """state: chip, words left in its chunk (negative: no chunks), last time, packet counters found.

    counters, counted: packet counters (48 bits) and the chip of each.
    """
    chip, left, reference = state[0], state[1], state[2]
    n, i, packets = np.uint64(0), 0, np.uint64(0)
    while i < words.size:
        if left == 0:
            word = words[i]
            i += 1
            if _header(word):
                chip, left = (word >> 32) & 0xFF, (word >> 51) & 0x1FFF
            else:
                tally[UNSYNCED] += 1
            continue
        end = words.size if left < 0 else min(words.size, i + left)
        start, chunk = i, left
        i, left = end, left - (end - start) if left > 0 else left
        here = chip < places.shape[0]
        place = places[chip if here else 0]
        for j in range(start, end):
            word = words[np.uint64(j)]
            kind = (word >> 56) & 0xFF
            if kind >> 4 == 0xB:
                if not here:
                    tally[FOREIGN] += 1
                    continue
                raw = ((((word & 0xFFFF) << 14) | ((word >> 30) & 0x3FFF)) << 4) - ((word >> 16) & 0xF)
                reference += ((raw - reference + BACK) & (T_MODULUS - 1)) - BACK
                px = ((word >> 52) & 0xFE) | ((word >> 46) & 1)
                py = ((word >> 45) & 0xFC) | ((word >> 44) & 3)
                t[n] = reference
                x[n] = place[0] + place[1] * px + place[2] * py
                y[n] = place[3] + place[4] * px + place[5] * py
                tot[n] = (word >> 20) & 0x3FF
                chips[n] = chip
                n += np.uint64(1)
                continue
            if chunk > 0 and not known[kind] and (word >> 40) & 0xFF == 0 and _header(word):
                i, left = j, 0  # a damaged size would give the chunks behind it to this chip
                break
            tally[kind] += 1
            if kind == GLOBAL_LOW:
                raw = ((word >> 16) & 0x3FFFFFFF) << 4
                reference += ((raw - reference + BACK) & (T_MODULUS - 1)) - BACK
            elif kind == PACKET_ID:
                counters[packets], counted[packets] = word & 0xFFFFFFFFFFFF, chip
                packets += np.uint64(1)
    state[0], state[1], state[2], state[3] = chip, left, reference, np.int64(packets)
    return np.int64(n)


class Hits:
    """Hits as columns of equal length, in the order in which they came.

    t: int64, ticks of 1.5625 ns; x, y: uint16, pixels of the whole detector; tot: uint16, counts of
    25 ns; chip: uint8. Views into the decoder's memory: valid until its next call, not to be written.
    """

    __slots__ = ("chip", "t", "tot", "x", "y")

    def __init__(self, t: np.ndarray, x: np.ndarray, y: np.ndarray, tot: np.ndarray,
                 chip: np.ndarray) -> None:
        self.t, self.x, self.y, self.tot, self.chip = t, x, y, tot, chip

    def __len__(self) -> int:
        return int(self.t.size)


class Decoder:
    """Decodes one stream in pieces of any length."""

    def __init__(self, layout: Layout, *, chunks: bool) -> None:
        self._places, self._chunks = layout.table(), chunks
        self._grow(1 << 12)
        self.reset()

    def _grow(self, words: int) -> None:
        def room(dtype: type) -> np.ndarray:
            return np.empty(words, dtype)

        self._scratch = (room(np.int64), room(np.uint16), room(np.uint16), room(np.uint16), room(np.uint8),
                         room(np.int64), room(np.uint8))

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
        self._tail = bytes(payload[8 * whole:])
        if whole and not self._begun:
            self._begun = True
            if words[0] >> 56 in (0x17, 0x18):  # newer pymepix files begin with their creation time
                words = words[1:]
        if whole > self._scratch[0].size:
            self._grow(whole)
        n = _decode(words, self._places, _known, self._state, self.tally, *self._scratch)
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
        own: dict[str, np.ndarray] = {"state": self._state.copy(), "tally": self.tally.copy(),
               "tail": np.frombuffer(self._tail, np.uint8),
               "own": np.array([self._begun, lost], np.int64)}
        return {**own, **{f"loss.{name}": array for name, array in self._loss.state().items()}}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Go on from where `state` was taken."""
        self._state, self.tally = state["state"].copy(), state["tally"].copy()
        self._tail = state["tail"].tobytes()
        self._begun, lost = bool(state["own"][0]), int(state["own"][1])
        self._lost_before = None if lost < 0 else lost
        self._loss = Loss()
        self._loss.restore({name[5:]: array for name, array in state.items() if name.startswith("loss.")})
