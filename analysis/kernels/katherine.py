"""Katherine's 48-bit words to hits on the detector, frame after frame.

Times begin anew with each frame. Here a frame follows on the newest hit before it, `BACK` later, so that the
times of a run never fall back and a gap between frames looks like a pause. What is promised is differences
inside a frame; in sequential read-out modulo 409.6 us (at 40 MHz). Bit layout and rules are those of
`bus.formats.katherine`, of which this is the fast twin.
"""

from collections.abc import Mapping

import numpy as np

from ...bus.formats.katherine_setup import Setup
from ...bus.formats.katherine_words import GENERATIONS, WORD_BYTES
from .decode import Hits
from .layout import SINGLE, TILES, Layout
from .words48 import UNKNOWN, decode48

_known = {number: generation.is_known.astype(np.int64) for number, generation in GENERATIONS.items()}


class KatherineDecoder:
    """Decodes one stream in pieces of any length."""

    def __init__(self) -> None:
        self._grow(1 << 12)
        self._state, self._tail = np.zeros(6, np.int64), b""
        self.setup = Setup()

    def _grow(self, words: int) -> None:
        narrow: list[np.ndarray] = [np.empty(words, np.uint16) for _ in range(4)]
        self._scratch: list[np.ndarray] = [np.empty(words, np.int64), *narrow, np.empty(words, np.uint8)]

    def begin(self, setup: Setup) -> None:
        """An exposure begins; a word that was cut off before it is left out. A frame may go on."""
        self.setup, self._tail = setup, b""

    @property
    def layout(self) -> Layout:
        """One chip, or the up to four of the second generation, whose places are not known."""
        return SINGLE if self.setup.generation == 1 else TILES

    @property
    def unknown_words(self) -> int:
        """Words with a header that has no public meaning."""
        return int(self._state[UNKNOWN])

    def decode(self, payload: bytes | bytearray | memoryview) -> Hits:
        """Give the hits of the next bytes of the stream.

        In the counting mode `tot` is the integral of ToT, `events` says how often the pixel was hit, and `t`
        is 0.
        """
        if self._tail:
            payload = self._tail + bytes(payload)
        whole = len(payload) // WORD_BYTES
        data = np.frombuffer(payload, np.uint8, whole * WORD_BYTES)
        self._tail = bytes(payload[whole * WORD_BYTES :])
        if whole > self._scratch[0].size:
            self._grow(whole)
        known = _known[self.setup.generation]
        n = decode48(data, self.setup.vector(), known, self.layout.table(), self._state, *self._scratch)
        t, x, y, tot, events, chip = (column[:n] for column in self._scratch)
        return Hits(t, x, y, tot, chip, None if self.setup.timed else events)

    def state(self) -> dict[str, np.ndarray]:
        """Give all that a decoder needs to go on from here."""
        return {
            "setup": self.setup.vector(),
            "state": self._state.copy(),
            "tail": np.frombuffer(self._tail, np.uint8),
        }

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Go on from where `state` was taken."""
        self.setup = Setup.of_vector(state["setup"])
        self._state, self._tail = state["state"].copy(), state["tail"].tobytes()
