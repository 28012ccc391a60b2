"""What a feed can serve: the runs of its source, from the folders and from the marks of a living writer."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .marks import Marks
from .message import NEWEST
from .runs import LoggedRun, checked_name, runs_of

RESCAN_S = 1.0
"""How old the list of folders may be before a question that it cannot answer has them listed again."""


@dataclass
class Entry:
    """One run: live while its writer tells how far it is, else what its files say."""

    run: LoggedRun
    live: bool = False
    written: int = 0
    durable: int = 0
    closed: bool = False


class Catalog:
    """The runs of one source by name and number. Not thread-safe: the server holds its lock."""

    def __init__(self, root: Path, source: str, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._root, self._source, self._clock_s = root, checked_name(source), clock_s
        self._entries: dict[str, Entry] = {}
        self._scanned_s: float | None = None

    @property
    def newest(self) -> int:
        """The largest run number; 0 without runs."""
        self._scan()
        return max((entry.run.ordinal for entry in self._entries.values()), default=0)

    def mark(self, marks: Marks) -> None:
        """Take what a writer says of its run."""
        entry = self._entries.get(marks.run)
        if entry is None or entry.run.ordinal != marks.ordinal:
            folder = self._root / marks.run / self._source
            entry = self._entries[marks.run] = Entry(
                LoggedRun(marks.run, self._source, folder, marks.ordinal)
            )
        entry.live = not marks.closed
        entry.written, entry.durable = marks.written, marks.durable
        entry.closed = False
        # A run that has ended is asked from its files: only they know whether it got its CLOSE block.

    def find(self, run: str) -> Entry | None:
        """Return a run by name, or None."""
        if run not in self._entries:
            self._scan()
        entry = self._entries.get(run)
        if entry is not None and not entry.live and not entry.run.folder.is_dir():
            del self._entries[run]
            return None
        return self._settled(entry)

    def after(self, ordinal: int) -> Entry | None:
        """Return the first run with a larger number; for NEWEST the last run if it has not ended."""
        self._scan()
        runs = sorted(self._entries.values(), key=lambda entry: entry.run.ordinal)
        if ordinal == NEWEST:
            last = self._settled(runs[-1]) if runs else None
            return last if last and not last.closed else None
        return next((self._settled(entry) for entry in runs if entry.run.ordinal > ordinal), None)

    def _scan(self) -> None:
        now_s = self._clock_s()
        if self._scanned_s is not None and now_s - self._scanned_s < RESCAN_S:
            return
        self._scanned_s = now_s
        known = {name for name, entry in self._entries.items() if entry.live or entry.run.ordinal}
        for run in runs_of(self._root, self._source, known):
            self._entries[run.run] = Entry(run)

    def _settled(self, entry: Entry | None) -> Entry | None:
        """Look once more at the files of a run that is neither live nor known to have ended."""
        if entry is not None and not entry.live and not entry.closed:
            stream = entry.run.stream()
            try:
                entry.closed = stream.closing() is not None
            finally:
                stream.close()
        return entry
