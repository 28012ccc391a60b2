"""What a process that a signal ended leaves behind: its last words, and where each of its threads was.

`tell` turns on Python's faulthandler, which writes the traceback of every thread to standard error when the
process is about to be ended by SIGSEGV, SIGFPE, SIGABRT, SIGBUS or SIGILL. Whoever keeps what the process
says puts it aside with `leave`, before the next life writes on. After SIGKILL there are only the last words.
"""

import faulthandler
import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path

LAST_WORDS = 50
"""So many lines from before the traceback are kept."""
KEPT = 20
"""So many reports are kept, the newest."""
READ_BYTES = 1 << 20
"""Room for the tracebacks of some hundred threads."""

_TRACEBACK = b"Fatal Python error: "
"""Faulthandler's first words: https://docs.python.org/3/library/faulthandler.html"""


def tell() -> None:
    """Let this process tell on standard error how it crashed; left as it is where that is so already."""
    if not faulthandler.is_enabled() and sys.__stderr__ is not None:
        faulthandler.enable(sys.__stderr__)


def leave(folder: Path, name: str, argv: Sequence[str], reason: str, said: bytes) -> Path:
    """Write a report of a process into `folder` and return its path; raises OSError.

    `said` is what it wrote on standard error in its last life, or the end of that.
    """
    before, mark, traceback = said.partition(_TRACEBACK)
    words = before.decode(errors="replace").splitlines()[-LAST_WORDS:]
    now = time.time()
    folder.mkdir(parents=True, exist_ok=True)
    stamp = time.strftime("%Y%m%dT%H%M%S", time.localtime(now))
    path = folder / f"{name}-{stamp}.{int(now % 1 * 1000):03d}.txt"
    head = [f"{name} {reason}, {time.strftime('%F %T', time.localtime(now))}", shlex.join(argv), ""]
    path.write_text("\n".join([*head, *words, (mark + traceback).decode(errors="replace")]))
    for old in sorted(folder.glob("*.txt"), key=lambda file: file.stat().st_mtime)[:-KEPT]:
        old.unlink(missing_ok=True)
    return path
