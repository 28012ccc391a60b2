"""From the bytes of a Timepix3 stream, however cut, to its words and the chip of each."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from .chunks import LEFT, MAX_CHIPS, new_state, walk
from .packets import Chips, Words

UNIX_NS_TOP = (0x17, 0x18)
"""Top bytes of a Unix time in ns between 2022 and 2033; no packet has them."""


class Splitter:
    """Incremental; `chunked` streams name the chip in each chunk, in bare ones all words are of `chip`."""

    def __init__(self, *, chunked: bool = True, chip: int = 0) -> None:
        if not 0 <= chip < MAX_CHIPS:
            raise ValueError(f"chip {chip}: must be 0 to {MAX_CHIPS - 1}")
        self.chunked, self.chip = chunked, chip
        self.walker = new_state()
        """State of the chunk walker, see `chunks`."""
        self.tail = b""
        """Bytes of a word that is not whole yet."""
        self.started_ns = 0
        """Unix time in ns that bare files of newer pymepix begin with; 0 when not there."""
        self._begun = False

    def feed(self, data: bytes | bytearray | memoryview) -> tuple[Words, Chips]:
        """Take the next bytes; return the payload words now whole, uint64[n], and their chips, uint8[n]."""
        if self.tail:
            data = self.tail + bytes(data)
        whole = len(data) // 8
        self.tail = bytes(data[whole * 8 :])
        words = np.frombuffer(data, "<u8", whole)
        if self.chunked:
            chips = walk(words, self.walker)
            payload = chips >= 0
            return words[payload].astype(np.uint64, copy=False), chips[payload].astype(np.uint8)
        if whole and not self._begun:
            self._begun = True
            if int(words[0]) >> 56 in UNIX_NS_TOP:
                self.started_ns, words = int(words[0]), words[1:]
        # A copy, for the words may wait while the caller's buffer is used again.
        return words.astype(np.uint64), np.full(len(words), self.chip, np.uint8)

    def gap(self) -> None:
        """Bytes are missing here: what was begun will not be whole; go on at the next header."""
        self.tail = b""
        self.walker[LEFT] = 0

    def state(self) -> dict[str, NDArray]:
        """Everything that `restore` needs, by name."""
        numbers = np.array([self.started_ns, self._begun], np.int64)
        return {"walker": self.walker.copy(), "tail": np.frombuffer(self.tail, np.uint8), "numbers": numbers}

    def restore(self, state: Mapping[str, NDArray]) -> None:
        """Take up the state of another one that was made with the same arguments."""
        self.walker[...] = state["walker"]
        self.tail = np.asarray(state["tail"], np.uint8).tobytes()
        self.started_ns, self._begun = int(state["numbers"][0]), bool(state["numbers"][1])
