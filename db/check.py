"""The strict check of records: types and fields that the faces honour, and bindings that fit the tables.

`form` looks at a record alone, `misfit` at a record against what it shows, `check` at a whole database. All
of them return what is wrong and never raise, so that a face can use the same rules while it runs.
"""

import difflib
import math
import re
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .binding import RESET, Binding, binding, sets
from .error import DbError
from .records import Database, Record
from .supported import (
    ARGUMENTS,
    COMMON,
    ELEMENTS,
    FITS,
    LINKS,
    PROCESSING,
    RECORDS,
    SEVERITIES,
    STATES,
)

OWN_IOC = "load it in an IOC of your own, which reads our PVs over Channel Access"

_FIXED = {
    "SCAN": ("Passive", "I/O Intr"),
    "DTYP": ("Soft Channel",),
    "PINI": ("NO",),
    "FTVL": tuple(ELEMENTS.values()),
}
_BYTES = {"DESC": 40, "EGU": 15, "ZNAM": 25, "ONAM": 25} | {f"{s}ST": 25 for s in STATES}
_WHOLE = {"PREC": (0, 15), "NELM": (1, 2**31 - 1), "SIZV": (16, 32767)}
_SEVERITY_FIELDS = frozenset(
    ("HHSV", "HSV", "LSV", "LLSV", "ZSV", "OSV", "UNSV", *(f"{s}SV" for s in STATES))
)
_INTEGER = re.compile(r"[+-]?(?:0[xX][0-9a-fA-F]{1,15}|0|[1-9][0-9]{0,18})")
_INT32 = 2**31


@dataclass(frozen=True, slots=True)
class Tables:
    """Attributes and commands of one instrument, by name."""

    attributes: Mapping[str, Any]
    commands: Mapping[str, Any]

    @classmethod
    def of(cls, attributes: Iterable[Any], commands: Iterable[Any] = ()) -> "Tables":
        """Make one from an instrument's tuples."""
        return cls({a.name: a for a in attributes}, {c.name: c for c in commands})


def check(
    database: Database, instruments: Mapping[str, Tables], groups: Container[str] | None = None
) -> list[DbError]:
    """Return everything that is wrong, in the order of the records; `groups` are the ASGs that exist."""
    found: list[DbError] = []
    for record in database.records.values():
        errors = form(record)
        tied = binding(record)
        reason = misfit(record, tied, instruments.get(tied.instrument)) if tied and not errors else ""
        if reason:
            errors.append(DbError(*record.place(_named(record, reason)), f"{record.name}: {reason}"))
        group = record.fields.get("ASG", "DEFAULT") or "DEFAULT"
        if groups is not None and group not in groups:
            errors.append(_error(record, f"access group {group!r} is not in the .acf file", "ASG"))
        found += errors
    return found


def form(record: Record) -> list[DbError]:
    """Return what is wrong with a record by itself."""
    allowed = RECORDS.get(record.rtype)
    if allowed is None:
        processing = f"it needs processing; {OWN_IOC}"
        hint = processing if record.rtype in PROCESSING else _nearest(record.rtype, RECORDS)
        return [_error(record, f"record type {record.rtype!r} is not supported: {hint}")]
    found = [
        _error(record, reason, name)
        for name, value in record.fields.items()
        if (reason := _field(name, value, allowed, whole=record.rtype.startswith(("int64", "long"))))
    ]
    if binding(record) is None:
        tag = record.info.get("hitline")
        what = f"info(hitline, {tag!r}) is not" if tag else "there is no"
        found.append(
            _error(
                record, f'{what} info(hitline, "INSTRUMENT ATTRIBUTE"): it shows nothing of ours; {OWN_IOC}'
            )
        )
    states = [bool(record.fields.get(f"{s}ST")) for s in STATES]
    if record.rtype in ("mbbi", "mbbo") and sorted(states, reverse=True) != states:
        found.append(_error(record, "its states have a gap: fill ZRST, ONST, ... in order"))
    return found


def _error(record: Record, reason: str, field: str = "") -> DbError:
    return DbError(*record.place(field), f"{record.name}{field and '.' + field}: {reason}")


def _named(record: Record, reason: str) -> str:
    """Give the field that a reason speaks of, for its place: an overlay may have set it."""
    words = set(re.findall(r"[A-Z0-9]+", reason))
    return next((name for name in record.fields if name in words), "")


