"""The pid file of a station: who runs it, so that it is not started twice and can be stopped from elsewhere.

A pid alone says little: the system gives it to somebody else sooner or later. Where the system tells when a
process began (Linux), that is kept with it and must still fit; and so must the place of the file, for in a
copy of its folder it tells of another station.
"""

import json
import os
from pathlib import Path

from .log_file import FOLDER

SUPERVISOR = "supervisor"
"""Name of the supervisor itself in the file."""


def pid_file(data: Path) -> Path:
    """Where the pid file of a station with this data folder is."""
    return data / FOLDER / "pids.json"


def write(file: Path, pids: dict[str, int]) -> None:
    """Replace the file by {name: pid} in one step."""
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_suffix(".new")
    entries = {name: {"pid": pid, "began": began(pid)} for name, pid in pids.items()}
    fresh.write_text(json.dumps({"file": str(file.resolve()), "processes": entries}, indent=1))
    fresh.replace(file)


def living(file: Path) -> dict[str, int]:
    """Give {name: pid} of those in the file that are still the same living processes."""
    try:
        content = json.loads(file.read_text())
        if "processes" not in content:
            content = {"file": str(file.resolve()), "processes": content}  # of an earlier version
        known = {str(n): (int(entry["pid"]), entry["began"]) for n, entry in content["processes"].items()}
    except FileNotFoundError:
        return {}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"{file} is damaged ({error}); if the station is down, delete it") from error
    if content["file"] != str(file.resolve()):
        return {}
    return {name: pid for name, (pid, start) in known.items() if alive(pid) and began(pid) == start}


def alive(pid: int) -> bool:
    """Say whether a process lives; one that has ended but was not collected (a zombie) does not.

    On Windows a signal cannot ask, so nothing counts as alive there; a name is still refused by the bus.
    """
    if os.name == "nt":
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return _stat(pid)[:1] != ["Z"]


def began(pid: int) -> str:
    """When a process began, in the system's own count; empty where the system does not tell."""
    fields = _stat(pid)
    return fields[19] if len(fields) > 19 else ""


def _stat(pid: int) -> list[str]:
    """Fields of /proc/PID/stat from the third (state) on; the name before them may hold blanks."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
