"""What is known of a cluster: sums over its hits, which add up whatever order they came in."""

import numpy as np

from .jit import i4, i8, kernel, table, u2, vector

N, TOT, XTOT, YTOT, TOT_MAX, T_FIRST, T_LAST, X_MIN, X_MAX, Y_MIN, Y_MAX = range(11)
"""Columns of a table of clusters, int64[clusters, 11]: hits; sum of ToT; sums of x ToT and y ToT; largest
ToT; first and last time in ticks; extents in pixels, both ends included."""
COLUMNS = 11


@kernel(
    i8(
        vector(i4, writable=False),
        vector(i8, writable=False),
        vector(u2, writable=False),
        vector(u2, writable=False),
        vector(u2, writable=False),
        i8,
        i8,
        table(i8),
    )
)
def accumulate(ids, t, x, y, tot, start, known, totals):  # type: ignore[no-untyped-def]
    """Add hits `start...` to the rows that `ids` names; rows from `known` on are new and are begun here.

    New rows must appear in ascending order of their first hit.
    """
    for i in range(start, t.size):
        k, px, py, q = ids[i], np.int64(x[i]), np.int64(y[i]), np.int64(tot[i])
        row = totals[k]
        if k >= known:
            known = k + 1
            row[0], row[1], row[2], row[3], row[4] = 1, q, px * q, py * q, q
            row[5] = row[6] = t[i]
            row[7] = row[8] = px
            row[9] = row[10] = py
        else:
            row[0] += 1
            row[1] += q
            row[2] += px * q
            row[3] += py * q
            row[4] = max(row[4], q)
            row[6] = t[i]
            row[7], row[8] = min(row[7], px), max(row[8], px)
            row[9], row[10] = min(row[9], py), max(row[10], py)
    return known


class Clusters:
    """Clusters as rows of `table`, int64[n, 11], in no particular order; its columns by name."""

    __slots__ = ("table",)

    def __init__(self, table: np.ndarray) -> None:
        self.table = table

    def __len__(self) -> int:
        return int(self.table.shape[0])

    @property
    def size(self) -> np.ndarray:
        """int64[n]: hits."""
        return self.table[:, N]

    @property
    def tot(self) -> np.ndarray:
        """int64[n]: sum of ToT, counts of 25 ns."""
        return self.table[:, TOT]

    @property
    def tot_max(self) -> np.ndarray:
        """int64[n]: largest ToT, counts of 25 ns."""
        return self.table[:, TOT_MAX]

    @property
    def t_first(self) -> np.ndarray:
        """int64[n]: time of the first hit, ticks of 1.5625 ns."""
        return self.table[:, T_FIRST]

    @property
    def t_last(self) -> np.ndarray:
        """int64[n]: time of the last hit, ticks of 1.5625 ns."""
        return self.table[:, T_LAST]

    @property
    def extents(self) -> np.ndarray:
        """int64[n, 4]: x_min, x_max, y_min, y_max, pixels, ends included."""
        return self.table[:, X_MIN:]

    def _centroid(self, weighted: int, low: int, high: int) -> np.ndarray:
        tot, middle = self.table[:, TOT], (self.table[:, low] + self.table[:, high]) / 2
        return np.where(tot > 0, self.table[:, weighted] / np.maximum(tot, 1), middle)

    @property
    def x(self) -> np.ndarray:
        """float64[n]: ToT-weighted mean, pixels; the middle of the extents where every ToT is 0."""
        return self._centroid(XTOT, X_MIN, X_MAX)

    @property
    def y(self) -> np.ndarray:
        """float64[n]: as x."""
        return self._centroid(YTOT, Y_MIN, Y_MAX)


NO_CLUSTERS = Clusters(np.empty((0, COLUMNS), np.int64))
