"""The options of an instrument as arguments of a command: names, help and limits are those of its table."""

import argparse
import dataclasses
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
        if hints[field.name] is bool:
            more["action"] = argparse.BooleanOptionalAction
        elif choices := field.metadata.get("choices"):
            more |= {"type": hints[field.name], "choices": choices}
        else:
            more |= {"type": hints[field.name], "metavar": "X"}
        group.add_argument(f"--{field.name.replace('_', '-')}", **more)


def made(options: Any, given: dict[str, Any]) -> Any:
    """Make an instance from those arguments that were given; ValueError names the one that is wrong."""
    table = {name: given[name] for name in names(options) if given.get(name) is not None}
    try:
        return read(options, Document(Path(), table, {}))
    except TomlError as error:
        where = f"--{error.key.replace('_', '-')}: " if error.key else ""
        raise ValueError(f"{where}{error.text}") from None
