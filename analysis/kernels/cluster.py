"""Exact space-time clusters of a time-sorted stream.

A cluster is a connected component of hits, where two hits are neighbours when their pixels touch (8
neighbours, or the same pixel) and their times differ by at most the window. It may be as long as it likes.

Theory of operation. For each pixel a map keeps time and label of the last hit. A new hit takes the label of
the latest of the nine pixels around it that is inside the window; where another of them has another label,
the two labels are joined (union-find, the earlier label is the root). Looking at the last hit of a pixel only
is enough: an earlier one that is inside the window too is a neighbour of the later one. Between calls only
*open* clusters are kept, those with a hit that a future hit could still touch: their totals, and their hits
inside the window (the halo). So nothing is cut where blocks meet, and a cluster that never ends costs its
window.

The map's time is a *short* time, in which a pause of any length counts as the window and one tick. It goes on
from call to call, so that what the map holds of earlier calls is out of the window by itself; the halo is put
in again.
"""

from collections.abc import Mapping

import numpy as np

from .features import (
    COLUMNS,
    T_FIRST,
    T_LAST,
    TOT_MAX,
    X_MAX,
    X_MIN,
    Y_MAX,
    Y_MIN,
    YTOT,
    Clusters,
    accumulate,
)
from .jit import i4, i8, kernel, u2, vector
from .sort import Columns

_LABEL = (1 << 24) - 1
"""Part of a map's entry that is the label; the rest is short time."""
_MAP_TIME = 1 << 38
"""Short time after which the map is cleared and begins at 0."""
MAX_WINDOW = 1 << 14
"""Ticks, 25.6 us; so much times the hits of one call must stay below the range of short time."""
MAX_HITS = 1 << 23
"""Hits in one call, 8.4 million; labels must fit their part of an entry."""


@kernel(i8(vector(i4), i8, i8))
def _join(parent, a, b):  # type: ignore[no-untyped-def]
    while parent[a] != a:
        parent[a] = parent[parent[a]]
        a = parent[a]
    while parent[b] != b:
        parent[b] = parent[parent[b]]
        b = parent[b]
    parent[max(a, b)] = min(a, b)
    return 0


@kernel(i8(vector(i8, writable=False), vector(u2, writable=False), vector(u2, writable=False), i8, i8, i8,
           vector(i8), i8, i8, vector(i4), vector(i4)))
def _link(t, x, y, halo, known, window, last, stride, start, parent, ids):  # type: ignore[no-untyped-def]
    """Give each hit the number of its component, in order of first hits, and return how many there are.

    `ids` of the first `halo` hits are the numbers, below `known`, of open clusters. `start` is the short
    time of the first hit. On return `parent` tells which number each open cluster has now.
    """
    short, before, count = start, t[0] if t.size else 0, known
    up, one = np.uint64(stride), np.uint64(1)
    for k in range(known):
        parent[k] = k
    for i in range(t.size):
        now = t[i]
        short += min(now - before, window + 1)
        before = now
        here = (np.uint64(y[i]) + one) * up + np.uint64(x[i]) + one
        if i < halo:
            last[here] = short << 24 | ids[i]
            continue
        floor = (short - window) << 24
        a, b, c = here - up - one, here - one, here + up - one
        a0, a1, a2 = last[a], last[a + one], last[a + one + one]
        b0, b1, b2 = last[b], last[b + one], last[b + one + one]
        c0, c1, c2 = last[c], last[c + one], last[c + one + one]
        latest = max(max(max(a0, a1), max(a2, b0)), max(max(max(b1, b2), max(c0, c1)), c2))
        fresh = latest < floor
        label = count if fresh else latest & _LABEL
        parent[np.uint64(count)] = count
        count += fresh
        # No branch for each pixel: which of them has a neighbour cannot be predicted.
        a0, a1, a2 = a0 & _LABEL if a0 >= floor else label, a1 & _LABEL if a1 >= floor else label, \
            a2 & _LABEL if a2 >= floor else label
        b0, b1, b2 = b0 & _LABEL if b0 >= floor else label, b1 & _LABEL if b1 >= floor else label, \
            b2 & _LABEL if b2 >= floor else label
        c0, c1, c2 = c0 & _LABEL if c0 >= floor else label, c1 & _LABEL if c1 >= floor else label, \
            c2 & _LABEL if c2 >= floor else label
        if (((a0 ^ label) | (a1 ^ label) | (a2 ^ label)) | ((b0 ^ label) | (b1 ^ label) | (b2 ^ label))
                | ((c0 ^ label) | (c1 ^ label) | (c2 ^ label))):
            for other in (a0, a1, a2, b0, b1, b2, c0, c1, c2):
                if other != label:
                    _join(parent, other, label)
        last[here] = short << 24 | label
        ids[i] = label
    roots = 0
    for k in range(count):
        if parent[k] == k:
            parent[k] = roots
            roots += 1
        else:
            parent[k] = parent[parent[k]]  # a root before k, which has its number already
    for i in range(t.size):
        ids[i] = parent[ids[i]]
    return roots


