"""Clouds of charge shared over pixels: Gaussian clouds over a square grid, summed up by particle and pixel.

Works without sorting: each particle has a window of pixels around all its clouds, all windows stand one
after the other in one array, and the shares are summed into it.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .chance import Floats, Ints

REACH = 3.5
"""Widths of a cloud beyond which a pixel gets nothing of it; the outermost pixel within takes the tail."""
_LIMIT, _FINE = 5.0, 4096
_BELOW = np.array(
    [
        0.5 * math.erfc(-step / _FINE / math.sqrt(2))
        for step in range(int(-_LIMIT * _FINE), int(_LIMIT * _FINE) + 1)
    ]
)


@dataclass(frozen=True)
class Clouds:
    """Clouds, those of a particle together; equal-length arrays.

    particle: int64, index, rising. x, y: float64, pixels, 0 is the edge of the first one. width: float64,
    pixels rms. charge, t: float64, any unit.
    """

    particle: Ints
    x: Floats
    y: Floats
    width: Floats
    charge: Floats
    t: Floats


@dataclass(frozen=True)
class Shares:
    """Charge by particle and pixel, in that order (rows before columns); equal-length arrays.

    t is the mean over the clouds, weighted by what each gave.
    """

    particle: Ints
    x: Ints
    y: Ints
    charge: Floats
    t: Floats


def shared(clouds: Clouds, side: int, least: float) -> Shares:
    """Share clouds over the pixels of a square of `side`; shares of `least` charge and less are left out."""
    column, row = np.floor(clouds.x).astype(np.int64), np.floor(clouds.y).astype(np.int64)
    right, up = clouds.x - column >= 0.5, clouds.y - row >= 0.5
    half = np.ceil(clouds.width * REACH).astype(np.int64)
    # A cloud that reaches less than half a pixel touches its pixel and the nearer neighbour at most.
    near = clouds.width * REACH <= 0.5
    low = np.where(near, -1, -half)
    x0, y0 = column + np.where(near & right, 0, low), row + np.where(near & up, 0, low)
    span = np.where(near, 2, 2 * half + 1)

    begins = np.flatnonzero(np.diff(clouds.particle, prepend=-1))
    order = np.cumsum(np.diff(clouds.particle, prepend=clouds.particle[:1]) != 0)
    left, bottom = np.minimum.reduceat(x0, begins), np.minimum.reduceat(y0, begins)
    width = np.maximum.reduceat(x0 + span, begins) - left
    cells = width * (np.maximum.reduceat(y0 + span, begins) - bottom)
    base = np.cumsum(cells) - cells
    corner = base[order] + (y0 - bottom[order]) * width[order] + x0 - left[order]

    cell, share, t = (
        np.concatenate(column)
        for column in zip(*_parts(clouds, x0, y0, span, corner, width[order]), strict=True)
    )
    total = np.bincount(cell, share, int(cells.sum()))
    moment = np.bincount(cell, share * t, len(total))
    hit = np.flatnonzero(total > least)
    owner = np.searchsorted(base, hit, side="right") - 1
    inside = hit - base[owner]
    x, y = left[owner] + inside % width[owner], bottom[owner] + inside // width[owner]
    kept = (x >= 0) & (x < side) & (y >= 0) & (y < side)
    hit, owner = hit[kept], owner[kept]
    return Shares(clouds.particle[begins][owner], x[kept], y[kept], total[hit], moment[hit] / total[hit])


def _parts(
    clouds: Clouds, x0: Ints, y0: Ints, span: Ints, corner: Ints, stride: Ints
) -> Iterator[tuple[Ints, Floats, Floats]]:
    """(cell, charge, t) of each pixel that a cloud touches, for clouds of one size after another."""
    for size in np.unique(span).tolist():
        which: NDArray | slice = np.flatnonzero(span == size)
        if len(clouds.x[which]) == len(span):
            which = slice(None)
        across = _fractions(clouds.x[which] - x0[which], clouds.width[which], size)
        along = _fractions(clouds.y[which] - y0[which], clouds.width[which], size) * clouds.charge[which]
        steps = np.arange(size)[:, None, None] * stride[which] + np.arange(size)[None, :, None]
        share = along[:, None] * across[None, :]
        t = np.broadcast_to(clouds.t[which], share.shape)
        yield (corner[which] + steps).ravel(), share.ravel(), t.ravel()


def _fractions(x: Floats, width: Floats, size: int) -> Floats:
    """What each of `size` pixels from 0 on gets of clouds at x, along one axis; float64[size, n], sum 1."""
    edges = (np.arange(1, size)[:, None] - x) * (_FINE / np.maximum(width, 1e-6))
    below = np.zeros((size + 1, len(x)))
    below[size] = 1.0
    below[1:size] = _BELOW[
        np.clip(edges, -_LIMIT * _FINE, _LIMIT * _FINE).astype(np.int64) + len(_BELOW) // 2
    ]
    return np.diff(below, axis=0)
