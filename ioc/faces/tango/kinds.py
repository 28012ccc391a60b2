"""Attributes of an instrument as attributes of a Tango device: type, configuration, values both ways.

Tango has no "not a value": an INVALID one goes out with an empty value and the quality ATTR_INVALID, by which
clients show nothing. Choices become the labels of a DevEnum, blanks as underscores because PyTango's clients
make Python names of them. Alarm limits stay out of the configuration: quality comes from the one rule of all
faces, and Tango's own alarms would log and change the state by themselves.
"""

from typing import Any

import numpy as np
from hitline.bus.attribute import Attribute, Severity, Update
from hitline.db.supported import ELEMENTS
from tango import AttrQuality, AttrWriteType
from tango.server import attribute

QUALITY = {
    Severity.OK: AttrQuality.ATTR_VALID,
    Severity.MINOR: AttrQuality.ATTR_WARNING,
    Severity.MAJOR: AttrQuality.ATTR_ALARM,
    Severity.INVALID: AttrQuality.ATTR_INVALID,
}
RESERVED = ("state", "status", "init")
"""Names that every Tango device has already."""

_SCALARS = {
    "bool": "DevBoolean",
    "int": "DevLong64",
    "float": "DevDouble",
    "str": "DevString",
    "enum": "DevEnum",
}
_EMPTY: dict[str, Any] = {"bool": False, "int": 0, "float": 0.0, "str": "", "enum": 0}
Shown = tuple[Any, float, AttrQuality]
"""(value, Unix time in s, quality), as PyTango wants it."""


def name_of(name: str) -> str:
    """Return the name on the Tango side."""
    return f"{name}_" if name.lower() in RESERVED else name


def labels(a: Attribute) -> list[str]:
    """Return the labels of an enum."""
    return [latin(choice).replace(" ", "_") for choice in a.choices]


def showable(a: Attribute) -> bool:
    """Say whether Tango has a type for it."""
    if a.dtype == "enum":
        return 0 < len(set(labels(a))) == len(a.choices)
    return a.dtype in _SCALARS or (a.dtype.lstrip("<|=") in ELEMENTS and 1 <= len(a.shape) <= 2)


def made(a: Attribute, drive: tuple[float | None, float | None], read: Any, write: Any) -> attribute:
    """Make the attribute of a device; `drive` are the limits of its set-point."""
    options: dict[str, Any] = {
        "name": name_of(a.name),
        "label": a.name,
        "doc": latin(" ".join(a.doc.split())),
        "unit": latin(a.unit),
        "fget": read,
    }
    if a.array:
        element = _element(a)
        options |= {
            "dtype": (element,) if len(a.shape) == 1 else ((element,),),
            "max_dim_x": a.shape[-1],
            "max_dim_y": a.shape[0] if len(a.shape) == 2 else 0,
        }
    else:
        options["dtype"] = _SCALARS[a.dtype]
    if a.dtype == "enum":
        options["enum_labels"] = labels(a)
    if a.dtype == "float":
        options["format"] = f"%.{3 if a.precision is None else a.precision}f"
    if a.writable:
        options |= {"fset": write, "access": AttrWriteType.READ_WRITE}
        for key, limit in zip(("min_value", "max_value"), drive, strict=True):
            if limit is not None and a.dtype in ("int", "float"):
                options[key] = int(limit) if a.dtype == "int" else float(limit)
    return attribute(**options)


def shown(a: Attribute, update: Update, severity: Severity) -> Shown:
    """Turn an update into what Tango shows."""
    time_s = update.time_ns / 1e9
    value = None if severity is Severity.INVALID else given(a, update.value)
    if value is None:
        empty = np.zeros((1,) * len(a.shape), _element(a)) if a.array else _EMPTY[a.dtype]
        return empty, time_s, AttrQuality.ATTR_INVALID
    return value, time_s, QUALITY[severity]


def given(a: Attribute, value: Any) -> Any:
    """Return a value in the Tango type, or None when it has none."""
    if value is None:
        return None
    if a.array:
        return np.ascontiguousarray(value, dtype=_element(a))
    if a.dtype == "enum":
        return a.choices.index(value) if value in a.choices else None
    return latin(value) if a.dtype == "str" else value


def taken(a: Attribute, value: Any) -> Any:
    """Return what a Tango client wrote, in the type of the bus."""
    if a.array:
        return np.asarray(value)
    if a.dtype == "enum":
        return a.choices[value] if 0 <= value < len(a.choices) else int(value)
    return {"bool": bool, "int": int, "float": float, "str": str}[a.dtype](value)


def index(a: Attribute, value: Any) -> Any:
    """Return what the rules of severity judge: a number or the index of a choice; None for the rest."""
    if a.array or a.dtype == "str":
        return None
    return given(a, value)


def _element(a: Attribute) -> type:
    return np.dtype("<i2" if a.dtype.endswith("i1") else a.dtype).type  # Tango has no signed byte


def latin(text: str) -> str:
    """Return a text with question marks for what Tango's strings cannot hold: they are Latin-1, no NUL."""
    return text.replace("\0", "?").encode("latin-1", "replace").decode("latin-1")
