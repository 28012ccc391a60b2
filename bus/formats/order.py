"""Chunks of a live stream back in the order of their packet counters.

Datagrams overtake one another on their way to the readout, by two places in what was measured. Per chip a
chunk that is ahead waits for the ones before it, until WINDOW chunks of the chip wait; then those are given
up (they may still come, and pass at once). Chunks without a counter pass at once, and so does anything
between chunks. Chips do not wait for one another. Recorded files are decoded as they are, never through this.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from .chunks import LEFT, MAX_CHIPS, is_header, new_state, walk
from .packets import PACKET_ID, field, types_of

WINDOW = 16
"""Chunks of a chip. Larger: a lost chunk holds up those behind it for longer. Smaller: less disorder is
mended."""


class Order:
    """Incremental: chunk stream in, any split; chunk stream out."""

    def __init__(self) -> None:
        self._carry = b""
        self._next = np.full(MAX_CHIPS, -1, np.int64)
        self._ahead: list[dict[int, bytes]] = [{} for _ in range(MAX_CHIPS)]

    def feed(self, data: bytes | bytearray | memoryview) -> bytes:
        """Take the next bytes; return what is now in order."""
        data = self._carry + bytes(data)
        words = np.frombuffer(data, "<u8", len(data) // 8)
        # A chunk not yet whole is kept and walked again, so every walk begins where a header is due.
        walker = new_state()
        chips = walk(words, walker)
        starts = np.flatnonzero(is_header(words) & (chips < 0))
        end = len(words)
        if walker[LEFT]:
            end, starts = int(starts[-1]), starts[:-1]
        self._carry = data[end * 8 :]
        first = int(starts[0]) if len(starts) else end
        out = [data[: first * 8]]
        payload = np.minimum(starts + 1, len(words) - 1)
        counted = (types_of(words[payload]) == PACKET_ID) & (chips[payload] >= 0)
        for start, stop, chip, counter in zip(
            starts.tolist(),
            [*starts[1:].tolist(), end],
            field(words[starts], 32, 8).tolist(),
            np.where(counted, field(words[payload], 0, 48), -1).tolist(),
            strict=False,  # a stop too many when there is no start
        ):
            self._take(data[start * 8 : stop * 8], chip, counter, out)
        return b"".join(out)

    def flush(self) -> bytes:
        """Let go everything that waits, in order, and what there is of a chunk not yet whole."""
        out: list[bytes] = []
        for chip in range(MAX_CHIPS):
            self._drain(chip, 0, out)
        out.append(self._carry)
        self._carry = b""
        return b"".join(out)

    def _take(self, chunk: bytes, chip: int, counter: int, out: list[bytes]) -> None:
        """Pass a chunk on or let it wait; counter -1: it has none."""
        if counter < 0:
            out.append(chunk)
            return
        expected = int(self._next[chip])
        if expected < 0:
            # Counters begin at 0: a stream that begins near it lacks its first chunks for now.
            expected = 0 if counter <= WINDOW else counter
        if abs(counter - expected) > WINDOW:
            self._drain(chip, 0, out)
            expected = counter
        self._next[chip] = expected
        if counter < expected or counter in self._ahead[chip]:
            out.append(chunk)
            return
        self._ahead[chip][counter] = chunk
        self._drain(chip, WINDOW, out)

    def _drain(self, chip: int, most: int, out: list[bytes]) -> None:
        """Pass on what is in turn, and more until less than `most` wait (0: all)."""
        ahead = self._ahead[chip]
        while ahead:
            lowest = min(ahead)
            if lowest != self._next[chip] and len(ahead) < most:
                return
            out.append(ahead.pop(lowest))
            self._next[chip] = lowest + 1

    def state(self) -> dict[str, NDArray]:
        """Everything that `restore` needs, by name."""
        waiting = [
            (chip, counter, chunk)
            for chip in range(MAX_CHIPS)
            for counter, chunk in self._ahead[chip].items()
        ]
        return {
            "carry": np.frombuffer(self._carry, np.uint8),
            "next": self._next.copy(),
            "ahead": np.array(
                [(chip, counter, len(chunk)) for chip, counter, chunk in waiting], np.int64
            ).reshape(-1, 3),
            "chunks": np.frombuffer(b"".join(chunk for *_, chunk in waiting), np.uint8),
        }

    def restore(self, state: Mapping[str, NDArray]) -> None:
        """Take up the state of another one."""
        self._carry = np.asarray(state["carry"], np.uint8).tobytes()
        self._next[...] = state["next"]
        self._ahead = [{} for _ in range(MAX_CHIPS)]
        chunks, at = np.asarray(state["chunks"], np.uint8).tobytes(), 0
        for chip, counter, length in np.asarray(state["ahead"]).tolist():
            self._ahead[chip][counter] = chunks[at : at + length]
            at += length
