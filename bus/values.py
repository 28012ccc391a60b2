"""Values and their quality <-> what stands in frames and tag maps: the text of `docs/bus.md` in code."""

import math
import re
from collections.abc import Mapping
from typing import Any

import msgpack
import numpy as np

from .attribute import Attribute, Severity, Update
from .constellation.pack import Malformed

LARGEST_ARRAY = 8 << 20
"""Bytes of one array; bigger things go by the hit feed or a file, or a slow reader would hold gigabytes."""
_DTYPE = re.compile(r"[<|][biuf][1248]")


def to_wire(attribute: Attribute, value: Any) -> Any:
    """Return a scalar in the attribute's own type, or None: stock C++ listeners want one type per metric.

    Raises OverflowError, TypeError or ValueError for a value that is not of that type.
    """
    if value is None:
        return None
    match attribute.dtype:
        case "bool":
            return bool(value)
        case "int":
            if not -(2**63) <= (number := int(value)) < 2**63:
                raise OverflowError(f"{attribute.name}: {value} does not fit into 64 bits with sign")
            return number
        case "float":
            return float(value)
        case _:
            return str(value)


def pack_array(value: Any) -> tuple[bytes, dict[str, Any]]:
    """Return the bytes of an array (C order, little-endian) and its tags `dtype` and `shape`."""
    array = np.asarray(value)
    array = np.ascontiguousarray(array, array.dtype.newbyteorder("<")) if array.ndim else array.reshape(1)
    if array.nbytes > LARGEST_ARRAY:
        raise ValueError(f"array of {array.nbytes} bytes is above the limit of {LARGEST_ARRAY} bytes")
    return array.tobytes(), {"dtype": array.dtype.str, "shape": list(array.shape)}


def unpack_array(data: Any, tags: Mapping[str, Any]) -> np.ndarray:
    """Return a read-only view into `data`, shaped; raises Malformed unless bytes, dtype and shape agree."""
    dtype, shape = tags.get("dtype"), tags.get("shape")
    if type(data) is not bytes or not isinstance(dtype, str) or not _DTYPE.fullmatch(dtype):
        raise Malformed(f"array of {type(data).__name__} with dtype {dtype!r}")
    if not (
        isinstance(shape, list) and len(shape) <= 8 and all(type(n) is int and 0 <= n < 2**32 for n in shape)
    ):
        raise Malformed(f"array of shape {shape!r}")
    try:
        kind = np.dtype(dtype)
    except TypeError:
        raise Malformed(f"array of dtype {dtype!r}") from None
    if math.prod(shape) * kind.itemsize != len(data):
        raise Malformed(f"{len(data)} bytes are not a {dtype} array of shape {shape}")
    return np.frombuffer(data, kind).reshape(shape)


def quality(update: Update, *, again: bool = False) -> dict[str, Any]:
    """Return the tags that carry severity, status, sequence and epoch beside a value."""
    tags: dict[str, Any] = {"seq": update.seq, "sev": int(update.severity), "epoch": update.epoch}
    if update.status:
        tags["status"] = update.status
    if again:
        tags["again"] = True
    return tags


def update(value: Any, time_ns: int, tags: Mapping[str, Any]) -> Update:
    """Return the update that `quality` described, or raise Malformed."""
    if isinstance(value, bytes | dict | list | msgpack.ExtType | msgpack.Timestamp):
        raise Malformed(f"a value cannot be of type {type(value).__name__}")
    seq, sev, epoch, status = (tags.get(key) for key in ("seq", "sev", "epoch", "status"))
    if type(seq) is not int or type(epoch) is not int or type(sev) is not int or not 0 <= sev <= 3:
        raise Malformed(f"tags seq {seq!r}, sev {sev!r}, epoch {epoch!r}")
    return Update(value, time_ns, Severity(sev), status if isinstance(status, str) else "", seq, epoch)


def foreign(value: Any) -> tuple[str, Any]:
    """Return dtype and value of a metric whose sender describes nothing; what is neither becomes text."""
    match value:
        case bool():
            return "bool", value
        case int():
            return "int", value
        case float():
            return "float", value
        case str():
            return "str", value
        case list() if value and all(type(v) in (int, float) for v in value):
            return "<f8", np.array(value, "<f8")
        case _:
            return "str", str(value)


def text_list(value: Any, name: str) -> tuple[str, ...]:
    """Return a list of text as a tuple, or raise Malformed."""
    if not isinstance(value, list | tuple) or not all(type(v) is str for v in value):
        raise Malformed(f"{name} is not a list of text: {value!r}")
    return tuple(value)
