"""What a command writes takes the place of nothing, unless it was asked to: it may be a recording."""

import argparse
from collections.abc import Iterable
from pathlib import Path


def add_force(parser: argparse.ArgumentParser) -> None:
    """Declare the option."""
    parser.add_argument("--force", action="store_true", help="replace what is there already")


def must_be_new(paths: Iterable[Path], force: bool = False) -> None:
    """Raise FileExistsError for the first that is there already; `force` lets all of them pass."""
    for path in () if force else paths:
        if path.exists():
            raise FileExistsError(f"{path} is there already: choose another name, or replace it with --force")
