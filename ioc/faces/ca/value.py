"""Values as Channel Access carries them: conversion between record types and wire types, both ways. Pure.

The rules are EPICS base's: texts of numbers follow PREC (cvtDoubleToString), a state is its text or its
index, strings have 40 bytes with their end. Where C overflows silently (a double read as a long), the value
is held at the end of the range. Bytes are UTF-8, as a `.db` file's; what is no UTF-8 is read as Latin-1.
"""

import math
from collections.abc import Sequence
from typing import Any

import caproto as ca
import numpy as np
from hitline.bus.attribute import Refused

Type = ca.ChannelType

WIRE: dict[ca.ChannelType, np.dtype] = {
    Type.INT: np.dtype(">i2"),
    Type.FLOAT: np.dtype(">f4"),
    Type.ENUM: np.dtype(">u2"),
    Type.CHAR: np.dtype("u1"),
    Type.LONG: np.dtype(">i4"),
    Type.DOUBLE: np.dtype(">f8"),
}
"""Numeric Channel Access type -> its form on the wire."""

STRING_BYTES = 39
"""Of DBR_STRING, without the closing zero."""


def to_wire(value: Any, want: ca.ChannelType, *, choices: Sequence[str] = (), precision: int = 0) -> Any:
    """Convert a channel's value (number, text or 1-d array) to `want`: array in wire order or list of bytes.

    With `choices` the value is the index of a state. Raises ValueError when a text is no number.
    """
    if want is Type.STRING:
        items = [value] if isinstance(value, str | int | float) else value
        return [clipped(_text(item, choices, precision), STRING_BYTES) for item in items]
    wire: np.dtype = WIRE[want]
    if isinstance(value, str):
        value = _index(value, choices) if choices else float(value.strip() or 0)
    if isinstance(value, int | float):
        value = np.array([value], dtype=np.float64 if abs(value) < 2**53 else None)
    if want is Type.CHAR and value.dtype == np.int8:
        return value.view(wire)
    if wire.kind in "iu" and value.dtype != wire.newbyteorder("="):
        limits = np.iinfo(wire)
        if value.dtype.kind == "f":
            value = np.nan_to_num(value, nan=0.0, posinf=limits.max, neginf=limits.min)
        value = np.clip(value, limits.min, limits.max)
    return np.asarray(value).astype(wire)


def _text(value: Any, choices: Sequence[str], precision: int) -> str:
    if isinstance(value, str):
        return value
    if choices:
        return choices[int(value)] if 0 <= value < len(choices) else str(int(value))
    if isinstance(value, int | np.integer):
        return str(value)
    number = float(value)
    if math.isnan(number) or precision > 8 or abs(number) > 1e7:
        if precision > 8 or abs(number) > 1e16:
            return f"{number:{min(precision, 17) + 7}.{min(precision, 17)}e}"
        precision = min(precision, 3)
    return f"{number:.{max(precision, 0)}f}"


def _index(text: str, choices: Sequence[str]) -> int:
    try:
        return list(choices).index(text)
    except ValueError:
        return int(text)


def clipped(text: str, size: int) -> bytes:
    """Return at most `size` bytes of UTF-8, no character cut in two."""
    raw = text.encode()
    return raw if len(raw) <= size else raw[:size].decode(errors="ignore").encode()


def long_string(text: str, size: int) -> np.ndarray:
    """Give a text as CHAR array uint8[n <= size], with a closing zero as EPICS sends it."""
    return np.frombuffer(clipped(text, size - 1) + b"\0", dtype="u1")


def text_from_wire(data: Any, given: ca.ChannelType) -> str:
    """Read what a client wrote as a text: a string, or a CHAR array up to its zero."""
    if given is Type.CHAR:
        raw = np.asarray(data).astype("u1").tobytes()
    elif given is Type.STRING:
        raw = bytes(data[0]) if len(data) else b""
    else:
        return _text(np.asarray(data).ravel()[0].item(), (), 6)
    raw = raw.split(b"\0", 1)[0]
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def number_from_wire(data: Any, given: ca.ChannelType) -> int | float:
    """Read what a client wrote as one number; a text may be decimal or hexadecimal. Raises Refused."""
    if given is not Type.STRING:
        array = np.asarray(data).ravel()
        if array.size != 1:
            raise Refused("type", f"wants one number, got {array.size}")
        number: int | float = array[0].item()
        return number
    text = text_from_wire(data, given).strip()
    try:
        return int(text, 0) if text.lower().lstrip("+-").startswith("0x") else float(text)
    except ValueError:
        raise Refused("type", f"wants a number, got {text!r}") from None


def state_from_wire(data: Any, given: ca.ChannelType, choices: Sequence[str]) -> int:
    """Read what a client wrote as a state: its text, or its index as a number or text. Raises Refused."""
    if given is Type.STRING:
        text = text_from_wire(data, given)
        if text in choices:
            return list(choices).index(text)
        if not text.strip().isdigit():
            raise Refused("type", f"{text!r} is none of {', '.join(choices)}")
    number = number_from_wire(data, given)
    if not (math.isfinite(number) and number == int(number) and 0 <= number < len(choices)):
        states = ", ".join(choices)
        raise Refused("limit", f"state {number:g} is not among 0 ... {len(choices) - 1} ({states})")
    return int(number)
