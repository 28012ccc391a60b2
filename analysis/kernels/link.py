"""The kernel of clustering: which hits of a time-sorted piece belong together.

The map of last hits holds, per pixel, short time << 24 | label; -1 where there is none. See `cluster` for the
theory.
"""

import numpy as np

from .jit import i4, i8, kernel, u2, vector

LABEL_BITS = 24
_LABEL = (1 << LABEL_BITS) - 1


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


@kernel(
    i8(
        vector(i8, writable=False),
        vector(u2, writable=False),
        vector(u2, writable=False),
        i8,
        i8,
        i8,
        vector(i8),
        i8,
        i8,
        vector(i4),
        vector(i4),
    )
)
def link(t, x, y, halo, known, window, last, stride, start, parent, ids):  # type: ignore[no-untyped-def]
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
            last[here] = short << LABEL_BITS | ids[i]
            continue
        floor = (short - window) << LABEL_BITS
        a, b, c = here - up - one, here - one, here + up - one
        a0, a1, a2 = last[a], last[a + one], last[a + one + one]
        b0, b1, b2 = last[b], last[b + one], last[b + one + one]
        c0, c1, c2 = last[c], last[c + one], last[c + one + one]
        latest = max(max(max(a0, a1), max(a2, b0)), max(max(max(b1, b2), max(c0, c1)), c2))
        fresh = latest < floor
        label = count if fresh else latest & _LABEL
        parent[np.uint64(count)] = count
        count += fresh
        # No branch for each pixel: which of them has a neighbour cannot be predicted. An old entry counts as
        # equal, by the sign of what it lies below the floor.
        differ = (
            ((a0 ^ latest) & ~((a0 - floor) >> 63))
            | ((a1 ^ latest) & ~((a1 - floor) >> 63))
            | ((a2 ^ latest) & ~((a2 - floor) >> 63))
            | ((b0 ^ latest) & ~((b0 - floor) >> 63))
            | ((b1 ^ latest) & ~((b1 - floor) >> 63))
            | ((b2 ^ latest) & ~((b2 - floor) >> 63))
            | ((c0 ^ latest) & ~((c0 - floor) >> 63))
            | ((c1 ^ latest) & ~((c1 - floor) >> 63))
            | ((c2 ^ latest) & ~((c2 - floor) >> 63))
        )
        if differ & _LABEL:
            for other in (a0, a1, a2, b0, b1, b2, c0, c1, c2):
                if other >= floor and other & _LABEL != label:
                    _join(parent, other & _LABEL, label)
        last[here] = short << LABEL_BITS | label
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
