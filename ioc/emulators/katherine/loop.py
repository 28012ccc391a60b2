"""A prepared stretch of a Katherine's stream, sent again and again with advancing time: the full rate.

Encoding hits costs more than sending them. So a whole number of windows of the 14-bit time is encoded once,
and each turn renews the few words that carry the upper part of the time, in place. The words go out in groups
of about 1 ms at the pace of their own time; after a delay the sender catches up by a quarter above its rate
at most, as a readout on a wire could, and no burst comes that hardware would not send.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from hitline.bus.formats.katherine_scan import scan
from hitline.bus.formats.katherine_words import WORD_BYTES, Header

WINDOW_S = 409.6e-6
"""Time that the 14 bits in a pixel word count, at 40 MHz."""
GROUP_S = 0.001
"""Sent at once: longer groups cost less and are burstier."""
CATCH_UP = 1.25
"""Rate after a delay, over the ordinary one."""


@dataclass(slots=True)
class Sent:
    """What went out."""

    words: int = 0
    pixels: int = 0
    datagrams: int = 0
    seconds: float = 0.0
    """Time of the clock that it took."""


class Loop:
    """Words of one turn, and how long the frame is that they fill."""

    def __init__(
        self,
        words: bytes,
        frame_s: float,
        *,
        windows: int,
        datagram_bytes: int = 1356,
        generation: int = 1,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """Prepare; `words` are pixels and offset words (0x5, from 0) of so many windows, no marks of frames.

        What does not fill the last datagram of a turn is left out, so that all have one size. frame_s: time
        of the stream after which `run` ends, inf for never.
        """
        found = scan(words, generation)
        if len(found.header):
            raise ValueError(f"a word with header {found.header[0]:#x} in a loop: pixels and offsets only")
        self.datagram_bytes = max(1, datagram_bytes // WORD_BYTES) * WORD_BYTES
        size = len(words) // self.datagram_bytes * self.datagram_bytes
        if not size:
            raise ValueError(f"{len(words)} bytes do not fill a datagram of {self.datagram_bytes} bytes")
        self._memory = bytearray(words[:size])
        self._rows = np.frombuffer(self._memory, np.uint8).reshape(-1, WORD_BYTES)
        is_offset = self._rows[:, WORD_BYTES - 1] >> 4 == Header.OFFSET
        self._at = np.flatnonzero(is_offset)
        self._first = np.ascontiguousarray(self._rows[self._at, :4]).view("<u4").reshape(-1).astype(np.int64)
        self._pixels = np.concatenate(([0], np.cumsum(~is_offset)))
        self._clock, self.windows, self.frame_s = clock, windows, frame_s
        self.turn_s = windows * WINDOW_S

    def turn(self, number: int) -> memoryview:
        """The bytes of turn 0, 1, ...; valid until another one is asked for."""
        values = (self._first + number * self.windows) & 0xFFFFFFFF
        self._rows[self._at, :4] = values.astype("<u4").view(np.uint8).reshape(-1, 4)
        return memoryview(self._memory)

    def run(self, stop: threading.Event, send: Callable[[memoryview], int]) -> Sent:
        """Send until the frame is over or `stop` is set; in a thread of its own.

        `send` takes some datagrams, one behind the other, and returns how many; the last one of a frame may
        be shorter than the others.
        """
        sent, at, number, allowed = Sent(), 0, 0, 0.0
        size = self.datagram_bytes
        rate = len(self._memory) / self.turn_s
        total = self.frame_s * rate
        group = min(max(1, rate * GROUP_S // size) * size, total)
        whole = self.turn(0)
        begin = before = self._clock()
        while not stop.is_set():
            now = self._clock()
            step = min(now - before, 2 * GROUP_S)
            allowed = min((now - begin) * rate, allowed + step * rate * CATCH_UP, total)
            before = now
            due = allowed - sent.words * WORD_BYTES
            if due < group and allowed < total:
                stop.wait((group - due) / rate)
                continue
            unit = WORD_BYTES if allowed == total else size
            part = whole[at : at + int(due // unit) * unit]
            if not part:
                break
            sent.datagrams += send(part)
            sent.words += len(part) // WORD_BYTES
            end = at + len(part)
            sent.pixels += int(self._pixels[end // WORD_BYTES] - self._pixels[at // WORD_BYTES])
            at = end
            if at == len(whole):
                at, number = 0, number + 1
                whole = self.turn(number)
        sent.seconds = self._clock() - begin
        return sent
