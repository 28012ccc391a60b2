"""Readings of a flight, on their way into the log."""

from collections.abc import Callable
from typing import Any

from ..axis import AxisInstrument

BATCH = 25
"""Readings in one block."""


class Record:
    """Takes each reading of one axis, from `begin` to `end`."""

    def __init__(self, axis: AxisInstrument) -> None:
        self._axis = axis
        self._write: Callable[[dict[str, Any]], None] | None = None
        self.begun = False
        self.number = 0
        """Of the flight in its run; 0: not in a run."""
        self.count = 0
        self._batch: list[tuple[int, int, float]] = []
        self._first_s = self._last_s = self._gap_s = self._error_s = 0.0

    def begin(self, write: Callable[[dict[str, Any]], None] | None, number: int) -> None:
        """Take readings from now on, and write them."""
        self._write, self.number, self.begun = write, number, True
        self._last_s = self._axis.read_s
        self._axis.listeners.append(self._take)

    def end(self) -> None:
        """Take no more."""
        self._axis.listeners.remove(self._take)
        self._flush()

    def figures(self) -> dict[str, float | None]:
        """Attributes about the readings; None where there were too few."""
        if self.count < 2:
            return dict.fromkeys(("reading_rate", "reading_gap", "time_error"))
        return {
            "reading_rate": (self.count - 1) / (self._last_s - self._first_s),
            "reading_gap": self._gap_s * 1e3,
            "time_error": self._error_s * 1e3,
        }

    def _take(self) -> None:
        axis = self._axis
        position, at_s = axis.axis.position, axis.read_s
        if position is None or at_s <= self._last_s:
            return  # that was no reading
        if self.count:
            self._gap_s = max(self._gap_s, at_s - self._last_s)
        else:
            self._first_s = at_s
        self.count, self._last_s = self.count + 1, at_s
        self._error_s = max(self._error_s, axis.read_error_s)
        place = axis.axis.settings.user(position)
        self._batch.append((round(at_s * 1e9), round(axis.read_error_s * 1e9), place))
        if len(self._batch) >= BATCH:
            self._flush()

    def _flush(self) -> None:
        if self._batch and self._write is not None:
            mono_ns, error_ns, position = (list(column) for column in zip(*self._batch, strict=True))
            self._write(
                {"axis": self._axis.name, "mono_ns": mono_ns, "error_ns": error_ns, "position": position}
            )
        self._batch.clear()
