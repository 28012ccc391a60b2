"""Clusters equal those found by testing every pair, whatever the pieces in which the hits come."""

import itertools

import numpy as np
import pytest
from brute import components, ordered
from hitline.analysis.kernels import cluster
from hitline.analysis.kernels.cluster import MAX_WINDOW, Clusterer
from hypothesis import given, settings
from hypothesis import strategies as st


def field(size, side, gap, seed):
    """Hits on a small field, so that most of them touch."""
    rng = np.random.default_rng(seed)
    t = np.cumsum(rng.exponential(gap, size)).astype(np.int64)
    x, y = rng.integers(0, side, (2, size)).astype(np.uint16)
    return t, x, y, rng.integers(0, 1024, size).astype(np.uint16)


def found(hits, window, cuts=(), side=512, watch=lambda clusterer: None):
    clusterer = Clusterer(side, side, window)
    edges = [0, *sorted(c % (hits[0].size + 1) for c in cuts), hits[0].size]
    tables = []
    for start, stop in itertools.pairwise(edges):
        piece = tuple(column[start:stop] for column in hits)
        horizon = int(hits[0][stop]) if stop < hits[0].size else int(hits[0][-1]) if hits[0].size else 0
        tables.append(clusterer.feed(piece, horizon).table.copy())
        watch(clusterer)
    tables.append(clusterer.flush().table)
    return ordered(np.concatenate(tables))


@settings(max_examples=150, deadline=None)
@given(
    size=st.integers(0, 600),
    side=st.sampled_from([1, 2, 3, 6, 20]),
    gap=st.sampled_from([0.05, 1, 8, 60, 900]),
    window=st.sampled_from([0, 1, 20, 128]),
    seed=st.integers(0, 999),
    cuts=st.lists(st.integers(0, 999), max_size=9),
)
def test_equal_to_brute_force_for_any_pieces(size, side, gap, window, seed, cuts):
    hits = field(size, side, gap, seed)
    assert np.array_equal(found(hits, window, cuts, side), components(hits, window))


@pytest.mark.parametrize("step, together", [(127, True), (128, True), (129, False)])
def test_the_window_belongs_to_the_cluster(step, together):
    hits = (np.array([0, step]), *np.array([[5, 6], [5, 6], [1, 2]], np.uint16))
    assert len(found(hits, 128)) == (1 if together else 2)


def test_opposite_edges_do_not_touch():
    hits = (np.array([0, 1, 2]), *np.array([[511, 0, 511], [0, 0, 1], [1, 1, 1]], np.uint16))
    assert len(found(hits, 128)) == 2


def test_an_endless_cluster_costs_its_window():
    size = 50_000
    t = np.arange(size) * 50
    hits = (t, *np.stack([np.arange(size) % 2, np.zeros(size), np.ones(size)]).astype(np.uint16))
    halos = []
    table = found(hits, 128, range(0, size, 500), watch=lambda c: halos.append(c.state()["t"].size))
    assert table.shape[0] == 1
    assert table[0, 0] == size
    assert max(halos) <= 4


def test_one_pass_over_more_hits_than_labels(monkeypatch):
    monkeypatch.setattr(cluster, "MAX_HITS", 100)
    hits = field(2000, 6, 8, 3)
    assert np.array_equal(found(hits, 20, (900,)), components(hits, 20))


def test_map_time_begins_again(monkeypatch):
    monkeypatch.setattr(cluster, "_MAP_TIME", 5000)
    hits = field(3000, 6, 8, 4)
    assert np.array_equal(found(hits, 20, range(0, 3000, 37)), components(hits, 20))


def test_centroids():
    clusterer = Clusterer(512, 512, 10)
    hits = (np.array([0, 1, 500, 501]), *np.array([[1, 2, 8, 9], [5, 5, 3, 3], [10, 30, 0, 0]], np.uint16))
    clusters = clusterer.feed(hits, 1 << 60)
    order = np.argsort(clusters.t_first)
    assert clusters.x[order].tolist() == [1.75, 8.5]
    assert clusters.y[order].tolist() == [5.0, 3.0]
    assert clusters.tot_max[order].tolist() == [30, 0]
    assert clusters.t_last[order].tolist() == [1, 501]
    assert clusters.extents[order].tolist() == [[1, 2, 5, 5], [8, 9, 3, 3]]


def test_a_window_beyond_the_range_is_refused():
    with pytest.raises(ValueError, match="16385 ticks"):
        Clusterer(512, 512, MAX_WINDOW + 1)


def test_a_hit_beside_the_detector_is_refused():
    with pytest.raises(ValueError, match="pixel 256: the detector has 256 pixels"):
        found((np.array([1]), *np.array([[3], [256], [1]], np.uint16)), 128, side=256)
