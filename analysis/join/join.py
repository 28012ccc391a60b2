"""Counts of each part of a flight: by the times of pulses, by their place in the stream, or by the clocks."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .clock import Clock, fit
from .exposure import Exposure, exposures
from .match import DOUBTFUL, MISSING, QUARTER, Match, match
from .track import Track, tracks

Floats = NDArray[np.float64]
Region = tuple[int, int, int, int]
LATENCY_S = 0.1
"""Longest way of a hit from the pixel to this computer; where no pulses came, half of it is in the error."""
BLIND = Clock(0.0, 0.0, 0.0, float("inf"))
"""Where no hit came, nothing is known of the detector's clock."""


@dataclass(frozen=True, slots=True)
class Row:
    """One flight with its hits.

    places: float64[points + 1], position of each edge. counts: int64[points], hits between two edges.
    flagged: bool[points], an edge of this part has no pulse, or a doubtful one: its time is that of the
    track. edges_s: float64[points + 1], detector time of each edge. method: "tdc", "trigger words" or
    "clock". error_s: the largest error of the edges that are not flagged. missing, doubtful: edges; extra:
    pulses without an edge. problem: why nothing was joined, else empty.
    """

    flight: int
    exposure: int
    axis: str
    unit: str
    positions: dict[str, float]
    """Where each axis of the stage was before it flew."""
    places: Floats
    counts: NDArray[np.int64]
    flagged: NDArray[np.bool_]
    edges_s: Floats
    method: str
    error_s: float
    missing: tuple[int, ...] = ()
    doubtful: tuple[int, ...] = ()
    extra: int = 0
    problem: str = ""

    @property
    def text(self) -> str:
        """What there is to know of the join, in a line."""
        if self.problem:
            return f"flight {self.flight}: not joined, {self.problem}"
        told = [f"flight {self.flight}: by {self.method}, within {self.error_s * 1e3:.3g} ms"]
        for what, edges in (("no pulse at", self.missing), ("doubtful", self.doubtful)):
            if edges:
                told.append(f"{what} {len(edges)} of {len(self.places)} edges")
        if self.extra:
            told.append(f"{self.extra} pulses too many")
        return "; ".join(told)


def join_run(
    detector: Path, stage: Path, *, region: Region | None = None, latency_s: float = LATENCY_S
) -> Iterator[Row]:
    """Join every flight of a stage with the exposure of a readout in which it was; folders of one run.

    region: (x, y, width, height) of the pixels that count; all of them by default.
    """
    flights = tracks(stage)
    for exposure in exposures(detector):
        for track in flights:
            if len(track.at_s) and exposure.begin_s <= track.at_s[-1] and track.at_s[0] <= exposure.end_s:
                yield _joined(track, exposure, region, latency_s)


def _joined(track: Track, exposure: Exposure, region: Region | None, latency_s: float) -> Row:
    try:
        return join(track, exposure, region=region, latency_s=latency_s)
    except ValueError as error:
        return _row(
            track,
            exposure,
            counts=np.zeros(track.points, np.int64),
            flagged=np.ones(track.points, bool),
            edges_s=np.full(track.points + 1, np.nan),
            method="none",
            error_s=float("nan"),
            problem=str(error),
        )


def join(
    track: Track, exposure: Exposure, *, region: Region | None = None, latency_s: float = LATENCY_S
) -> Row:
    """Join one flight with its exposure; ValueError says why that cannot be."""
    monotonic_s, track_error_s = track.edges()
    clock = fit(exposure.clock, latency_s) if len(exposure.clock) else BLIND
    error_s = clock.error_s + track_error_s
    expected_s, triggers = clock.detector(monotonic_s), exposure.triggers
    if not len(triggers):
        if track.facts.get("pulses"):
            raise ValueError("the stage gave pulses, none is in the stream: check the trigger input")
        counts = np.diff(_places(exposure, expected_s, region))
        return _row(
            track,
            exposure,
            counts=counts,
            flagged=np.zeros(track.points, bool),
            edges_s=expected_s,
            method="clock",
            error_s=error_s if len(exposure.t_s) else track_error_s,
        )
    early_s, late_s, place = triggers.early_s, triggers.late_s, triggers.place
    found = match(expected_s, early_s, late_s, error_s)
    sure = found.pulse >= 0
    edges_s = expected_s + found.offset_s
    pulse = found.pulse[sure]
    known = np.flatnonzero(sure)[(late_s - early_s)[pulse] <= QUARTER * float(np.median(np.diff(expected_s)))]
    edges_s[known] = ((early_s + late_s) / 2)[found.pulse[known]]
    at = _places(exposure, edges_s, region)
    if triggers.method != "tdc":
        at[sure] = _counted(exposure, place[pulse], region)
    return _row(
        track,
        exposure,
        counts=np.diff(np.maximum.accumulate(at)),
        flagged=~(sure[1:] & sure[:-1]),
        edges_s=edges_s,
        method=triggers.method,
        error_s=float(track.facts.get("pulse_error_s", 0.0)) if sure.any() else error_s,
        match=found,
    )


def _row(track: Track, exposure: Exposure, *, match: Match | None = None, **found: Any) -> Row:
    edges: dict[str, Any] = {}
    if match is not None:
        edges = {
            "missing": tuple(np.flatnonzero(match.pulse == MISSING).tolist()),
            "doubtful": tuple(np.flatnonzero(match.pulse == DOUBTFUL).tolist()),
            "extra": len(match.extra),
        }
    facts = track.facts
    return Row(
        track.number,
        exposure.number,
        str(facts["axis"]),
        str(facts.get("unit", "")),
        dict(facts.get("positions", {})),
        track.places,
        **edges,
        **found,
    )


def _inside(exposure: Exposure, region: Region | None) -> NDArray[np.bool_]:
    if region is None:
        return np.ones(len(exposure.x), bool)
    x, y, width, height = region
    return (exposure.x >= x) & (exposure.x < x + width) & (exposure.y >= y) & (exposure.y < y + height)


def _places(exposure: Exposure, edges_s: Floats, region: Region | None) -> NDArray[np.int64]:
    """Hits of the region that came before each edge, by time."""
    return np.searchsorted(np.sort(exposure.t_s[_inside(exposure, region)]), edges_s).astype(np.int64)


def _counted(exposure: Exposure, place: NDArray[np.int64], region: Region | None) -> NDArray[np.int64]:
    """Hits of the region before each place in the stream."""
    before = np.concatenate(([0], np.cumsum(_inside(exposure, region))))
    return before[place].astype(np.int64)
