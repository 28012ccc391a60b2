"""Joined rows in a file beside the run's data: arrays, and a header of JSON with all else about them."""

import json
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from .join import Row

ARRAYS = ("places", "counts", "flagged", "edges_s")


def save_rows(path: Path, rows: Sequence[Row], **facts: Any) -> None:
    """Write an .npz: one array for each of ARRAYS and row (`counts_0`, ...), and `header`, JSON."""
    told = [{f.name: getattr(row, f.name) for f in fields(row) if f.name not in ARRAYS} for row in rows]
    arrays = {f"{name}_{n}": getattr(row, name) for n, row in enumerate(rows) for name in ARRAYS}
    header = json.dumps({**facts, "rows": told})
    fresh = path.with_name(path.name + ".new")
    with fresh.open("wb") as file:
        np.savez_compressed(file, header=np.array(header), **arrays)
    fresh.replace(path)


def load_rows(path: Path) -> tuple[dict[str, Any], list[Row]]:
    """Read it: the facts, and the rows."""
    with np.load(path) as stored:
        header = json.loads(str(stored["header"]))
        rows = []
        for n, told in enumerate(header.pop("rows")):
            told["missing"], told["doubtful"] = tuple(told["missing"]), tuple(told["doubtful"])
            rows.append(Row(**told, **{name: stored[f"{name}_{n}"] for name in ARRAYS}))
    return header, rows
