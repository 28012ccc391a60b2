"""Short counters and the long time behind them."""

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


def extend(value: Ints, reference: Ints | int, bits: int) -> Ints:
    """The number nearest to `reference` that equals `value` modulo 2**bits.

    All int64 and in the same unit. Right as long as value and reference belong to instants less than half a
    period apart: 13.4 s for pixel words (30 bits of 25 ns), 53.7 s for triggers (35 bits of 3.125 ns).
    """
    half, mask = 1 << (bits - 1), (1 << bits) - 1
    return reference + (((value - reference + half) & mask) - half)


def unwrap(value: Ints, bits: int, before: int = -1, epoch: int = 0) -> tuple[Ints, int, int]:
    """Follow a counter of `bits` bits over its roll-overs by its own steps alone.

    A step back by more than half a period begins the next epoch, a step forward by more than that goes back
    to the one before, never below 0. Fails silently over a gap longer than half a period, which is why it
    serves only where a stream carries no global time.

    value: int64[n]. before: the value that came before the first (-1: none). Returns the int64[n] extended
    values, and `before` and `epoch` for the next call.
    """
    if not len(value):
        return value.copy(), before, epoch
    steps = np.diff(value, prepend=value[0] if before < 0 else before)
    half = 1 << (bits - 1)
    level = epoch + np.cumsum((steps < -half).astype(np.int64) - (steps > half))
    # Held at zero from below: what the running sum has gone under zero so far is given back.
    epochs = level - np.minimum(np.minimum.accumulate(level), 0)
    return value + (epochs << bits), int(value[-1]), int(epochs[-1])


def split_ticks(ticks: Ints) -> tuple[NDArray[np.uint16], NDArray[np.uint16], NDArray[np.uint8]]:
    """(spidr, toa, ftoa) of a pixel word, for an absolute time in ticks of 1.5625 ns."""
    coarse = -(-ticks >> 4)
    ftoa = (coarse << 4) - ticks
    return (
        ((coarse >> 14) & 0xFFFF).astype(np.uint16),
        (coarse & 0x3FFF).astype(np.uint16),
        ftoa.astype(np.uint8),
    )
