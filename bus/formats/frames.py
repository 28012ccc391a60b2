"""Frames of a Katherine stream: when they were, how many pixels were sent, came and got lost."""

from dataclasses import astuple, dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from .katherine_words import Header
from .times import Ints

UNKNOWN = -1
"""A number that did not come."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame; UNKNOWN where its word did not come."""

    number: int
    """1, 2, ... in the stream; 0: pixels before any mark of a frame."""
    first_pixel: int
    """Pixels of the stream before it."""
    received: int = 0
    """Pixels that came."""
    sent: int = UNKNOWN
    """Pixels that the readout says it sent."""
    lost: int = 0
    """Pixels that the readout says it lost itself."""
    start_low: int = UNKNOWN
    start_high: int = UNKNOWN
    end_low: int = UNKNOWN
    end_high: int = UNKNOWN

    @property
    def missing(self) -> int:
        """Pixels sent that did not come; UNKNOWN without the readout's count."""
        return self.sent - self.received if self.sent != UNKNOWN else UNKNOWN

    @property
    def start(self) -> int:
        """Start time, steps of 25 ns; UNKNOWN if a half did not come."""
        return _joined(self.start_low, self.start_high)

    @property
    def end(self) -> int:
        """End time, likewise."""
        return _joined(self.end_low, self.end_high)


def _joined(low: int, high: int) -> int:
    return high << 32 | low if UNKNOWN not in (low, high) else UNKNOWN


HALVES = {
    Header.START_LOW: ("start_low", 32),
    Header.START_HIGH: ("start_high", 16),
    Header.END_LOW: ("end_low", 32),
    Header.END_HIGH: ("end_high", 16),
}


class Frames:
    """Follows the marks of a stream."""

    def __init__(self) -> None:
        self.number = 0
        """Frames begun."""
        self.missing = 0
        """Pixels missing over the frames that ended with a count."""
        self.lost = 0
        """Pixels that the readout lost itself."""
        self._open: Frame | None = Frame(0, 0)

    def advance(self, headers: NDArray[np.uint8], values: NDArray[np.uint64], places: Ints) -> list[Frame]:
        """Take the next marks (header, value, pixels before it); return the frames that they end."""
        ended: list[Frame] = []
        at = np.flatnonzero(headers >= Header.NEW_FRAME)
        for header, value, place in zip(
            headers[at].tolist(), values[at].tolist(), places[at].tolist(), strict=True
        ):
            if header == Header.NEW_FRAME:
                ended += self.close(place)
                self.number += 1
                self._open = Frame(self.number, place)
            elif header in HALVES and self._open:
                name, bits = HALVES[Header(header)]
                self._open = replace(self._open, **{name: value & (1 << bits) - 1})
            elif header == Header.LOST:
                self.lost += value
                if self._open:
                    self._open = replace(self._open, lost=self._open.lost + value)
            elif header == Header.FINISHED and self._open:
                self._open = replace(self._open, sent=value)
                self.missing += value - (place - self._open.first_pixel)
                ended += self.close(place)
            elif header == Header.ABORTED:
                ended += self.close(place)
        return ended

    def close(self, place: int) -> list[Frame]:
        """End the open frame; `place` is how many pixels came until now."""
        frame, self._open = self._open, None
        if frame is None:
            return []
        frame = replace(frame, received=place - frame.first_pixel)
        return [] if frame == Frame(0, 0) else [frame]

    def state(self) -> Ints:
        """Everything that `restore` needs: int64[12]."""
        frame = astuple(self._open) if self._open else (UNKNOWN,) * len(fields(Frame))
        return np.array([self.number, self.missing, self.lost, *frame], np.int64)

    def restore(self, state: Ints) -> None:
        """Take up the state of another one."""
        self.number, self.missing, self.lost, *frame = np.asarray(state).tolist()
        self._open = Frame(*frame) if frame[0] != UNKNOWN else None
