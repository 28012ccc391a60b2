"""How values of instruments look as text, as JSON, and as columns."""

import json
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
from hitline.bus.attribute import Attribute, Refused, Severity, Update

_STYLES = {
    "INVALID": "magenta",
    "MAJOR": "bold red",
    "MINOR": "yellow",
    "DEAD": "magenta",
    "ERROR": "bold red",
    "SAFE": "bold red",
    "RUN": "green",
}


def text(value: Any, attribute: Attribute | None = None) -> str:
    """Return a value as a person reads it, with precision and unit where they are known."""
    if value is None:
        return "-"
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {'x'.join(map(str, value.shape))} sum {value.sum()}"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        digits = attribute.precision if attribute and attribute.precision is not None else None
        shown = f"{value:.{digits}f}" if digits is not None else f"{value:g}"
    else:
        shown = str(value)
    return f"{shown} {attribute.unit}" if attribute and attribute.unit else shown


def quality(update: Update) -> str:
    """Return severity and reason, nothing when all is well."""
    if update.severity is Severity.OK:
        return update.status
    return f"{update.severity.name} {update.status}".rstrip()


def when(update: Update) -> str:
    """Return the local time of a value, to the millisecond."""
    return datetime.fromtimestamp(update.time_ns / 1e9).strftime("%H:%M:%S.%f")[:-3]


def plain(update: Update, attribute: Attribute | None = None) -> dict[str, Any]:
    """Return an update as JSON has it; arrays as nested lists."""
    value = update.value.tolist() if isinstance(update.value, np.ndarray) else update.value
    return {
        "value": value,
        "unit": attribute.unit if attribute else "",
        "severity": update.severity.name,
        "status": update.status,
        "time_ns": update.time_ns,
    }


def parse(words: Sequence[str], attribute: Attribute) -> Any:
    """Return what was typed in the attribute's type; arrays are numbers, or one JSON list."""
    word = " ".join(words)
    if attribute.dtype in ("str", "enum"):
        return word
    if attribute.dtype == "bool":
        known = {
            "true": True,
            "1": True,
            "on": True,
            "yes": True,
            "false": False,
            "0": False,
            "off": False,
            "no": False,
        }
        if word.lower() not in known:
            raise Refused("type", f"{attribute.name}: wants true or false, got {word!r}")
        return known[word.lower()]
    try:
        if attribute.array:
            return np.asarray(
                json.loads(word) if word.startswith("[") else [float(w) for w in words], attribute.dtype
            )
        return int(word, 0) if attribute.dtype == "int" else float(word)
    except ValueError:
        kind = {"int": "a whole number", "float": "a number"}.get(attribute.dtype, "numbers")
        raise Refused("type", f"{attribute.name}: wants {kind}, got {word!r}") from None


def columns(rows: Sequence[Sequence[str]], header: Sequence[str]) -> None:
    """Print a table: aligned, with colours for severities on a terminal."""
    if sys.stdout.isatty():
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(*header, box=None, header_style="dim")
        for row in rows:
            table.add_row(*(Text(cell, style=_style(cell)) for cell in row))
        Console().print(table)
        return
    widths = [max(len(row[n]) for row in [header, *rows]) for n in range(len(header))]
    for row in [header, *rows]:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _style(cell: str) -> str:
    word = cell.partition(" ")[0]
    return _STYLES.get(word, "")
