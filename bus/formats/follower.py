"""What a decoder keeps per chip between calls: plain int64 arrays, so that they go into a file."""

from collections.abc import Callable, Mapping
from dataclasses import fields

import numpy as np
from numpy.typing import NDArray

from .chunks import MAX_CHIPS


def per_chip(value: int, *more: int) -> Callable[[], NDArray[np.int64]]:
    """Default factory of a follower's field: int64[MAX_CHIPS, *more], all `value` at first."""
    return lambda: np.full((MAX_CHIPS, *more), value, np.int64)


class Follower:
    """Base of dataclasses all of whose fields are arrays of fixed shape."""

    __slots__ = ()

    def state(self) -> dict[str, NDArray]:
        """Everything that `restore` needs, by name; copies."""
        return {entry.name: getattr(self, entry.name).copy() for entry in fields(self)}  # type: ignore[arg-type]

    def restore(self, state: Mapping[str, NDArray]) -> None:
        """Take up the state of another one."""
        for entry in fields(self):  # type: ignore[arg-type]
            getattr(self, entry.name)[...] = state[entry.name]
