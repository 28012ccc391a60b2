"""Which hits find their pixel free."""

import numpy as np

from .chance import Floats, Ints


def free(pixel: Ints, begin: Floats, end: Floats, busy: Floats | None = None) -> Ints | None:
    """Index, in rising order, of the hits that find their pixel free; None when all do.

    pixel: int64[n]. begin, end: float64[n], when each hit would begin and when its pixel is free again. busy:
    float64 by pixel, until when each is busy from before; brought up to date, so that the next call goes on.
    """
    order = np.lexsort((begin, pixel))
    where, start, stop = pixel[order], begin[order], end[order]
    good = np.ones(len(order), bool)
    # A pixel is in doubt when one of its hits begins before the one ahead of it, or of an earlier call, ends.
    doubt = np.zeros(len(order), bool)
    doubt[1:] = (where[1:] == where[:-1]) & (start[1:] < stop[:-1])
    if busy is not None:
        until = busy.reshape(-1)
        doubt |= start < until[where]
    for pixel_in_doubt in np.unique(where[doubt]).tolist():
        low, high = np.searchsorted(where, (pixel_in_doubt, pixel_in_doubt + 1))
        last = -np.inf if busy is None else float(until[pixel_in_doubt])
        for index in range(low, high):
            good[index] = start[index] >= last
            if good[index]:
                last = float(stop[index])
    if busy is not None:
        # Hits of a pixel follow one another, so the last that counts is the one to wait for.
        until[where[good]] = stop[good]
    return None if good.all() else np.sort(order[good])
