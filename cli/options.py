"""The options of an instrument as arguments of a command: names, help and limits are those of its table."""

import argparse
import dataclasses
import types
import typing
from pathlib import Path
from typing import Any

from hitline.bus.schema import field_docs
from hitline.bus.toml import Document, TomlError, read


def names(options: type) -> tuple[str, ...]:
    """Names of the fields of an options class."""
    return tuple(field.name for field in dataclasses.fields(options))


def declare(group: Any, options: type, taken: tuple[str, ...] = ()) -> None:
    """Add an argument for each field but those in `taken`, which another class has already."""
    hints, docs = typing.get_type_hints(options), field_docs(options)
    for field in dataclasses.fields(options):
        if field.name in taken:
            continue
        text = f"{docs.get(field.name, '')} (default {field.default})"
        more: dict[str, Any] = {"default": None, "help": text.replace("%", "%%")}
        kind, several = _kind(hints[field.name])
        if kind is bool:
            more["action"] = argparse.BooleanOptionalAction
        elif choices := field.metadata.get("choices"):
            more |= {"type": kind, "choices": choices}
        else:
            more |= {"type": kind, "metavar": "X"} | ({"nargs": "+"} if several else {})
        group.add_argument(f"--{field.name.replace('_', '-')}", **more)


def _kind(hint: Any) -> tuple[Any, bool]:
    """The type of a word for an option of this type, and whether there may be several."""
    arguments = [a for a in typing.get_args(hint) if a not in (types.NoneType, ...)]
    kind = arguments[0] if arguments else hint
    return (str if kind is Path else kind), typing.get_origin(hint) is tuple


def made(options: Any, given: dict[str, Any]) -> Any:
    """Make an instance from those arguments that were given; ValueError names the one that is wrong."""
    table = {name: given[name] for name in names(options) if given.get(name) is not None}
    try:
        return read(options, Document(Path(), table, {}))
    except TomlError as error:
        where = f"--{error.key.replace('_', '-')}: " if error.key else ""
        raise ValueError(f"{where}{error.text}") from None
