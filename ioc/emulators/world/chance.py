"""Random numbers that belong to a thing, not to a sequence: the same particle always has the same luck.

So whatever is drawn for a particle or a pixel does not depend on who asks, when, or in what portions.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_GOLDEN = 0x9E3779B97F4A7C15


def bits(number: Ints, stream: int, seed: int = 0) -> NDArray[np.uint64]:
    """64 random bits for each number; another stream or seed gives others.

    The mixing function of SplitMix64 (Steele, Lea, Flood 2014), twice, since neighbouring numbers differ in
    few bits.
    """
    key = _mixed(np.array([(seed * 0x10001 + stream) & 0xFFFFFFFFFFFFFFFF], np.uint64))
    return _mixed(_mixed(number.astype(np.uint64) + key))


def uniform(number: Ints, stream: int, seed: int = 0) -> Floats:
    """Numbers in (0, 1), never 0 or 1."""
    return ((bits(number, stream, seed) >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52


def normal(number: Ints, stream: int, seed: int = 0) -> Floats:
    """Numbers of the standard normal distribution, by Box and Muller."""
    word = bits(number, stream, seed)
    radius = ((word >> np.uint64(24)).astype(np.float64) + 0.5) * 2.0**-40
    angle = (word & np.uint64(0xFFFFFF)).astype(np.float64) * (2 * np.pi * 2.0**-24)
    return np.sqrt(-2 * np.log(radius)) * np.cos(angle)


def _mixed(word: NDArray[np.uint64]) -> NDArray[np.uint64]:
    word = word + np.uint64(_GOLDEN)
    word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return word ^ (word >> np.uint64(31))
