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
from .link import link
from .sort import Columns

_MAP_TIME = 1 << 38
"""Short time after which the map is cleared and begins at 0."""
MAX_WINDOW = 1 << 14
"""Ticks, 25.6 us; so much times the hits of one call must stay below the range of short time."""
MAX_HITS = 1 << 23
"""Hits in one call, 8.4 million; labels must fit their part of an entry."""


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
        self._width, self._height, self._stride = width, height, width + 2
        self._window, self._short = window, 0
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

        The result is a view, valid until the next call. Raises ValueError for a hit beside the detector.
        """
        for column, size in ((hits[1], self._width), (hits[2], self._height)):
            if column.max(initial=0) >= size:
                raise ValueError(f"hit at pixel {column.max()}: the detector has {size} pixels, from 0 on")
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
        count = link(t, x, y, halo, known, self._window, self._last, self._stride, self._short, parent, ids)
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
        self._halo_ids = np.searchsorted(stay, ids[cut : hits[0].size]).astype(np.int32)
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
