"""Where a reader is in a log, and its state saved together with that place in one stroke.

The file is a zip of `.npy` arrays (what `numpy.load(path, allow_pickle=False)` reads) with the cursor and the
facts as JSON. Since place and state are replaced together, a killed reader resumes as if nothing had
happened: blocks that it had taken after the last save are read again into the state that had not seen them.
"""

import json
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .block import encode_facts
from .disk import Disk

VERSION = 1


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place between two blocks."""

    run: str
    offset: int = 0
    """Of the next block, bytes."""
    seq: int = 0
    """Sequence number of the next block."""


@dataclass(frozen=True)
class State:
    """What `save_state` saved."""

    cursor: Cursor
    arrays: dict[str, np.ndarray]
    facts: dict[str, Any]


def save_state(
    path: Path, cursor: Cursor, arrays: dict[str, np.ndarray], facts: dict[str, Any], disk: Disk | None = None
) -> None:
    """Replace the file at `path` by this state, at one stroke; on the disk when it returns.

    Arrays of any plain dtype; Python objects are refused with ValueError.
    """
    new = path.with_name(path.name + ".new")
    about = {
        "version": VERSION,
        "cursor": {"run": cursor.run, "offset": cursor.offset, "seq": cursor.seq},
        "facts": facts,
    }
    with new.open("wb") as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            archive.writestr("state.json", encode_facts(about))
            for name, array in arrays.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, np.ascontiguousarray(array), allow_pickle=False)
        file.flush()
        os.fsync(file.fileno())
    (disk or Disk()).rename(new, path)


def load_state(path: Path) -> State | None:
    """Return the saved state, None when there is none; ValueError when it is no state of this version."""
    try:
        with zipfile.ZipFile(path) as archive:
            about = json.loads(archive.read("state.json"))
            if about["version"] != VERSION:
                raise ValueError(f"state of version {about['version']}, this program knows version {VERSION}")
            arrays = {}
            for name in archive.namelist():
                if name.endswith(".npy"):
                    with archive.open(name) as member:
                        arrays[name[:-4]] = np.lib.format.read_array(member, allow_pickle=False)
            place = about["cursor"]
            cursor = Cursor(str(place["run"]), int(place["offset"]), int(place["seq"]))
            return State(cursor, arrays, dict(about["facts"]))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, NotImplementedError) as error:
        raise ValueError(f"{path}: not a saved state, remove it to begin anew: {error}") from error