_SUMS = slice(0, YTOT + 1)
_HIGHS = [TOT_MAX, T_LAST, X_MAX, Y_MAX]
_LOWS = [T_FIRST, X_MIN, Y_MIN]
_FAR = 1 << 62


class Clusterer:
    """Finds the clusters of a stream fed in pieces, each sorted and none older than the one before."""

    def __init__(self, width: int, height: int, window: int) -> None:
        """`width`, `height` in pixels; `window` in ticks: the largest time between neighbours."""
        if not 0 <= window <= MAX_WINDOW:
            raise ValueError(f"window of {window} ticks is not between 0 and {MAX_WINDOW} ticks of 1.5625 ns")
        self._stride, self._window, self._short = width + 2, window, 0
        self._last = np.full((width + 2) * (height + 2), -1, np.int64)
        self._work = np.empty((2, 1 << 12), np.int32)
        self._totals = np.empty((1 << 12, COLUMNS), np.int64)
        self._forget()

    def _forget(self) -> None:
        none = np.empty(0, np.uint16)
        self._halo: Columns = (np.empty(0, np.int64), none, none, none)
        self._halo_ids = np.empty(0, np.int32)
        self._open = np.empty((0, COLUMNS), np.int64)

    def feed(self, hits: Columns, horizon: int) -> Clusters:
        """Take sorted hits and give the clusters that are complete when no hit before `horizon` is to come.

        The result is a view, valid until the next call.
        """
        halo, known = self._halo_ids.size, len(self._open)
        if halo:
            t, x, y, tot = (np.concatenate(pair) for pair in zip(self._halo, hits, strict=True))
        else:
            t, x, y, tot = hits
        if t.size > MAX_HITS:
            return self._in_halves(hits, horizon)
        self._make_room(t.size)
        parent, ids = self._work
        ids[:halo] = self._halo_ids
        count = _link(t, x, y, halo, known, self._window, self._last, self._stride, self._short, parent, ids)
        self._short += (t.size + 1) * (self._window + 1)
        if count > len(self._totals):
            self._totals = np.empty((2 * count, COLUMNS), np.int64)
        totals, renumbered = self._totals[:count], parent[:known]
        known = int(renumbered.max(initial=-1)) + 1
        self._carry_over(totals[:known], renumbered)
        accumulate(ids, t, x, y, tot, halo, known, totals)
        return self._close(totals, (t, x, y, tot), ids, horizon - self._window)

    def flush(self) -> Clusters:
        """Give the clusters that are still open, and begin anew."""
        rest = Clusters(self._open)
        self._forget()
        return rest

    def _in_halves(self, hits: Columns, horizon: int) -> Clusters:
        middle = hits[0].size // 2
        parts = []
        for piece, until in ((slice(None, middle), int(hits[0][middle])), (slice(middle, None), horizon)):
            t, x, y, tot = (column[piece] for column in hits)
            parts.append(self.feed((t, x, y, tot), until).table.copy())
        return Clusters(np.concatenate(parts))

    def _make_room(self, hits: int) -> None:
        if hits >= self._work.shape[1]:
            self._work = np.empty((2, 2 * hits), np.int32)
        if self._short > _MAP_TIME:
            self._last[:] = -1
            self._short = 0
        self._short += self._window + 1

    def _carry_over(self, totals: np.ndarray, rows: np.ndarray) -> None:
        """Put the totals of open clusters, which may have grown together, into their new rows."""
        totals[:] = 0
        totals[:, _HIGHS] = -_FAR
        totals[:, _LOWS] = _FAR
        for columns, join in ((_SUMS, np.add), (_HIGHS, np.maximum), (_LOWS, np.minimum)):
            part = totals[:, columns]
            join.at(part, rows, self._open[:, columns])
            totals[:, columns] = part

    def _close(self, totals: np.ndarray, hits: Columns, ids: np.ndarray, limit: int) -> Clusters:
        """Keep what a hit at or after `limit` plus the window could still touch; give the rest."""
        is_open = totals[:, T_LAST] >= limit
        stay = np.flatnonzero(is_open)
        cut = int(np.searchsorted(hits[0], limit))
        t, x, y, tot = (column[cut:].copy() for column in hits)
        self._halo = t, x, y, tot
        self._halo_ids = np.searchsorted(stay, ids[cut:hits[0].size]).astype(np.int32)
        self._open = totals[stay]
        # Closed rows from the end fill the places of the open ones; a mask would copy nearly all.
        closed = len(totals) - stay.size
        totals[stay[stay < closed]] = totals[closed:][~is_open[closed:]]
        return Clusters(totals[:closed])

    def state(self) -> dict[str, np.ndarray]:
        """Give all that is needed to go on from here."""
        names = ("t", "x", "y", "tot")
        return dict(zip(names, self._halo, strict=True)) | {"ids": self._halo_ids, "open": self._open}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Go on from where `state` was taken."""
        self._halo = state["t"], state["x"], state["y"], state["tot"]
        self._halo_ids, self._open = state["ids"], state["open"]
