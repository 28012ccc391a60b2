"""Files that emulators begin anew at each start: their own, never one that somebody else wrote."""

from pathlib import Path
from typing import Any


def begun(path: Path, mode: str, **how: Any) -> Any:
    """Open a file to write it from its beginning; ValueError where it has what no emulator wrote.

    A file beside it, PATH.emulated, tells one that an emulator has begun.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    marker = path.with_name(f"{path.name}.emulated")
    if path.exists() and path.stat().st_size and not marker.exists():
        raise ValueError(
            f"{path} is there already, and is not known as an emulator's: name another file, or remove this "
            "one if nothing in it is of use"
        )
    marker.touch()
    return path.open(mode, **how)
