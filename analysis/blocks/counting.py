"""Blocks whose whole state is a few arrays of counts: nearly all of them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ...bus.attribute import Attribute
from .base import HitBatch

if TYPE_CHECKING:
    from ..kernels.features import Clusters


class Counting:
    """A block with int64 arrays of the shapes in `SHAPES`, as `self.counts[name]`: zero when a run begins."""

    SHAPES: ClassVar[dict[str, tuple[int, ...]]] = {}
    outputs: ClassVar[tuple[Attribute, ...]] = ()
    Options: ClassVar[type | None] = None
    merge: ClassVar[str] = "sum"

    def __init__(self) -> None:
        self.reset("")

    def reset(self, run: str) -> None:
        """Begin a run with all counts zero."""
        self.counts = {name: np.zeros(shape, np.int64) for name, shape in self.SHAPES.items()}

    def exposure_begin(self) -> None:
        """Go on counting."""

    def hits(self, batch: HitBatch) -> None:
        """Take no notice of hits."""

    def clusters(self, batch: "Clusters") -> None:
        """Take no notice of clusters."""

    def results(self) -> dict[str, Any]:
        """Give every array."""
        return {name: saturated(array) for name, array in self.counts.items()}

    def state(self) -> dict[str, np.ndarray]:
        """Give copies of all counts."""
        return {name: array.copy() for name, array in self.counts.items()}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Take all counts from `state`."""
        self.counts = {
            name: np.array(state[name], np.int64).reshape(shape) for name, shape in self.SHAPES.items()
        }


def saturated(counts: np.ndarray) -> np.ndarray:
    """Counts of int64 as the int32 that a waveform record holds; what is too large shows as 2^31 - 1."""
    return np.minimum(counts, np.iinfo(np.int32).max).astype("<i4")
