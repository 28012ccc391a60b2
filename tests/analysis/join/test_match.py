"""Pulses and edges: one that is missing or too many is told, and no other is shifted by it."""

import numpy as np
import pytest
from hitline.analysis.join.clock import fit
from hitline.analysis.join.match import DOUBTFUL, MISSING, match
from hitline.analysis.join.track import Track

PERIOD = 0.02
EDGES = 100.0 + PERIOD * np.arange(41)


def pulses(lost=(), offset=0.0, extra=(), width=0.0):
    """Pulses as they come: (early, late, number of the edge of each; -1 for one too many)."""
    times = [(t + offset, n) for n, t in enumerate(EDGES) if n not in lost] + [
        (t + offset, -1) for t in extra
    ]
    at, edge = (np.array(column) for column in zip(*sorted(times), strict=True))
    return at - width, at + width, edge


def wrong(found, edge):
    """Edges that were given the pulse of another one."""
    return [e for e, pulse in enumerate(found.pulse) if pulse >= 0 and edge[pulse] != e]


@pytest.mark.parametrize("offset", [0.0, 0.003, -0.03, 0.055, 1.13])
@pytest.mark.parametrize(
    ("lost", "extra"),
    [((), ()), ((20,), ()), ((), (EDGES[7] + 0.5 * PERIOD,)), ((3, 31), (EDGES[9] + 0.4 * PERIOD,))],
)
def test_what_is_missing_or_too_many_is_told(lost, extra, offset):
    early, late, edge = pulses(lost, offset, extra)
    found = match(EDGES, early, late, error_s=0.06)
    assert wrong(found, edge) == [] and np.flatnonzero(found.pulse < 0).tolist() == list(lost)
    assert all(found.pulse[n] == MISSING for n in lost) and [int(edge[n]) for n in found.extra] == [-1] * len(
        extra
    )
    assert found.offset_s == pytest.approx(offset, abs=1e-9)


@pytest.mark.parametrize("lost", [(0,), (40,), (0, 20), (0, 1)])
def test_a_pulse_missing_at_an_end_is_told_where_the_clock_is_good_enough(lost):
    early, late, edge = pulses(lost, 0.002)
    sure = match(EDGES, early, late, error_s=0.008)
    assert wrong(sure, edge) == [] and np.flatnonzero(sure.pulse == MISSING).tolist() == list(lost)
    doubtful = match(EDGES, early, late, error_s=0.05)
    assert np.all(doubtful.pulse == DOUBTFUL)


@pytest.mark.parametrize("parts", (-15, -5, 3, 5, 15))
def test_clocks_may_be_apart_by_any_part_of_a_period(parts):
    """Half a period late is half a period early: what is known of a pulse to some ms lies on both sides."""
    offset, rng = parts * PERIOD / 10, np.random.default_rng(parts + 20)
    early, late, edge = pulses((20,), offset, width=0.002)
    for _ in range(40):
        scatter = rng.uniform(-0.0015, 0.0015, len(edge))
        found = match(EDGES, early + scatter, late + scatter, error_s=0.06)
        assert wrong(found, edge) == [] and np.flatnonzero(found.pulse < 0).tolist() == [20]
        assert found.extra == [] and found.offset_s == pytest.approx(offset, abs=0.0015)


def test_no_pulses():
    assert np.all(match(EDGES, np.zeros(0), np.zeros(0), 0.01).pulse == MISSING)


@pytest.mark.parametrize("seed", range(300))
def test_no_pulse_is_ever_shifted(seed):
    rng = np.random.default_rng(seed)
    lost = rng.choice(len(EDGES), rng.integers(0, 8), replace=False).tolist()
    extra = EDGES[rng.integers(0, 40, rng.integers(0, 3))] + PERIOD * rng.uniform(0.4, 0.6)
    error = float(rng.choice([0.001, 0.008, 0.05]))
    width = float(rng.choice([0.0, 0.001, 0.012]))
    if width > PERIOD / 4 and len(lost) == len(extra):
        lost = []  # one lost and one too many are not seen where only the number is known
        extra = extra[:0]
    early, late, edge = pulses(lost, rng.uniform(-error, error), extra, width)
    early, late = early + rng.uniform(0, 1e-4, len(early)), late + rng.uniform(0, 1e-4, len(late))
    found = match(EDGES, np.maximum.accumulate(early), np.maximum.accumulate(late), error)
    assert wrong(found, edge) == []
    if not lost and not len(extra):
        assert np.all(found.pulse >= 0), "and nothing is flagged without a reason"


def test_the_clock_is_within_its_error():
    rng = np.random.default_rng(5)
    for latency, slope in ((0.0, 0.0), (0.02, 1e-5), (0.05, -3e-5)):
        at = np.sort(rng.uniform(50.0, 110.0, 500))
        made = (at - latency - rng.exponential(0.004, 500)) * (1 + slope) - 30.0
        clock = fit(np.stack([made, at], axis=1), 0.05)
        true = np.linspace(50, 110, 20)
        assert np.abs(clock.detector(true) - (true * (1 + slope) - 30.0)).max() <= clock.error_s < 0.04
    with pytest.raises(ValueError, match="no hits came"):
        fit(np.zeros((0, 2)), 0.05)


@pytest.mark.parametrize("way", [1, -1])
def test_edges_are_within_their_error(way):
    rng = np.random.default_rng(3)
    for _ in range(50):
        error = rng.uniform(0.0005, 0.004, 60)
        true = 10.0 + np.sort(rng.uniform(-0.2, 2.2, 60))
        position = way * (true - 10.0) * 5.0
        track = Track(
            1,
            {"start": 0.0, "stop": way * 10.0, "points": 50},
            true + rng.uniform(-error, error),
            error,
            np.round(position, 3),
        )
        at_s, error_s = track.edges()
        assert np.abs(at_s - (10.0 + np.arange(51) * 0.04)).max() <= error_s < 0.008
    few = Track(2, track.facts, true[:2], error[:2], position[:2])
    with pytest.raises(ValueError, match="fly slower, or read more often"):
        few.edges()


def test_a_reading_that_came_late_tilts_no_line() -> None:
    """As on a computer that stood still for 300 ms, shortly before the end of a flight."""
    at_s = 10.0 + np.arange(31) * 0.01
    position, error_s = (at_s - 10.0) * 10.0, np.full(31, 0.0005)
    at_s[-1] += 0.15
    error_s[-1] = 0.15
    track = Track(1, {"start": 0.0, "stop": 6.0, "points": 24}, at_s, error_s, position)
    edges_s, bound_s = track.edges()
    off_s = np.abs(edges_s - (10.0 + np.arange(25) * 0.025)).max()
    assert off_s < 0.001 and off_s <= bound_s < 0.01
