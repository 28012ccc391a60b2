"""The slow and certain way to find clusters, to judge the fast one by."""

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

Columns = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def components(hits: Columns, window: int) -> np.ndarray:
    """Clusters by testing every pair inside the window: a table with the columns of `features`, sorted."""
    order = np.argsort(hits[0], kind="stable")
    t, x, y, tot = (column.astype(np.int64)[order] for column in hits)
    if not t.size:
        return np.empty((0, 11), np.int64)
    first, second = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for step in range(1, t.size):
        near = t[step:] - t[:-step] <= window
        if not near.any():
            break
        at = np.flatnonzero(near & (abs(x[step:] - x[:-step]) <= 1) & (abs(y[step:] - y[:-step]) <= 1))
        first.append(at)
        second.append(at + step)
    a, b = np.concatenate(first), np.concatenate(second)
    _, label = connected_components(coo_array((np.ones(a.size), (a, b)), (t.size, t.size)), directed=False)
    order = np.argsort(label, kind="stable")
    edges = np.flatnonzero(np.diff(label[order], prepend=-1))
    columns = [
        (np.add, np.ones_like(t)),
        (np.add, tot),
        (np.add, x * tot),
        (np.add, y * tot),
        (np.maximum, tot),
        (np.minimum, t),
        (np.maximum, t),
        (np.minimum, x),
        (np.maximum, x),
        (np.minimum, y),
        (np.maximum, y),
    ]
    return ordered(np.stack([join.reduceat(column[order], edges) for join, column in columns], axis=1))


def ordered(table: np.ndarray) -> np.ndarray:
    """Rows of a table of clusters in an order of their own, to compare two tables."""
    return table[np.lexsort(table.T)]


def shuffled(hits: Columns, bound: int, seed: int) -> Columns:
    """The same hits, each at most `bound` ticks behind a later one."""
    noise = np.random.default_rng(seed).integers(0, bound + 1, hits[0].size)
    order = np.argsort(hits[0] + noise, kind="stable")
    t, x, y, tot = (column[order] for column in hits)
    return t, x, y, tot
