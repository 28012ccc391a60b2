"""The kernels of sorting by time: take in, order, gather, keep. See `sort` for the theory."""

import numpy as np

from .jit import i8, kernel, u2, u8, vector

INDEX_BITS = 24
"""Of a key, for the place of a hit; the rest is its time."""
SPAN_BITS = 63 - INDEX_BITS


@kernel(
    i8(
        vector(i8, writable=False),
        vector(u2, writable=False),
        vector(u2, writable=False),
        vector(u2, writable=False),
        vector(i8),
        vector(u2),
        vector(u2),
        vector(u2),
        vector(i8),
    )
)
def arrive(t, x, y, tot, to_t, to_x, to_y, to_tot, state):  # type: ignore[no-untyped-def]
    """state: fill, newest, oldest of the waiting, bound. Gives the number of late hits."""
    fill, newest, oldest, bound = state[0], state[1], state[2], state[3]
    start = fill
    for i in range(t.size):
        now = t[i]
        if now >= newest - bound:
            newest, oldest = max(newest, now), min(oldest, now)
            to_t[fill], to_x[fill], to_y[fill], to_tot[fill] = now, x[i], y[i], tot[i]
            fill += 1
    state[0], state[1], state[2] = fill, newest, oldest
    return t.size - (fill - start)


@kernel(i8(vector(i8, writable=False), i8, i8, i8, vector(u8), vector(u8), vector(u8)))
def radix(t, oldest, horizon, bits, keys, spare, counts):  # type: ignore[no-untyped-def]
    """Stable order of the hits before `horizon`: keys become (t - oldest) << 24 | index, ascending.

    Gives their number, or that less `t.size + 1` when the result is in `spare`. Unsigned throughout: signed
    indices cost a test for negative ones at every access.
    """
    one, n = np.uint64(1), np.uint64(0)
    for i in range(t.size):
        keys[n] = np.uint64(t[i] - oldest) << np.uint64(INDEX_BITS) | np.uint64(i)
        n += np.uint64(t[i] < horizon)
    passes = max(1, (bits + 11) // 12)
    width = (bits + passes - 1) // passes
    mask = np.uint64((1 << width) - 1)
    for k in range(passes):
        shift = np.uint64(INDEX_BITS + k * width)
        counts[: 1 << width] = 0
        for i in range(n):
            counts[(keys[i] >> shift) & mask] += one
        total = np.uint64(0)
        for d in range(1 << width):
            count = counts[d]
            counts[d] = total
            total += count
        for i in range(n):
            key = keys[i]
            digit = (key >> shift) & mask
            spare[counts[digit]] = key
            counts[digit] += one
        keys, spare = spare, keys
    return np.int64(n) - (passes & 1) * (t.size + 1)


@kernel(
    i8(
        vector(u8, writable=False),
        i8,
        vector(u2, writable=False),
        vector(u2, writable=False),
        vector(u2, writable=False),
        vector(i8),
        vector(u2),
        vector(u2),
        vector(u2),
    )
)
def gather(keys, oldest, x, y, tot, to_t, to_x, to_y, to_tot):  # type: ignore[no-untyped-def]
    """Columns of the hits in the order of the keys."""
    for i in range(keys.size):
        j = keys[i] & np.uint64((1 << INDEX_BITS) - 1)
        to_t[i] = np.int64(keys[i] >> np.uint64(INDEX_BITS)) + oldest
        to_x[i], to_y[i], to_tot[i] = x[j], y[j], tot[j]
    return keys.size


@kernel(i8(vector(i8), vector(u2), vector(u2), vector(u2), i8, vector(i8)))
def keep(t, x, y, tot, horizon, state):  # type: ignore[no-untyped-def]
    """Leave only the hits from `horizon` on, in their order."""
    fill, oldest = np.uint64(0), np.int64(1) << 62
    for i in range(state[0]):
        now = t[i]
        t[fill], x[fill], y[fill], tot[fill] = now, x[i], y[i], tot[i]
        if now >= horizon:
            fill += np.uint64(1)
            oldest = min(oldest, now)
    state[0], state[2] = np.int64(fill), oldest
    return state[0]
