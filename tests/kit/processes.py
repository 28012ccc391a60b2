"""Processes that a test has begun, and their children."""

import os
from contextlib import suppress
from pathlib import Path


def children() -> set[int]:
    """Pids of living (not zombie) children of this process and theirs, by /proc; empty elsewhere.

    By the kernel's own list for each thread: to read the parent of every process of the machine after each
    test costs half a minute a run.
    """
    found: set[int] = set()
    grown = [os.getpid()]
    while grown:
        for task in Path(f"/proc/{grown.pop()}/task").glob("*/children"):
            with suppress(OSError):  # a thread that has ended meanwhile
                begun = [int(pid) for pid in task.read_text().split()]
                grown += begun
                found.update(begun)
    return {pid for pid in found if _lives(pid)}


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
