"""A flight as the stage's log has it, and when the carriage was at each edge (pure but for the reading)."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...bus.log.block import Kind, decode_facts
from ...bus.log.reader import open_run

Floats = NDArray[np.float64]
FEWEST = 3
"""Readings between the first edge and the last; with fewer nothing is known of the speed."""
LEAST_S = 1e-4
"""No reading is trusted to be better: a controller takes so long from looking to answering."""


@dataclass(frozen=True, slots=True)
class Track:
    """One flight: the facts of its BEGIN, and its readings.

    at_s, error_s, position: float64[readings]: monotonic time and its error, s; unit of the axis.
    """

    number: int
    facts: dict[str, Any]
    at_s: Floats
    error_s: Floats
    position: Floats

    @property
    def points(self) -> int:
        """Parts between the edges."""
        return int(self.facts["points"])

    @property
    def places(self) -> Floats:
        """Position of each edge, float64[points + 1]."""
        return np.linspace(float(self.facts["start"]), float(self.facts["stop"]), self.points + 1)

    def edges(self) -> tuple[Floats, float]:
        """When it was at each edge (monotonic, s), and the largest error of those times.

        A straight line through the readings between the edges, which is what a constant speed is. A reading
        counts by the error of its time (weighted least squares): one that a busy computer got late, near an
        end, would tilt the line for all. The error at an edge is at most the sum over the readings of their
        weight there times the error of their time, or what they are off the line, whichever is more. Raises
        ValueError where there are too few readings.
        """
        low, high = sorted((self.places[0], self.places[-1]))
        inside = (self.position >= low) & (self.position <= high)
        if np.count_nonzero(inside) < FEWEST:
            raise ValueError(
                f"flight {self.number} has {np.count_nonzero(inside)} readings between its edges, "
                f"{FEWEST} are needed: fly slower, or read more often"
            )
        position, at_s = self.position[inside], self.at_s[inside]
        middle, zero_s = float(position.mean()), float(at_s.mean())
        columns = np.stack([np.ones_like(position), position - middle], axis=1)
        trust = 1.0 / np.maximum(self.error_s[inside], LEAST_S)
        solve = np.linalg.pinv(columns * trust[:, None]) * trust
        weights = np.stack([np.ones(self.points + 1), self.places - middle], axis=1) @ solve
        times_s = weights @ (at_s - zero_s)
        off_s = np.abs(columns @ (solve @ (at_s - zero_s)) - (at_s - zero_s))
        error_s = np.abs(weights) @ np.maximum(self.error_s[inside], off_s)
        return times_s + zero_s, float(error_s.max())


def tracks(folder: Path) -> list[Track]:
    """Read the flights of a run from the folder of the stage's log; without those that failed."""
    found: list[Track] = []
    begun: tuple[int, dict[str, Any]] | None = None
    values: list[dict[str, Any]] = []
    for header, payload in open_run(folder):
        if header.kind == Kind.BEGIN:
            begun, values = (header.exposure, decode_facts(bytes(payload))), []
        elif header.kind == Kind.VALUES:
            values.append(decode_facts(bytes(payload)))
        elif header.kind == Kind.END and begun is not None:
            if not decode_facts(bytes(payload)).get("error"):
                found.append(Track(*begun, *(_column(values, *column) for column in COLUMNS)))
            begun = None
    return found


COLUMNS = (("mono_ns", 1e-9), ("error_ns", 1e-9), ("position", 1.0))


def _column(values: list[dict[str, Any]], name: str, scale: float) -> Floats:
    parts = [np.asarray(value[name], np.float64) for value in values]
    return np.concatenate(parts) * scale if parts else np.zeros(0)
