"""JSON schema of the station file, generated from the dataclasses that read it.

An editor that knows the schema completes keys and marks mistakes while the file is being written; `load`
remains the judge. `python -m hitline.bus.schema` prints the schema of what is installed here, other
packages' instruments included.
"""

import ast
import dataclasses
import enum
import inspect
import itertools
import json
import sys
import textwrap
import types
import typing
from importlib import metadata
from pathlib import Path
from typing import Any

from . import entry_points
from .station import InstrumentEntry, Station
from .station_check import NAME
from .toml import layout

_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string", Path: "string"}
_RULES = {"low": "minimum", "high": "maximum", "above": "exclusiveMinimum", "choices": "enum"}


def schema(*, shipped_only: bool = False) -> dict[str, Any]:
    """Give the schema; with `shipped_only`, instruments of other packages are left out."""
    whole = table(Station)
    instruments = entry_points.available(entry_points.INSTRUMENTS)
    entry = table(InstrumentEntry)
    entry["allOf"] = [
        {"if": {"properties": {"type": {"const": name}}}, "then": {"properties": {"options": table(options)}}}
        for name, point in sorted(instruments.items())
        if not shipped_only or _ours(point)
        if (options := _options(name)) is not None
    ]
    for name in ("instruments", "workers"):
        entries = whole["properties"][name]
        entries["propertyNames"] = {"pattern": f"^{NAME}$"}
    whole["properties"]["instruments"]["additionalProperties"] = entry
    dialect = "https://json-schema.org/draft/2020-12/schema"
    return {"$schema": dialect, "title": "hitline station file", **whole}


def table(cls: type) -> dict[str, Any]:
    """Schema of a dataclass as a table."""
    shape = _table(layout(cls), typing.get_type_hints(cls), field_docs(cls))
    return {"description": inspect.getdoc(cls), **shape}


def _table(keys: dict[str, Any], hints: dict[str, Any], docs: dict[str, str]) -> dict[str, Any]:
    properties, required = {}, []
    for key, item in keys.items():
        if isinstance(item, dict):
            properties[key] = _table(item, hints, docs)
            continue
        properties[key] = {**_value(hints[key], item.metadata), "description": docs.get(key, "")}
        if item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING:
            required.append(key)
        elif (default := plain(item.default)) is not None:
            properties[key]["default"] = default
    return {
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        **({"required": required} if required else {}),
    }


def _value(hint: Any, rules: typing.Mapping[str, Any]) -> dict[str, Any]:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return {}
    if origin in (typing.Union, types.UnionType):
        return _value(next(a for a in arguments if a is not types.NoneType), rules)
    if dataclasses.is_dataclass(hint):
        return table(typing.cast(type, hint))
    if origin is dict:
        return {"type": "object", "additionalProperties": _value(arguments[1], rules)}
    if origin is tuple:
        return {"type": "array", "items": _value(arguments[0], rules)}
    if issubclass(hint, enum.Enum):
        return {"enum": list(hint.__members__)}
    limits = {_RULES[k]: list(v) if k == "choices" else v for k, v in rules.items() if k in _RULES}
    pattern = {"pattern": f"^{rules['pattern']}$"} if "pattern" in rules else {}
    return {"type": _TYPES[hint], **limits, **pattern}


def plain(default: Any) -> Any:
    """Return a field's default as JSON has it; None when there is none to show."""
    if isinstance(default, enum.Enum):
        return default.name
    if isinstance(default, Path):
        return str(default)
    if isinstance(default, tuple):
        return list(default)
    return default if isinstance(default, bool | int | float | str) else None


def field_docs(cls: type) -> dict[str, str]:
    """Docstrings under the fields of a dataclass and its bases, {name: text in one line}."""
    docs: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        if not dataclasses.is_dataclass(base):
            continue
        try:
            body = typing.cast(ast.ClassDef, ast.parse(textwrap.dedent(inspect.getsource(base))).body[0]).body
        except (OSError, TypeError, SyntaxError):  # no source at hand: the schema goes without these texts
            continue
        for item, text in itertools.pairwise(body):
            if (
                isinstance(item, ast.AnnAssign)
                and isinstance(item.target, ast.Name)
                and isinstance(text, ast.Expr)
                and isinstance(text.value, ast.Constant)
            ):
                docs[item.target.id] = " ".join(str(text.value.value).split())
    return docs


def _options(name: str) -> type | None:
    try:
        return getattr(entry_points.find(entry_points.INSTRUMENTS, name), "Options", None)
    except entry_points.EntryPointError:
        return None  # a broken package keeps its options out of the schema, not the schema from us


def _ours(point: metadata.EntryPoint) -> bool:
    return point.value.startswith("hitline.")


if __name__ == "__main__":
    json.dump(schema(), sys.stdout, indent=2)
    sys.stdout.write("\n")
