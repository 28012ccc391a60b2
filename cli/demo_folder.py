"""The folder of a demo. It is emptied of what an earlier demo wrote, and of nothing else."""

import json
import sys
from itertools import count
from pathlib import Path
from shutil import rmtree

from hitline.ioc import pids

USUAL = Path("out/demo")
MARKER = ".hitline-demo"
"""File that tells a demo's folder, with the names of all that the demo had written."""
RUNS = "runs"


def empty_folder(chosen: Path | None) -> Path:
    """Give the chosen folder, or the first of the usual ones that is a demo's or free; now it is empty.

    ValueError where somebody else's files are in the chosen one.
    """
    if chosen is not None:
        _empty(chosen)
        return chosen
    for number in count(1):
        folder = USUAL.with_name(f"{USUAL.name}-{number}") if number > 1 else USUAL
        try:
            _empty(folder)
            return folder
        except ValueError as error:
            sys.stderr.write(f"{error}\n")
    raise AssertionError("there is always another number")


def written(folder: Path) -> None:
    """Note that all that is in the folder now is the demo's; what comes later is somebody else's."""
    marker = folder / MARKER
    marker.write_text(json.dumps({"written": _files(folder)}, indent=1) + "\n")


def _empty(folder: Path) -> None:
    if folder.exists() and any(folder.iterdir()):
        if alive := pids.living(pids.pid_file(folder / RUNS)):
            raise ValueError(
                f"{folder}: its station runs ({', '.join(alive)}): stop it with "
                f"`hitline down {folder / 'station.toml'}`, or choose another --out"
            )
        if not (folder / MARKER).exists():
            raise ValueError(
                f"{folder} is not empty, and is not known as an earlier demo's: choose another --out, or "
                f"where nothing in it is of use: rm -r {folder}"
            )
        known = json.loads((folder / MARKER).read_text())["written"]
        if others := [name for name in _files(folder) if known and name not in known]:
            more = f" and {len(others) - 1} more files" if others[1:] else ""
            raise ValueError(
                f"{folder} holds {others[0]}{more} that no demo wrote: move it away, or choose another --out"
            )
        rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARKER).write_text(json.dumps({"written": []}) + "\n")


def _files(folder: Path) -> list[str]:
    """All but what a station keeps for itself, as logs and pids."""
    files = (path.relative_to(folder) for path in sorted(folder.rglob("*")) if not path.is_dir())
    return [str(file) for file in files if not any(part.startswith(".") for part in file.parts)]
