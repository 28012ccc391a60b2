"""docs/reference/station.md and station.schema.json, written from the schema.

`python -m hitline.bus.schema_page FOLDER` writes both; a test fails when the committed ones are stale.
"""

import json
import sys
from pathlib import Path
from typing import Any

from .schema import schema

HEAD = """\
# The station file

<!-- written by `python -m hitline.bus.schema_page docs/reference`; do not edit -->

A station is one [TOML](https://toml.io) file. Everything in it is checked before anything starts: an unknown
key or a wrong type is refused with the line, the key and what would be right (`hitline up FILE --check`).
Paths are relative to the file. An editor that reads JSON schemas completes keys from
[station.schema.json](station.schema.json); other packages' instruments are in what
`python -m hitline.bus.schema` prints.
"""


def page(whole: dict[str, Any]) -> str:
    """Return the reference page of a schema."""
    top = whole["properties"]
    entry, worker = (top[name]["additionalProperties"] for name in ("instruments", "workers"))
    parts = [
        HEAD,
        _section(
            "Top level",
            "Before the first table.",
            {**whole, "properties": {k: v for k, v in top.items() if not _tables(v)}},
        ),
    ]
    parts.append(
        _section(
            "`[instruments.NAME]`",
            "One instrument; names are lower-case letters, digits and "
            "underscores, and unique together with those of the workers.",
            entry,
        )
    )
    for rule in entry["allOf"]:
        kind = rule["if"]["properties"]["type"]["const"]
        options = rule["then"]["properties"]["options"]
        title = f"`[instruments.NAME.options]` of type `{kind}`"
        parts.append(_section(title, options["description"], options))
    parts.append(_section("`[workers.NAME]`", worker["description"], worker))
    parts.append(_section("`[conductor]`", top["conductor"]["description"], top["conductor"]))
    for name, face in top["faces"]["properties"].items():
        parts.append(_section(f"`[faces.{name}]`", face["description"], face))
    return "\n".join(parts)


def _tables(value: dict[str, Any]) -> bool:
    return value.get("type") == "object"


def _section(title: str, text: str, table: dict[str, Any]) -> str:
    rows = [f"## {title}", "", " ".join(text.split()), ""]
    rows += ["| key | type | default | meaning |", "|---|---|---|---|"]
    for key, value in table["properties"].items():
        required = key in table.get("required", ())
        default = "required" if required else _shown(value.get("default"))
        meaning = value.get("description", "").replace("|", "\\|")
        rows.append(f"| `{key}` | {_type(value)} | {default} | {meaning} |")
    return "\n".join([*rows, ""])


def _shown(default: Any) -> str:
    return "" if default is None or default == "" else f"`{json.dumps(default)}`"


def _type(value: dict[str, Any]) -> str:
    if "enum" in value:
        return ", ".join(f"`{choice}`" for choice in value["enum"] if choice)
    kind = value.get("type", "table")
    if kind == "array":
        return f"array of {_type(value['items'])}"
    if kind in ("object", "table"):
        return "table"
    word = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false"}[kind]
    low, high = value.get("minimum"), value.get("maximum")
    above = value.get("exclusiveMinimum")
    limits = [
        f"above {above:g}" if above is not None else "",
        f"from {low:g}" if low is not None else "",
        f"to {high:g}" if high is not None else "",
    ]
    return " ".join([word, *filter(None, limits)])


def files() -> dict[str, str]:
    """Give {file name: text} of what is committed: hitline's own instruments only."""
    whole = schema(shipped_only=True)
    return {"station.schema.json": json.dumps(whole, indent=2) + "\n", "station.md": page(whole)}


if __name__ == "__main__":
    for name, text in files().items():
        (Path(sys.argv[1]) / name).write_text(text)
