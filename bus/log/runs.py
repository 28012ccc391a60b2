"""The runs under a root: names, order, and which of them have ended."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from .block import HEADER_BYTES, Header, digest, unpack
from .segment import Stream, segments

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,99}")


def checked_name(name: str) -> str:
    """Return a run id or source name that is safe as a folder's name; ValueError says what is allowed."""
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"{name[:120]!r} cannot name a run or a source: 1 to 100 letters, digits, _ . + - , "
            "beginning with a letter, a digit or _"
        )
    return name


@dataclass(frozen=True, slots=True)
class LoggedRun:
    """One run of one source on disk."""

    run: str
    source: str
    folder: Path
    ordinal: int
    """0 when not a single block is readable."""

    def stream(self) -> Stream:
        """Open it for reading."""
        return Stream(self.folder, digest(self.run))


def first_header(folder: Path, run: str) -> Header | None:
    """Return the header of the first readable block."""
    if not segments(folder):
        return None
    stream = Stream(folder, digest(run))
    try:
        _, data = stream.span(0, HEADER_BYTES, stream.end())
    finally:
        stream.close()
    return unpack(data) if data else None


def runs_of(root: Path, source: str, known: Collection[str] = ()) -> list[LoggedRun]:
    """List the runs of one source in the order in which they were opened, without those in `known`."""
    found = []
    for folder in root.glob(f"*/{checked_name(source)}"):
        if folder.parent.name not in known and folder.is_dir() and _NAME.fullmatch(folder.parent.name):
            run = folder.parent.name
            header = first_header(folder, run)
            found.append(LoggedRun(run, source, folder, header.ordinal if header else 0))
    return sorted(found, key=lambda logged: (logged.ordinal, logged.run))


def next_ordinal(root: Path, source: str) -> int:
    """Return the number of the next run of this source."""
    return 1 + max((logged.ordinal for logged in runs_of(root, source)), default=0)
