"""Attribute tables -> the text of a .db file that EPICS base loads unchanged.

A read attribute becomes one record, NAME_RBV; a writable one two, NAME and NAME_RBV; a command one. Names are
CamelCase of the attribute's unless its table gives the field's word (`pv`). Tables are taken by their shape
(name, dtype, doc, ...), not by their class, so that this room stays below the bus.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from .supported import ELEMENTS, SEVERITIES, STATES

LONGEST_DESC = 40
"""Bytes of DESC in EPICS base (a string of 41 with its end)."""

LONGEST_NAME = 40
"""Bytes of a name after $(P)$(R), which leaves those 20 of the 60 that EPICS allows."""

TEXT_BYTES = 256
"""SIZV of text records."""

READBACK, CONTROL, SAFE = "READBACK", "CONTROL", "SAFE"
"""Access groups: shown only, set by who may, and the safe actions (stop, off, abort)."""

_IN = {"bool": "bi", "int": "int64in", "float": "ai", "enum": "mbbi", "str": "lsi"}
_OUT = {"bool": "bo", "int": "int64out", "float": "ao", "enum": "mbbo", "str": "lso"}
_ARGUMENT = {"bool": "longout", "int": "longout", "float": "ao", "enum": "lso", "str": "lso"}


class TableError(ValueError):
    """An attribute table that cannot be shown as records."""


def database(
    attributes: Iterable[Any],
    commands: Iterable[Any] = (),
    *,
    title: str,
    instrument: str = "$(INST)",
    prefix: str = "$(P)$(R)",
) -> str:
    """Give the text of a database; raises TableError with the attribute's name and what to change."""
    blocks = [
        f"# {title}\n# Written by `hitline db generate` from the attribute tables: "
        "change those, or write an overlay.\n"
    ]
    names: dict[str, str] = {}
    for rtype, name, owner, fields, target in _records(attributes, commands):
        if name in names:
            raise TableError(f"{owner}: its record {name} is that of {names[name]}; give one of them a pv")
        if len(name.encode()) > LONGEST_NAME:
            raise TableError(f"{owner}: {name} has more than {LONGEST_NAME} bytes; give it a shorter pv")
        names[name] = owner
        body = "".join(f"    field({key}, {quoted(value)})\n" for key, value in fields.items())
        blocks.append(
            f'record({rtype}, "{prefix}{name}") {{\n{body}    info(hitline, "{instrument} {target}")\n}}\n'
        )
    return "\n".join(blocks)


def _records(attributes: Iterable[Any], commands: Iterable[Any]) -> Iterator[tuple[str, str, str, dict, str]]:
    """Give (type, name without prefix, who it belongs to, fields, target of the info tag) of each record."""
    for a in attributes:
        base = a.pv or camel(a.name)
        if a.writable:
            yield *_attribute(a, base, set_point=True), a.name
            base += "_RBV"
        elif not a.pv:
            base += "_RBV"
        yield *_attribute(a, base, set_point=False), a.name
    for c in commands:
        if len(c.args) < 2:  # more arguments than one have no place in a record: CSCP and Tango only
            yield *_command(c), f"{c.name}()"


def _attribute(a: Any, name: str, *, set_point: bool) -> tuple[str, str, str, dict[str, str]]:
    fields = {"DESC": description(a.name, a.doc), "ASG": CONTROL if set_point else READBACK}
    if a.array:
        fields |= {"EGU": unit(a), "FTVL": element(a), "NELM": str(math.prod(a.shape))}
        if fields["FTVL"] in ("FLOAT", "DOUBLE"):
            fields["PREC"] = _precision(a)
        return "waveform", name, a.name, fields
    rtype = (_OUT if set_point else _IN).get(a.dtype)
    if rtype is None:
        raise TableError(f"{a.name}: dtype {a.dtype!r} has no record type")
    if a.dtype == "enum" and len(a.choices) > len(STATES):
        rtype = "lso" if set_point else "lsi"  # EPICS has sixteen states; more are text
    if rtype in ("ai", "ao"):
        fields["PREC"] = _precision(a)
    if a.dtype in ("int", "float"):
        fields |= {"EGU": unit(a)} | _limits(a, set_point) | _alarms(a)
    elif rtype in ("bi", "bo"):
        zero, one = a.choices or ("No", "Yes")
        fields |= {"ZNAM": zero, "ONAM": one} | dict(zip(("ZSV", "OSV"), _severities(a), strict=False))
    elif rtype in ("mbbi", "mbbo"):
        fields |= {f"{s}ST": _state(a, text) for s, text in zip(STATES, a.choices, strict=False)}
        fields |= {
            f"{s}SV": severity
            for s, severity in zip(STATES, _severities(a), strict=False)
            if severity != SEVERITIES[0]
        }
    else:
        fields["SIZV"] = str(TEXT_BYTES)
    return rtype, name, a.name, fields


