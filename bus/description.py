"""The `describe` reply: tables of an instrument <-> plain maps, with versions to agree on.

Only what differs from the default of a field travels, and unknown keys are passed over, so that a newer minor
version can say more. Lists hold one type each: stock C++ programs accept nothing else.
"""

from dataclasses import MISSING, dataclass, field, fields
from typing import Any

from .attribute import SCALARS, Attribute, Command, Refused
from .constellation.pack import Malformed
from .states import State
from .values import text_list

PROTOCOL = "1.0"
"""Of this layer: verbs, tags, sockets. The first number changes when an old peer would misunderstand a new
one."""
SCHEMA = "1.0"
"""Of the tables in the `describe` reply."""
_ALARMS = ("lolo", "low", "high", "hihi")


@dataclass
class Description:
    """What a peer says of itself, checked."""

    attributes: dict[str, Attribute] = field(default_factory=dict)
    commands: dict[str, Command] = field(default_factory=dict)
    verbs: dict[str, str] = field(default_factory=dict)
    """Command -> verb on the wire, which differs when the protocol uses the command's name itself."""
    arrays: int = 0
    """Port of its arrays socket, 0 when it has none."""


def agree(theirs: Any, ours: str, what: str) -> None:
    """Raise Refused with both numbers unless the major versions are the same."""
    if not isinstance(theirs, str) or theirs.partition(".")[0] != ours.partition(".")[0]:
        raise Refused(
            "version",
            f"peer has {what} version {theirs}, this side {ours}: "
            f"another first number is not understood, update the older one",
        )


def tables(
    attributes: dict[str, Attribute], commands: dict[str, Command], verbs: dict[str, str]
) -> dict[str, Any]:
    """Return the part of the reply that tells of attributes and commands."""
    return {
        "protocol": PROTOCOL,
        "schema": SCHEMA,
        "attributes": {name: _plain(a, "name") for name, a in attributes.items()},
        "commands": {name: {"verb": verbs[name], **_plain(c, "name")} for name, c in commands.items()},
    }


def parse(reply: Any) -> Description:
    """Return the checked description; raises Malformed, or Refused for another major version."""
    if not isinstance(reply, dict):
        raise Malformed(f"describe reply is {type(reply).__name__} instead of a map")
    agree(reply.get("protocol"), PROTOCOL, "protocol")
    agree(reply.get("schema"), SCHEMA, "schema")
    arrays = reply.get("arrays", 0)
    if type(arrays) is not int or not 0 <= arrays <= 0xFFFF:
        raise Malformed(f"port of the arrays socket is {arrays!r}")
    attributes, commands = (
        {name: _built(kind, name, row) for name, row in _rows(reply, key)}
        for kind, key in ((Attribute, "attributes"), (Command, "commands"))
    )
    for attribute in attributes.values():
        if attribute.dtype not in SCALARS and not attribute.shape:
            raise Malformed(f"{attribute.name}: dtype {attribute.dtype!r} without a shape")
    verbs = {name: row.get("verb", name) for name, row in _rows(reply, "commands")}
    return Description(attributes, commands, verbs, arrays)


def _rows(reply: dict[str, Any], key: str) -> list[tuple[str, dict[str, Any]]]:
    table = reply.get(key, {})
    if not (
        isinstance(table, dict)
        and all(type(name) is str and isinstance(row, dict) for name, row in table.items())
    ):
        raise Malformed(f"{key} is not a map of maps")
    return list(table.items())


def _plain(row: Attribute | Command, *skip: str) -> dict[str, Any]:
    """Return what differs from the defaults as text, numbers, maps and lists of one type."""
    plain: dict[str, Any] = {}
    for f in fields(row):
        value = getattr(row, f.name)
        if f.name in skip or (f.default is not MISSING and value == f.default):
            continue
        if f.name == "states":
            value = [state.name for state in value]
        elif f.name == "alarms":
            limits = zip(_ALARMS, value, strict=True)
            value = {key: float(limit) for key, limit in limits if limit is not None}
        elif f.name == "args":
            plain["types"] = [dtype for _, dtype in value]
            value = [name for name, _ in value]
        elif f.name in ("low", "high"):
            value = float(value)
        elif isinstance(value, tuple):
            value = list(value)
        plain[f.name] = value
    return plain


def _built(kind: type, name: str, row: dict[str, Any]) -> Any:
    """Return an Attribute or Command from its map."""
    values: dict[str, Any] = {"name": name, "doc": ""}
    for f in fields(kind):
        if f.name in row:
            values[f.name] = _checked(f.name, row)
    if kind is Attribute and "dtype" not in values:
        raise Malformed(f"attribute {name} has no dtype")
    return kind(**values)


def _checked(key: str, row: dict[str, Any]) -> Any:
    value = row[key]
    match key:
        case "states":
            known = State.__members__
            return tuple(known[s] for s in text_list(value, key) if s in known)
        case "choices":
            return text_list(value, key)
        case "args":
            types = text_list(row.get("types", ()), "types")
            return tuple(zip(text_list(value, key), types, strict=False))
        case "shape" | "choice_severity":
            if isinstance(value, list) and all(type(n) is int and 0 <= n < 2**32 for n in value):
                return tuple(value)
        case "alarms":
            if isinstance(value, dict) and all(type(v) in (int, float) for v in value.values()):
                return tuple(value.get(limit) for limit in _ALARMS)
        case "low" | "high":
            if type(value) in (int, float):
                return float(value)
        case "precision":
            if type(value) is int:
                return value
        case "overtakes":
            return bool(value)
        case _:
            if type(value) is str:
                return value
    raise Malformed(f"{key} cannot be {value!r}")
