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
    """1, 2, ... in the stream."""
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
    announced: bool = True
    """False: no word told of its begin; a pixel came where no frame was open."""
    exposure: int = 0
    """Exposure of the run log in which it began; 0 where there is none."""

    @property
    def missing(self) -> int:
        """Pixels sent that did not come; UNKNOWN without the readout's count."""
        return max(self.sent - self.received, 0) if self.sent != UNKNOWN else UNKNOWN

    @property
    def surplus(self) -> int:
        """Pixels that came beyond those sent; UNKNOWN without the readout's count."""
        return max(self.received - self.sent, 0) if self.sent != UNKNOWN else UNKNOWN

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
ENDS = np.isin(np.arange(16), (Header.FINISHED, Header.ABORTED))
"""bool[16]: headers that end a frame."""


class Frames:
    """Follows the marks of a stream."""

    def __init__(self) -> None:
        self.number = 0
        """Frames begun."""
        self.missing = 0
        """Pixels missing over the frames that ended with a count and got less."""
        self.surplus = 0
        """Pixels that came beyond the count, over those that got more: something was doubled."""
        self.lost = 0
        """Pixels that the readout lost itself."""
        self.unannounced = 0
        """Frames without a word for their begin."""
        self.stray = 0
        """Counts of finished frames that came while none was open."""
        self.exposure = 0
        """Exposure of the frames that begin from now on."""
        self._open: Frame | None = None

    @property
    def is_open(self) -> bool:
        """Whether a frame has begun and not ended."""
        return self._open is not None

    def begins(self, headers: NDArray[np.uint8], is_pixel: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Which words, bool[n], begin a frame: the one for it, or a pixel where no frame is open.

        headers, is_pixel: of all words that come next, [n] each.
        """
        own, ends = headers == Header.NEW_FRAME, ENDS[headers]
        at = np.flatnonzero(own | is_pixel | ends)
        # What stands before a word among these tells whether a frame is open there.
        closed_before = np.concatenate(([not self.is_open], ends[at][:-1]))[: len(at)]
        begins = own.copy()
        begins[at] |= is_pixel[at] & closed_before
        return begins

    def advance(
        self,
        headers: NDArray[np.uint8],
        values: NDArray[np.uint64],
        places: Ints,
        begins: NDArray[np.bool_],
    ) -> list[Frame]:
        """Take the next marks and all words that begin a frame; return the frames that end.

        headers, values, places (pixels before it), begins (see there): [n] each.
        """
        ended: list[Frame] = []
        at = np.flatnonzero(begins | (headers >= Header.NEW_FRAME))
        columns = (column[at].tolist() for column in (headers, values, places, begins))
        for header, value, place, begin in zip(*columns, strict=True):
            if begin:
                ended += self.close(place)
                self.number += 1
                announced = header == Header.NEW_FRAME
                self.unannounced += not announced
                self._open = Frame(self.number, place, announced=announced, exposure=self.exposure)
            if self._open is None:
                self.stray += header == Header.FINISHED
                self.lost += value if header == Header.LOST else 0
            elif header in HALVES:
                name, bits = HALVES[Header(header)]
                self._open = replace(self._open, **{name: value & (1 << bits) - 1})
            elif header == Header.LOST:
                self.lost += value
                self._open = replace(self._open, lost=self._open.lost + value)
            elif ENDS[header]:
                if header == Header.FINISHED:
                    self._open = replace(self._open, sent=value)
                    more = value - (place - self._open.first_pixel)
                    self.missing += max(more, 0)
                    self.surplus += max(-more, 0)
                ended += self.close(place)
        return ended

    def close(self, place: int) -> list[Frame]:
        """End the open frame, if any; `place` is how many pixels came until now."""
        frame, self._open = self._open, None
        return [replace(frame, received=place - frame.first_pixel)] if frame else []

    def state(self) -> Ints:
        """Everything that `restore` needs: int64[18]."""
        frame = astuple(self._open) if self._open else (UNKNOWN,) * len(fields(Frame))
        counts = self.number, self.missing, self.surplus, self.lost, self.unannounced, self.stray
        return np.array([*counts, self.exposure, *frame], np.int64)

    def restore(self, state: Ints) -> None:
        """Take up the state of another one."""
        numbers = np.asarray(state).tolist()
        self.number, self.missing, self.surplus, self.lost, self.unannounced, self.stray = numbers[:6]
        self.exposure, *frame = numbers[6:]
        self._open = _frame(*frame) if frame[0] != UNKNOWN else None


def _frame(*numbers: int) -> Frame:
    """The inverse of `astuple`, from integers."""
    frame = Frame(*numbers)  # type: ignore[arg-type]  # announced comes as 0 or 1
    return replace(frame, announced=bool(frame.announced))
