"""What an instrument shows: attributes, commands, updates and refusals.

These tables are written once, by the author of an instrument. The bus publishes them (`describe`), the `.db`
files are generated from them, and every face, device and tool reads one of the two.
"""

import math
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

import numpy as np

from .states import OPERATING, State


class Severity(IntEnum):
    """EPICS' four severities; INVALID also means unknown or stale."""

    OK = 0
    MINOR = 1
    MAJOR = 2
    INVALID = 3


SCALARS = ("bool", "int", "float", "str", "enum")


@dataclass(frozen=True)
class Attribute:
    """One value of an instrument.

    `dtype` is one of bool, int (64 bit), float (64 bit), str, enum (travels as the choice's text), or for an
    array a little-endian numpy type such as "<i4" together with `shape` (row-major, the largest shape).
    """

    name: str
    """Lower case, `[a-z][a-z0-9_]*`; the metric on the wire is its upper case."""
    dtype: str
    doc: str
    """One sentence, at most 40 characters before the first full stop: it becomes DESC."""
    unit: str = ""
    precision: int | None = None
    """Digits after the point, for float."""
    access: str = "r"
    """"r" or "rw"."""
    choices: tuple[str, ...] = ()
    shape: tuple[int, ...] = ()
    low: float | None = None
    high: float | None = None
    """Hard limits of a writable number; a value outside is refused, never clipped."""
    states: tuple[State, ...] = OPERATING
    """Where it may be written."""
    busy: str = ""
    """Name of the bool attribute that is true while a write is being carried out; gives put completion."""
    alarms: tuple[float | None, float | None, float | None, float | None] = (None, None, None, None)
    """Default LOLO, LOW, HIGH, HIHI of its record; a site changes them in an overlay."""
    choice_severity: tuple[int, ...] = ()
    """Default severity of each choice of its record."""
    pv: str = ""
    """Record name when CamelCase of `name` is not the field's word for it (full name, with any _RBV)."""

    @property
    def array(self) -> bool:
        """True when it travels on the arrays socket."""
        return self.dtype not in SCALARS

    @property
    def writable(self) -> bool:
        """True when clients may set it."""
        return "w" in self.access


@dataclass(frozen=True)
class Command:
    """An action of an instrument, beyond setting an attribute."""

    name: str
    doc: str
    args: tuple[tuple[str, str], ...] = ()
    """(name, dtype) of each positional argument."""
    states: tuple[State, ...] = OPERATING
    overtakes: bool = False
    """True for safe actions (stop, off): they do not wait for the instrument's lock."""
    busy: str = ""
    """As for an attribute."""
    pv: str = ""


@dataclass(frozen=True, slots=True)
class Update:
    """One value as it was taken, with its quality."""

    value: Any
    time_ns: int
    """Unix time when the backend took it."""
    severity: Severity = Severity.OK
    status: str = ""
    """Why the severity is what it is; empty when OK."""
    seq: int = 0
    """Counts every update of this attribute in this life of the process."""
    epoch: int = 0
    """Start of the process that counted, unix ns; a new one starts the sequence anew."""


UNKNOWN = Update(None, 0, Severity.INVALID, "no value yet")
"""Shown until the first value comes."""


class Refused(Exception):
    """A request that was turned down; says value, limit, unit and next step in its text.

    `code` is for programs: limit, type, state, interlock, access, link, late, busy, owner, unknown, version,
    failed.
    """

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


@dataclass(slots=True)
class Board:
    """The current values of one instrument: every `post` counts, whether anybody listens or not."""

    attributes: dict[str, Attribute]
    epoch: int
    updates: dict[str, Update] = field(default_factory=dict)

    def post(
        self, name: str, value: Any, time_ns: int, severity: Severity = Severity.OK, status: str = ""
    ) -> Update:
        """Store a new value and return it as the update to publish."""
        attribute = self.attributes[name]
        if attribute.array and value is not None:
            value = np.asarray(value, dtype=attribute.dtype)
        last = self.updates.get(name)
        update = Update(value, time_ns, severity, status, last.seq + 1 if last else 1, self.epoch)
        self.updates[name] = update
        return update


def checked(attribute: Attribute, value: Any) -> Any:
    """Return `value` in the attribute's type, or raise Refused with value, limit and unit."""
    name, unit = attribute.name, f" {attribute.unit}" if attribute.unit else ""
    kind = attribute.dtype
    if attribute.array:
        array = np.asarray(value)
        if array.size > math.prod(attribute.shape) or array.dtype.kind not in "biuf":
            raise Refused(
                "type",
                f"{name}: wants up to {attribute.shape} numbers of {kind}, "
                f"got shape {array.shape} of {array.dtype}",
            )
        return array.astype(kind)
    if kind == "str":
        if not isinstance(value, str):
            raise Refused("type", f"{name}: wants text, got {value!r}")
        return value
    if kind == "enum":
        if isinstance(value, str) and value in attribute.choices:
            return value
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(attribute.choices):
            return attribute.choices[value]
        raise Refused("type", f"{name}: {value!r} is none of {', '.join(attribute.choices)}")
    if kind == "bool":
        if isinstance(value, bool | int) and value in (0, 1):
            return bool(value)
        raise Refused("type", f"{name}: wants true or false, got {value!r}")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Refused("type", f"{name}: wants a number, got {value!r}")
    if not math.isfinite(value):
        raise Refused("limit", f"{name}: {value} is not a finite number")
    if kind == "int":
        if value != int(value) or abs(value) >= 2**63:
            raise Refused("type", f"{name}: wants a whole number below 2^63, got {value!r}")
        value = int(value)
    else:
        value = float(value)
    if attribute.low is not None and value < attribute.low:
        raise Refused("limit", f"{name}: {value}{unit} is below the limit of {attribute.low}{unit}")
    if attribute.high is not None and value > attribute.high:
        raise Refused("limit", f"{name}: {value}{unit} is above the limit of {attribute.high}{unit}")
    return value
