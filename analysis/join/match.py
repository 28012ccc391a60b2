"""Which pulse belongs to which edge (pure). One that is missing or too many is told, and shifts no other."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
QUARTER = 0.25
"""Of the time between edges: a pulse that is further off belongs to no edge."""
FEWEST = 3
"""Pulses with a time; with fewer they are only counted."""
STEPS = 200
"""Edges by which the clock may be off at most."""
MISSING, DOUBTFUL = -1, -2


@dataclass(frozen=True, slots=True)
class Match:
    """What belongs together.

    pulse: int64[edges], the number of each edge's pulse, MISSING or DOUBTFUL. extra: pulses without an edge.
    offset_s: what was added to the clock.
    """

    pulse: Ints
    extra: list[int]
    offset_s: float


def match(edges_s: Floats, early_s: Floats, late_s: Floats, error_s: float) -> Match:
    """Match edges, whose detector times are known to `error_s`, with pulses that came between early and late.

    Both in order of time. Where pulses have times, the offset common to all edges is found first, within
    the error: that at which most of them fit. Where several fit as well as each other, as when the first
    pulse or the last may be missing, no edge is sure. Where pulses are known by their place only, and hits
    are so few that this says little of the time, they are counted: one lost and one too many in the same
    flight are not seen then.
    """
    period_s = float(np.median(np.diff(edges_s)))
    if not len(early_s):
        return Match(np.full(len(edges_s), MISSING), [], 0.0)
    near_s = QUARTER * period_s
    timed = late_s - early_s <= near_s
    if np.count_nonzero(timed) < FEWEST:
        return _counted(edges_s, early_s, late_s, max(error_s, near_s))
    offsets = _offsets(edges_s, early_s, late_s, timed, error_s)
    if len(offsets) != 1:
        return Match(np.full(len(edges_s), DOUBTFUL), [], 0.0)
    found = _within(edges_s + offsets[0], early_s, late_s, near_s)
    return Match(found.pulse, found.extra, offsets[0])


def _counted(edges_s: Floats, early_s: Floats, late_s: Floats, near_s: float) -> Match:
    """Where times tell too little: all edges have their pulse, in order, or none is sure."""
    whole = len(edges_s) == len(early_s)
    if whole and np.all((edges_s >= early_s - near_s) & (edges_s <= late_s + near_s)):
        return Match(np.arange(len(edges_s)), [], 0.0)
    return Match(np.full(len(edges_s), DOUBTFUL), [], 0.0)


def _offsets(
    edges_s: Floats, early_s: Floats, late_s: Floats, timed: NDArray[np.bool_], error_s: float
) -> list[float]:
    """Offsets at which most edges have a pulse, one for each way of counting; the clock only breaks a tie.

    That clock may be worse than it says, as on a computer that was busy: what fits best is believed first.
    """
    period_s = float(np.median(np.diff(edges_s)))
    near_s = QUARTER * period_s
    pulses_s = (early_s + late_s)[timed] / 2
    phase_s = _phase(_off(edges_s, pulses_s), period_s)
    found: list[tuple[int, float]] = []
    for step in range(-STEPS, STEPS + 1):
        offset_s = step * period_s + phase_s
        offset_s += float(np.median(_off(edges_s + offset_s, pulses_s)))
        pulse = _greedy(edges_s + offset_s, early_s - near_s, late_s + near_s)
        found.append((int(np.count_nonzero(pulse >= 0)), offset_s))
    most = max(count for count, _ in found)
    best = sorted(offset_s for count, offset_s in found if count == most)
    best = [offset for n, offset in enumerate(best) if n == 0 or offset - best[n - 1] > near_s]
    return best if len(best) == 1 else [offset for offset in best if abs(offset) <= error_s + near_s / 2]


def _phase(off_s: Floats, period_s: float) -> float:
    """Mean of what is known but for whole periods, on the circle: half a period late is half a period early.

    A plain mean or median of such values is nonsense where they lie around half a period.
    """
    turn = 2 * np.pi / period_s
    return float(np.angle(np.exp(1j * turn * off_s).sum()) / turn)


def _off(edges_s: Floats, pulses_s: Floats) -> Floats:
    """How late each pulse is after the edge that is nearest to it."""
    edge = np.clip(np.searchsorted(edges_s, pulses_s), 1, len(edges_s) - 1)
    edge -= pulses_s - edges_s[edge - 1] < edges_s[edge] - pulses_s
    return pulses_s - edges_s[edge]


def _within(edges_s: Floats, early_s: Floats, late_s: Floats, near_s: float) -> Match:
    """Give pulses an edge each, in order: the first way and the last one; where they differ is doubt."""
    first = _greedy(edges_s, early_s - near_s, late_s + near_s)
    back = _greedy(-edges_s[::-1], -late_s[::-1] - near_s, -early_s[::-1] + near_s)
    last = np.where(back >= 0, len(early_s) - 1 - back, back)[::-1]
    pulse = np.where(first == last, first, DOUBTFUL)
    used = set(first.tolist()) | set(last.tolist())
    return Match(pulse, [n for n in range(len(early_s)) if n not in used], 0.0)


def _greedy(edges_s: Floats, early_s: Floats, late_s: Floats) -> Ints:
    """Give each pulse the first free edge in its time."""
    pulse = np.full(len(edges_s), MISSING)
    edge = 0
    for n, (early, late) in enumerate(zip(early_s.tolist(), late_s.tolist(), strict=True)):
        at = max(edge, int(np.searchsorted(edges_s, early)))
        if at < len(edges_s) and edges_s[at] <= late:
            pulse[at], edge = n, at + 1
    return pulse