def _command(c: Any) -> tuple[str, str, str, dict[str, str]]:
    fields = {"DESC": description(c.name, c.doc), "ASG": SAFE if c.overtakes else CONTROL}
    name = c.pv or camel(c.name)
    if not c.args:
        return "bo", name, c.name, fields | {"ZNAM": "Done", "ONAM": camel(c.name)[:25]}
    rtype = _ARGUMENT[c.args[0][1]]
    return rtype, name, c.name, fields | ({"SIZV": str(TEXT_BYTES)} if rtype == "lso" else {})


def camel(name: str) -> str:
    """`acquire_time` -> `AcquireTime`."""
    return "".join(word[:1].upper() + word[1:] for word in name.split("_"))


def description(name: str, doc: str) -> str:
    """Return the first sentence of a doc, which must fit into DESC."""
    first = " ".join(doc.split()).split(". ")[0].rstrip(".")
    if not first or len(first.encode()) > LONGEST_DESC:
        raise TableError(
            f"{name}: the first sentence of its doc has {len(first.encode())} bytes and DESC "
            f"holds 1 to {LONGEST_DESC}: begin with a shorter one ({first!r})"
        )
    return first


def unit(a: Any) -> str:
    """Return the unit, which must fit into EGU."""
    if len(a.unit.encode()) > 15:
        raise TableError(f"{a.name}: unit {a.unit!r} is longer than the 15 bytes of EGU")
    return a.unit


def element(a: Any) -> str:
    """Return FTVL of an array attribute."""
    try:
        return ELEMENTS[a.dtype.lstrip("<|=")]
    except KeyError:
        raise TableError(
            f"{a.name}: arrays of {a.dtype!r} have no FTVL; use one of {', '.join(ELEMENTS)}"
        ) from None


def _precision(a: Any) -> str:
    return str(3 if a.precision is None else a.precision)


def _limits(a: Any, set_point: bool) -> dict[str, str]:
    """Display and drive limits; both ends or none, because EPICS ignores a pair that is not low < high."""
    if a.low is None or a.high is None:
        return {}
    low, high = number(a, a.low), number(a, a.high)
    drive = {"DRVL": low, "DRVH": high} if set_point else {}
    return drive | {"LOPR": low, "HOPR": high}


def _alarms(a: Any) -> dict[str, str]:
    """Limits that the table gives, with MAJOR at the outer and MINOR at the inner ones."""
    found: dict[str, str] = {}
    names = (("LOLO", "LLSV"), ("LOW", "LSV"), ("HIGH", "HSV"), ("HIHI", "HHSV"))
    for value, (limit, severity) in zip(a.alarms, names, strict=True):
        if value is not None:
            found |= {limit: number(a, value), severity: "MAJOR" if limit in ("LOLO", "HIHI") else "MINOR"}
    return found


def number(a: Any, value: float) -> str:
    """Write a number without a tail of zeros; EPICS base takes no fraction in a field of a whole number."""
    if a.dtype == "int" and value != int(value):
        raise TableError(f"{a.name}: {value} is no limit of a whole number")
    whole = a.dtype == "int" or (value == int(value) and abs(value) < 1e15)
    return str(int(value)) if whole else repr(float(value))


def _severities(a: Any) -> Sequence[str]:
    return [SEVERITIES[s] for s in a.choice_severity]


def _state(a: Any, text: str) -> str:
    if not text or len(text.encode()) > 25:
        raise TableError(f"{a.name}: choice {text!r} has not the 1 to 25 bytes of an EPICS state")
    return text


def quoted(value: str) -> str:
    """Write a value of a field."""
    for char, escape in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\t", "\\t")):
        value = value.replace(char, escape)
    return f'"{value}"'
