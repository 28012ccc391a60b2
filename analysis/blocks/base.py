"""What a pipeline block is, and how it is found.

A block sees every hit and every cluster of a run once and adds them to its own counts. Another package brings
one as a class under an entry point of the group `hitline.blocks`; its `outputs` join the attributes of the
worker that runs it, and so become process variables. Counts only ever add up, in whatever pieces hits and
clusters come: that makes a result independent of blocks of the log, restarts and shares among workers.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np

from ...bus.attribute import Attribute
from ...bus.entry_points import BLOCKS, find

if TYPE_CHECKING:
    from ..kernels.features import Clusters


@dataclass(frozen=True, slots=True, eq=False)
class HitBatch:
    """Hits as columns of equal length, in the order of the stream; each comes once. Valid during the call."""

    t: np.ndarray
    """int64: ticks of 1.5625 ns; differences inside an exposure are meaningful, the zero is not."""
    x: np.ndarray
    """uint16: pixels from the left of the detector, below `width`."""
    y: np.ndarray
    """uint16: pixels from its bottom, below `height`."""
    tot: np.ndarray
    """uint16: time over threshold, counts of 25 ns."""
    chip: np.ndarray
    """uint8: number of the chip, below 16."""
    width: int
    height: int
    begun_ns: int
    """Monotonic host time at which the exposure began; outside of exposures that of the first hits."""
    last_ns: int
    """Monotonic host time at which the last of them were received."""
    events: np.ndarray | None = None
    """uint16: how often each pixel was hit, where pixels only counted; then `t` is 0 and `tot` a sum."""

    def __len__(self) -> int:
        return int(self.t.size)


class Block(Protocol):
    """One kind of result.

    A class with options names their dataclass in `Options` and is made with an instance of it; one without
    (`Options = None`) is made without arguments.
    """

    outputs: ClassVar[tuple[Attribute, ...]]
    """The attributes that `results` gives. Those named `exposure_...` are published at the end of an exposure
    only, the others at any time."""
    Options: ClassVar[type | None]
    merge: ClassVar[str]
    """How the states of several workers become one: "sum"."""

    def reset(self, run: str) -> None:
        """Begin a run."""

    def exposure_begin(self) -> None:
        """Begin an exposure of the run."""

    def hits(self, batch: HitBatch) -> None:
        """Take hits."""

    def clusters(self, batch: "Clusters") -> None:
        """Take finished clusters; the table belongs to the caller and is valid during the call."""

    def results(self) -> dict[str, Any]:
        """Give the value of each output: a scalar, or an array that the block does not change afterwards."""

    def state(self) -> dict[str, np.ndarray]:
        """Give all that a block needs to go on from here; arrays it does not change afterwards."""

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Go on from where `state` was taken."""


def make(names: Iterable[str], options: Mapping[str, Any] | None = None) -> dict[str, Block]:
    """Make the blocks of these names, with their options as tables or instances.

    Raises EntryPointError for an unknown one, ValueError when two give a result of the same name.
    """
    blocks: dict[str, Block] = {}
    owners: dict[str, str] = {}
    for name in names:
        cls = find(BLOCKS, name)
        kind, given = getattr(cls, "Options", None), (options or {}).get(name)
        if kind is None:
            blocks[name] = cls()
        else:
            blocks[name] = cls(given if isinstance(given, kind) else kind(**(given or {})))
        for output in cls.outputs:
            if other := owners.get(output.name):
                raise ValueError(f"blocks {other} and {name} both give {output.name!r}: leave one out")
            owners[output.name] = name
    return blocks


def outputs(names: Iterable[str]) -> tuple[Attribute, ...]:
    """Give the attributes of blocks without making them."""
    return tuple(output for name in names for output in find(BLOCKS, name).outputs)
