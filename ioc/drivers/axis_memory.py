"""Where an axis was, in a small file that survives a power cut.

It is written when an axis comes to rest and before it moves. Nothing reads it back by itself: `restore` loads
it when it is asked to, and only if the axis was at rest when it was written.
"""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Memory:
    """What is kept."""

    dial: float
    offset: float
    direction: str
    homed: bool
    moving: bool = False
    """A move was under way: the position is where it began."""


def save(path: Path, memory: Memory) -> None:
    """Write it, whole or not at all, to the disk itself."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    with fresh.open("w", encoding="utf-8") as file:
        json.dump(asdict(memory), file)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def load(path: Path) -> Memory | None:
    """Read it; None where there is none, ValueError where it cannot be read."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    try:
        return Memory(**json.loads(text))
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: is no memory of an axis: {error}") from None
