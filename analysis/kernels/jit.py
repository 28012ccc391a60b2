"""One compiler setting for every kernel."""

from collections.abc import Callable
from typing import Any, TypeVar

import numba
from numba import types

F = TypeVar("F", bound=Callable[..., Any])

i8, u8, i4, u2, u1 = types.int64, types.uint64, types.int32, types.uint16, types.uint8


def vector(dtype: Any, *, writable: bool = True) -> types.Array:
    """Type of a contiguous one-dimensional array; one that is only read also takes read-only arrays."""
    return types.Array(dtype, 1, "C", readonly=not writable)


def table(dtype: Any, *, writable: bool = True) -> types.Array:
    """Type of a contiguous two-dimensional array."""
    return types.Array(dtype, 2, "C", readonly=not writable)


def kernel(signature: Any) -> Callable[[F], F]:
    """Compile for exactly this signature when the module is imported, or load it from numba's cache.

    Explicit signatures keep a surprising dtype from compiling a second version in the data path. The
    interpreter lock is released, so a satellite's event loop lives on while its worker thread computes.
    """
    return numba.njit(signature, cache=True, nogil=True, error_model="numpy")
