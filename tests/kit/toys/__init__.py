"""Instruments of another package, found by its entry points where this folder is on the path."""

import os
from pathlib import Path

TOYS = str(Path(__file__).parent)


def with_toys() -> str:
    """PYTHONPATH of a process that knows them, and what this one knows."""
    return os.pathsep.join(filter(None, [TOYS, os.environ.get("PYTHONPATH")]))
