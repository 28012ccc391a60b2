"""Processes on cores of their own, and the time that they took."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def pin(core: int) -> Any:
    """For `preexec_fn`: keep a child on one core, where there are several."""
    cores = sorted(os.sched_getaffinity(0))
    return lambda: os.sched_setaffinity(0, {cores[core % len(cores)]})


@contextlib.contextmanager
def child(arguments: list[str], core: int | None) -> Iterator["subprocess.Popen[str]"]:
    """A process that is ended with the block."""
    with subprocess.Popen(
        arguments, stdout=subprocess.PIPE, text=True, preexec_fn=None if core is None else pin(core)
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.communicate()


def cpu_s(pid: int) -> float:
    """CPU time of a process with all its threads so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
