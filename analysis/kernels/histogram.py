"""Counts per pixel and per value."""

import numpy as np

from .jit import i8, kernel, table, u2, vector


@kernel(i8(table(i8), vector(u2, writable=False), vector(u2, writable=False)))
def count_pixels(image, x, y):  # type: ignore[no-untyped-def]
    """Add one to `image`, int64[height, width], at each hit's pixel."""
    for i in range(x.size):
        image[y[i], x[i]] += 1
    return x.size


@kernel(i8(vector(i8), vector(u2, writable=False)))
def count_values(spectrum, values):  # type: ignore[no-untyped-def]
    """Add one to `spectrum`, int64[bins], at each value; the last bin also takes all that is larger.

    Gives the sum of the values.
    """
    last, total = spectrum.size - 1, 0
    for value in values:
        total += value
        spectrum[min(np.int64(value), last)] += 1
    return total


def count_rows(spectrum: np.ndarray, values: np.ndarray) -> None:
    """Do the same for int64 values of one per cluster, where plain numpy is fast enough."""
    spectrum += np.bincount(np.minimum(values, spectrum.size - 1), minlength=spectrum.size)