def _field(name: str, value: str, allowed: Mapping[str, str], *, whole: bool) -> str:
    """Return why a field is refused, or an empty string; `whole` when the record's numbers are whole."""
    if name not in allowed and name not in COMMON:
        if name in LINKS:
            return f"links need processing; {OWN_IOC}"
        return f"field is not supported; {_nearest(name, (*allowed, *COMMON))}"
    if name in _FIXED and value not in _FIXED[name]:
        more = f"; for a periodic SCAN {OWN_IOC}" if name == "SCAN" else ""
        return f"{value!r} is none of {', '.join(_FIXED[name])}{more}"
    if name in _SEVERITY_FIELDS:
        return "" if value in SEVERITIES else f"{value!r} is none of {', '.join(SEVERITIES)}"
    if name in _BYTES:
        size = len(value.encode())
        return "" if size <= _BYTES[name] else f"{value!r} has {size} bytes, EPICS allows {_BYTES[name]}"
    if name in _WHOLE:
        low, high = _WHOLE[name]
        fits = _INTEGER.fullmatch(value.strip()) and low <= int(value, 0) <= high
        return "" if fits else f"{value!r} is not a whole number from {low} to {high}"
    if name in COMMON or name in _FIXED:
        return ""
    if whole and value and not _INTEGER.fullmatch(value.strip()):
        return f"{value!r} is not a whole number, as the record's value is"
    return "" if value == "" or finite(value) is not None else f"{value!r} is not a number"


def misfit(record: Record, tied: Binding, tables: Tables | None) -> str:
    """Return why a record does not fit what it is bound to, or an empty string."""
    if tables is None:
        return f"there is no instrument {tied.instrument!r}: correct the name, or take the record out"
    if tied.transition and RESET not in tables.commands:
        return "" if record.rtype == "bo" else f"Reset is a bo, not a {record.rtype}"
    known: Mapping[str, Any] = tables.commands if tied.is_command else tables.attributes
    if tied.target not in known:
        kind = "command" if tied.is_command else "attribute"
        return f"{tied.instrument} has no {kind} {tied.target!r}; {_nearest(tied.target, known)}"
    if tied.is_command:
        return _command(record, known[tied.target])
    return _attribute(record, known[tied.target])


def _command(record: Record, command: Any) -> str:
    if len(command.args) > 1:
        return (
            f"{command.name} takes {len(command.args)} arguments and a record has room for one: "
            "use CSCP or Tango"
        )
    wanted = ARGUMENTS.get(command.args[0][1], ()) if command.args else ("bo",)
    return (
        ""
        if record.rtype in wanted
        else (f"command {command.name} wants a record of type {' or '.join(wanted)}, not {record.rtype}")
    )


def _attribute(record: Record, a: Any) -> str:
    wanted = FITS["array" if a.array else a.dtype]
    if record.rtype not in wanted:
        return f"{a.name} is {a.dtype} and wants a record of type {' or '.join(wanted)}, not {record.rtype}"
    if sets(record) and not a.writable and record.rtype != "waveform":
        return f"{a.name} cannot be written: use {record.rtype.replace('out', 'in')} or another input type"
    fields = record.fields
    if fields.get("EGU") and fields["EGU"] != a.unit:
        return f"EGU is {fields['EGU']!r} but {a.name} comes in {a.unit or 'no unit'}: nothing is converted"
    if a.array:
        return _array(fields, a)
    if record.rtype in ("mbbi", "mbbo"):
        states, choices = sum(bool(fields.get(f"{s}ST")) for s in STATES), len(a.choices)
        return "" if states == choices else f"{a.name} has {choices} choices, the record {states} states"
    if record.rtype in ("bi", "bo") and a.dtype == "enum" and len(a.choices) != 2:
        return f"{a.name} has {len(a.choices)} choices: use mbbi or mbbo"
    if record.rtype.startswith("long") and not _in_32_bits(a):
        return f"{a.name} has 64 bits: use {record.rtype.replace('long', 'int64')}"
    for name, limit, beyond in (("DRVL", a.low, -1), ("DRVH", a.high, 1)):
        value = finite(fields.get(name, ""))
        if limit is not None and value is not None and (value - limit) * beyond > 0:
            return f"{name} {value:g} is beyond the instrument's own limit of {limit:g} {a.unit}".rstrip()
    return ""


def _array(fields: Mapping[str, str], a: Any) -> str:
    wanted, size = ELEMENTS[a.dtype.lstrip("<|=")], math.prod(a.shape)
    if fields.get("FTVL", "STRING") != wanted:
        return f"{a.name} has elements of {a.dtype}: FTVL must be {wanted}"
    if int(fields.get("NELM", "1"), 0) < size:
        return f"{a.name} has up to {size} elements: NELM {fields.get('NELM', '1')} is too small"
    return ""


def _in_32_bits(a: Any) -> bool:
    return a.low is not None and a.high is not None and a.low >= -_INT32 and a.high < _INT32


def finite(text: str) -> float | None:
    """Read a finite number as EPICS does, hexadecimal too; None when it is none."""
    try:
        value = float(int(text, 16)) if text.lower().lstrip("+- ").startswith("0x") else float(text)
    except (ValueError, OverflowError):
        return None
    return value if math.isfinite(value) else None


def _nearest(name: str, known: Iterable[str]) -> str:
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1)
    return f"nearest is {near[0]!r}" if near else f"known are {', '.join(names) or 'none'}"
