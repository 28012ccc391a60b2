"""Hits leave the sorter in order of time, each once, whatever the pieces; late ones by one rule."""

import itertools

import numpy as np
import pytest
from brute import shuffled
from hitline.analysis.kernels.sort import TimeSort
from hypothesis import given, settings
from hypothesis import strategies as st


def random_hits(size, span, seed):
    rng = np.random.default_rng(seed)
    x, y, tot = rng.integers(0, 512, (3, size)).astype(np.uint16)
    return np.sort(rng.integers(0, span, size)), x, y, tot


def run(sorter, hits, cuts):
    """Feed in pieces; check that nothing comes before a horizon that was promised."""
    edges = [0, *sorted(c % (hits[0].size + 1) for c in cuts), hits[0].size]
    out, horizon = [], -1 << 62
    for start, stop in itertools.pairwise(edges):
        released = sorter.feed(*(column[start:stop] for column in hits))
        if released is not None:
            assert not released[0].size or released[0][0] >= horizon
            horizon = sorter.horizon
            assert (released[0] < horizon).all()
            out.append([column.copy() for column in released])
    out.append([column.copy() for column in sorter.flush()])
    return tuple(np.concatenate(columns) for columns in zip(*out, strict=True))


def canonical(hits):
    return np.stack([c.astype(np.int64) for c in hits])[:, np.lexsort(hits[::-1])]


@settings(max_examples=60, deadline=None)
@given(
    size=st.integers(0, 3000),
    span=st.sampled_from([1, 50, 10**4, 10**7, 2**33]),
    bound=st.integers(0, 10**4),
    seed=st.integers(0, 99),
    cuts=st.lists(st.integers(0, 10**4), max_size=12),
)
def test_sorted_and_complete_for_any_pieces(size, span, bound, seed, cuts):
    hits = random_hits(size, span, seed)
    sorter = TimeSort(bound)
    out = run(sorter, shuffled(hits, bound, seed), cuts)
    assert sorter.late == 0
    assert (np.diff(out[0]) >= 0).all()
    assert np.array_equal(canonical(out), canonical(hits))


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 999), cuts=st.lists(st.integers(0, 10**4), max_size=12))
def test_what_is_late_depends_on_the_stream_alone(seed, cuts):
    bound = 500
    hits = shuffled(random_hits(2000, 10**5, seed), 4 * bound, seed)
    newest = np.maximum.accumulate(hits[0])
    in_time = hits[0] >= newest - bound
    sorter = TimeSort(bound)
    out = run(sorter, hits, cuts)
    assert sorter.late == np.count_nonzero(~in_time) > 0
    assert np.array_equal(canonical(out), canonical(tuple(c[in_time] for c in hits)))


@pytest.mark.parametrize("gap", [2**38, 2**39, 2**45])
def test_long_pauses(gap):
    hits = random_hits(1000, 10**5, 1)
    t = hits[0] + (np.arange(1000) // 300) * gap
    out = run(TimeSort(100), shuffled((t, *hits[1:]), 100, 2), ())
    assert np.array_equal(canonical(out), canonical((t, *hits[1:])))


def test_after_a_flush_time_may_begin_again():
    hits = random_hits(500, 10**6, 4)
    sorter = TimeSort(100)
    first, second = run(sorter, hits, (70, 200)), run(sorter, hits, (10,))
    assert np.array_equal(canonical(first), canonical(second))
    assert sorter.late == 0


def test_state_carries_it_over():
    hits = shuffled(random_hits(4000, 10**6, 5), 5000, 5)
    wanted = run(TimeSort(5000), hits, ())
    sorter, out = TimeSort(5000), []
    for at in range(0, 4000, 333):
        released = sorter.feed(*(column[at : at + 333] for column in hits))
        if released is not None:
            out.append([c.copy() for c in released])
        fresh = TimeSort(5000)
        fresh.restore(sorter.state())
        sorter = fresh
    out.append(list(sorter.flush()))
    assert np.array_equal(
        canonical(tuple(np.concatenate(c) for c in zip(*out, strict=True))), canonical(wanted)
    )
