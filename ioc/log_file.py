"""The log file of a process: where its output goes, one generation behind it, and its last lines at hand."""

import os
import shlex
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

FOLDER = ".log"
"""In the folder of the data; also what supervisor and conductor keep for their next life is there."""
MOST_BYTES = 5 << 20
"""A file bigger than this is put aside (one generation) at the next start."""


class LogFile:
    """Log of the process `name` of a station that keeps its data in `data`."""

    def __init__(self, data: Path, name: str) -> None:
        self.path = data / FOLDER / f"{name}.log"

    def open(self, argv: Sequence[str]) -> IO[bytes]:
        """Open it for the next life of the process, which a line with time and command begins."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if self.path.exists() and self.path.stat().st_size > MOST_BYTES:
            self.path.replace(self.path.with_suffix(".log.1"))
        output = self.path.open("ab", buffering=0)
        output.write(f"--- {time.strftime('%F %T')} {shlex.join(argv)}\n".encode())
        return output

    def tail(self, lines: int) -> list[str]:
        """Return the last lines."""
        return self.read(0, 8192).decode(errors="replace").splitlines()[-lines:]

    def read(self, begin: int, most_bytes: int) -> bytes:
        """Return what stands after `begin`, the end of it if that is more than `most_bytes`."""
        with suppress(OSError), self.path.open("rb") as file:
            file.seek(max(begin, file.seek(0, os.SEEK_END) - most_bytes))
            return file.read()
        return b""
