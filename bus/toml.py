"""TOML files read into dataclasses: nothing unknown is ignored, and every error names file, line and key.

The dataclass is the schema. Its type hints say what each key wants: bool, int, float, str, Path (relative to
the file), an Enum (by member name), another dataclass (a table), `dict[str, X]`, `tuple[X, ...]`, `X | None`.
`field(metadata=...)` narrows a value: `low`, `high` (both inclusive), `above`, `pattern` and `choices`;
`under` puts a key into a sub-table, and `skip` keeps a field out of the file. A dataclass that wants to check
more raises ValueError in `__post_init__`.
"""

import dataclasses
import difflib
import enum
import re
import tomllib
import types
import typing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .toml_lines import Path as KeyPath
from .toml_lines import key_lines

Rules = typing.Mapping[str, Any]
"""What a field's metadata says about its value."""


class TomlError(ValueError):
    """What is wrong with a file, where: `file`, `line` (0: the file as a whole), `key` and `text`."""

    def __init__(self, file: Path, line: int, key: str, text: str) -> None:
        place = f"{file}:{line}" if line else str(file)
        super().__init__(f"{place}: {key}: {text}" if key else f"{place}: {text}")
        self.file, self.line, self.key, self.text = file, line, key, text


@dataclass(frozen=True)
class Document:
    """A parsed file that still knows where its keys stand."""

    file: Path
    table: dict[str, Any]
    lines: dict[KeyPath, int]

    def error(self, path: KeyPath, text: str) -> TomlError:
        """Make the error of the key at `path`, at its line or at that of the nearest table around it."""
        line = next((self.lines[path[:n]] for n in range(len(path), 0, -1) if path[:n] in self.lines), 1)
        key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
        return TomlError(self.file, line, key.removeprefix("."), text)

    def at(self, path: KeyPath) -> Any:
        """Return the raw value at `path`, an empty table if there is none."""
        value: Any = self.table
        for part in path:
            value = value.get(part, {}) if isinstance(value, dict) else value[part]
        return value


def open_document(file: Path) -> Document:
    """Parse `file`; TomlError if it cannot be read or is not TOML."""
    try:
        text = file.read_bytes().decode()
        return Document(file, tomllib.loads(text), key_lines(text.replace("\r\n", "\n")))
    except OSError as error:
        raise TomlError(file, 0, "", f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise TomlError(file, line, "", f"is not UTF-8 text: {error.reason}") from error
    except tomllib.TOMLDecodeError as error:
        place = re.search(r" \(at (?:line (\d+), column \d+|end of document)\)", str(error))
        line = int(place[1]) if place and place[1] else text.count("\n") + 1
        raise TomlError(file, line, "", f"is not TOML: {re.sub(r' [(]at .*[)]$', '', str(error))}") from error
    except RecursionError as error:
        raise TomlError(file, 0, "", "is nested too deeply") from error


def layout(cls: type) -> dict[str, Any]:
    """Give the keys of a dataclass: {key: field, or a dict of them for a sub-table}."""
    keys: dict[str, Any] = {}
    for item in dataclasses.fields(cls):
        if item.metadata.get("skip"):
            continue
        under = item.metadata.get("under")
        (keys.setdefault(under, {}) if under else keys)[item.name] = item
    return keys


def read(cls: Any, document: Document, path: KeyPath = (), **more: Any) -> Any:
    """Build `cls` from the table at `path`; `more` gives the fields that are not in the file."""
    values = dict(more)
    _fill(values, layout(cls), typing.get_type_hints(cls), document, document.at(path), path)
    try:
        return cls(**values)
    except ValueError as error:
        raise document.error(path, str(error)) from error


def _fill(
    values: dict[str, Any],
    keys: dict[str, Any],
    hints: dict[str, Any],
    document: Document,
    table: Any,
    path: KeyPath,
) -> None:
    if not isinstance(table, dict):
        raise document.error(path, f"wants a table, got {_what(table)}")
    for key in table:
        if key not in keys:
            near = difflib.get_close_matches(key, keys, n=1)
            hint = f"nearest is {near[0]!r}" if near else f"known are {', '.join(sorted(keys)) or 'none'}"
            raise document.error((*path, key), f"unknown key; {hint}")
    for key, item in keys.items():
        if isinstance(item, dict):
            _fill(values, item, hints, document, table.get(key, {}), (*path, key))
        elif key in table:
            rules = dict(item.metadata)
            if table.get(rules.get("unless", "")):  # another option says that it need not be there yet
                rules["exists"] = False
            values[key] = convert(hints[key], rules, document, table[key], (*path, key))
        elif item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING:
            raise document.error(path, f"key {key!r} is missing")


def convert(hint: Any, rules: Rules, document: Document, value: Any, path: KeyPath) -> Any:
    """Return `value` in the type that `hint` names, or raise the error of the key at `path`."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return value
    if origin in (typing.Union, types.UnionType):
        inner = [a for a in arguments if a is not types.NoneType]
        return convert(inner[0], rules, document, value, path)
    if dataclasses.is_dataclass(hint):
        return read(hint, document, path)
    if origin is dict:
        if not isinstance(value, dict):
            raise document.error(path, f"wants a table, got {_what(value)}")
        return {k: convert(arguments[1], rules, document, v, (*path, k)) for k, v in value.items()}
    if origin is tuple:
        if not isinstance(value, list):
            raise document.error(path, f"wants an array, got {_what(value)}")
        return tuple(convert(arguments[0], rules, document, v, (*path, n)) for n, v in enumerate(value))
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        if not isinstance(value, str) or value not in hint.__members__:
            raise document.error(path, f"{value!r} is none of {', '.join(hint.__members__)}")
        return hint[value]
    return _scalar(hint, rules, document, value, path)


def _scalar(hint: Any, rules: Rules, document: Document, value: Any, path: KeyPath) -> Any:
    accepted, words = _SCALARS[hint]
    if not isinstance(value, accepted) or (isinstance(value, bool) and hint is not bool):
        raise document.error(path, f"wants {words}, got {_what(value)}")
    if hint is Path:
        place = (document.file.parent / Path(value).expanduser()).absolute()
        if rules.get("exists") and not place.exists():
            raise document.error(path, f"there is no file or folder {place}")
        return place
    number = hint in (int, float)
    if number and not value > rules.get("above", -float("inf")):
        raise document.error(path, f"{value} must be above {rules.get('above')}")
    if number and not rules.get("low", value) <= value <= rules.get("high", value):
        raise document.error(path, f"{value} is outside {rules.get('low', '')} to {rules.get('high', '')}")
    if "choices" in rules and value not in rules["choices"]:
        raise document.error(path, f"{value!r} is none of {', '.join(rules['choices'])}")
    if "pattern" in rules and not re.fullmatch(rules["pattern"], value):
        raise document.error(path, f"{value!r} does not fit the pattern {rules['pattern']}")
    return hint(value)


_SCALARS: dict[Any, tuple[Any, str]] = {
    bool: (bool, "true or false"),
    int: (int, "a whole number"),
    float: (int | float, "a number"),
    str: (str, "text"),
    Path: (str, "a path as text"),
}
_KINDS = (
    (bool, "true or false"),
    (int, "a whole number"),
    (float, "a number"),
    (str, "text"),
    (list, "an array"),
    (dict, "a table"),
)


def _what(value: Any) -> str:
    kind = next((words for cls, words in _KINDS if isinstance(value, cls)), type(value).__name__)
    return kind if isinstance(value, list | dict) else f"{kind}: {str(value)[:60]!r}"
