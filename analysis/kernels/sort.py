"""Hits in order of time, when each comes at most a bound after a later one.

Theory of operation. `arrive` takes hits in the order of the stream. One that is older than the newest hit
before it by more than the bound is *late*: it is counted and left out, a decision that depends on nothing but
the stream. All others lie at or after the horizon (newest less bound), so everything before the horizon is
complete and is released, sorted. The rest is carried as it came. To look at carried hits again only rarely,
sorting waits until at least as many new ones have come, so the cost per hit is bounded whatever the bound and
the block size.
"""

from collections.abc import Mapping

import numpy as np

from .radix import INDEX_BITS, SPAN_BITS, arrive, gather, keep, radix

Columns = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
"""t int64, x, y, tot uint16."""

_NEVER = 1 << 62


def columns(size: int) -> Columns:
    """Make room for `size` hits."""
    x, y, tot = (np.empty(size, np.uint16) for _ in range(3))
    return np.empty(size, np.int64), x, y, tot


class TimeSort:
    """Sorts a stream whose disorder is bounded by `bound` ticks."""

    def __init__(self, bound: int) -> None:
        self._waiting, self._sorted = columns(1 << 12), columns(1 << 12)
        self._keys = np.empty((2, 1 << 12), np.uint64)
        self._counts = np.empty(1 << 12, np.uint64)
        self._state = np.array([0, 0, 0, bound], np.int64)
        self._carried = 0
        self.late = 0
        """Hits left out because they came later than the bound."""
        self._restart()

    def _restart(self) -> None:
        self._carried = 0
        self._state[:3] = 0, -_NEVER, _NEVER

    @property
    def horizon(self) -> int:
        """Ticks; no hit before it is still to come."""
        return int(self._state[1] - self._state[3])

    def feed(self, t: np.ndarray, x: np.ndarray, y: np.ndarray, tot: np.ndarray) -> Columns | None:
        """Take hits in stream order; give sorted ones up to `horizon` when it is worth while, else None.

        The result is a view, valid until the next call.
        """
        fill = int(self._state[0])
        if fill + t.size > self._waiting[0].size:
            grown = columns(2 * (fill + t.size))
            for new, old in zip(grown, self._waiting, strict=True):
                new[:fill] = old[:fill]
            self._waiting = grown
        self.late += arrive(t, x, y, tot, *self._waiting, self._state)
        if self._state[0] < 2 * self._carried:
            return None
        return self._release(self.horizon)

    def flush(self) -> Columns:
        """Give all that waits, sorted, and begin anew: what comes next may be older."""
        released = self._release(_NEVER)
        self._restart()
        return released

    def _release(self, horizon: int) -> Columns:
        released = self._sort(horizon)
        self._carried = keep(*self._waiting, horizon, self._state)
        return released

    def _sort(self, horizon: int) -> Columns:
        """Sort the hits before `horizon` into memory of their own."""
        n, newest, oldest = (int(value) for value in self._state[:3])
        if n > self._sorted[0].size:
            self._keys = np.empty((2, 2 * n), np.uint64)
            self._sorted = columns(2 * n)
        t, x, y, tot = (column[:n] for column in self._waiting)
        bits = max(0, min(newest, horizon - 1) - oldest).bit_length()
        if bits <= SPAN_BITS and n < 1 << INDEX_BITS:
            keys, spare = self._keys[0, :n], self._keys[1, :n]
            ready = radix(t, oldest, horizon, bits, keys, spare, self._counts) if n else 0
            if ready < 0:
                ready, keys = ready + n + 1, spare
            gather(keys[:ready], oldest, x, y, tot, *self._sorted)
        else:  # a pause of a quarter of an hour inside one block
            at = np.flatnonzero(t < horizon)
            order = at[np.argsort(t[at], kind="stable")]
            ready = order.size
            for column, done in zip(self._waiting, self._sorted, strict=True):
                done[:ready] = column[order]
        t, x, y, tot = (column[:ready] for column in self._sorted)
        return t, x, y, tot

    def state(self) -> dict[str, np.ndarray]:
        """Give all that is needed to go on from here."""
        n = int(self._state[0])
        names = ("t", "x", "y", "tot")
        waiting = {name: column[:n].copy() for name, column in zip(names, self._waiting, strict=True)}
        return waiting | {"sort": np.array([*self._state, self._carried, self.late], np.int64)}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Go on from where `state` was taken."""
        numbers = state["sort"]
        self._state, self._carried, self.late = numbers[:4].copy(), int(numbers[4]), int(numbers[5])
        n = int(numbers[0])
        self._waiting = columns(max(1 << 12, 2 * n))
        for name, column in zip(("t", "x", "y", "tot"), self._waiting, strict=True):
            column[:n] = state[name]
