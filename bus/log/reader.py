"""Reading runs from disk, without the feed: for verify, decode and reprocessing."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .block import HEADER_BYTES, BlockError, Header, Kind, crc, decode_facts
from .runs import LoggedRun, checked_name, first_header
from .scan import walk
from .segment import WINDOW, segments
from .survey import survey

SPAN_BYTES = 4 * WINDOW


@dataclass
class Flaws:
    """What is wrong with the bytes of a run, counted while it is read."""

    bad_payloads: int = 0
    gaps: int = 0
    gap_bytes: int = 0
    """Bytes between blocks that are no blocks, or that are not there."""
    missing_blocks: int = 0
    """Blocks that the sequence numbers say are gone, those with bad payload not included."""
    tail_bytes: int = 0
    """After the last block of a run that nobody closed: torn, or just being written."""

    @property
    def damaged(self) -> bool:
        """True when something that once was there is not readable."""
        return bool(self.bad_payloads or self.gaps or self.missing_blocks)


@dataclass
class Run:
    """One run of one source; iterate it for (Header, payload) of every good block, from the first.

    A payload is a view into memory that belongs to it alone; keep it as long as you like. `flaws` counts what
    the last iteration met.
    """

    logged: LoggedRun
    facts: dict[str, Any]
    """Of the OPEN block; empty when it is not readable."""
    totals: dict[str, Any] | None
    """Of the CLOSE block; None when the run has none."""
    preview: bool = False
    """True when its oldest part has been removed to keep it small."""
    flaws: Flaws = field(default_factory=Flaws)

    def __iter__(self) -> Iterator[tuple[Header, memoryview]]:
        flaws = self.flaws = Flaws()
        stream = self.logged.stream()
        expected, seq = stream.first, None if self.preview else 0
        try:
            size = stream.end()
            limit = size if self.totals is not None else survey(self.logged, stream).end
            flaws.tail_bytes = size - limit
            while True:
                start, data = stream.span(expected, SPAN_BYTES, limit)
                if not data:
                    break
                if start != expected:
                    flaws.gaps += 1
                    flaws.gap_bytes += start - expected
                view = memoryview(data)
                for at, header in walk(data, start):
                    flaws.missing_blocks += 0 if seq is None else max(0, header.seq - seq)
                    seq = header.seq + 1
                    payload = view[at + HEADER_BYTES : at + HEADER_BYTES + header.payload]
                    if crc(payload) == header.payload_crc:
                        yield header, payload
                    else:
                        flaws.bad_payloads += 1
                expected = start + len(data)
        finally:
            stream.close()


@dataclass(frozen=True)
class Listing:
    """One line of a list of runs, from the first and the last block only."""

    logged: LoggedRun
    opened_wall_ns: int
    """Unix time of its first block; 0 when unreadable."""
    bytes: int
    totals: dict[str, Any] | None
    """Of the CLOSE block; None when the run has none."""


def open_run(folder: Path) -> Run:
    """Open `ROOT/RUN/SOURCE`, or `ROOT/RUN` when it has one source only.

    Raises FileNotFoundError when there is no run, ValueError when there are several sources.
    """
    if not segments(folder):
        sources = sorted(path for path in folder.glob("*") if path.is_dir() and segments(path))
        if not sources:
            raise FileNotFoundError(f"{folder}: no run log here (no raw-*.seg)")
        if len(sources) > 1:
            names = ", ".join(path.name for path in sources)
            raise ValueError(f"{folder}: has several sources, name one of {names}")
        folder = sources[0]
    folder = folder.absolute()
    return _open(_logged(folder))


def list_runs(root: Path) -> list[Listing]:
    """List every run of every source under a root, oldest first; folders that are no runs are left out."""
    found = []
    for folder in root.glob("*/*"):
        try:
            checked_name(folder.name)
            checked_name(folder.parent.name)
        except ValueError:
            continue
        files = segments(folder)
        if files:
            header = first_header(folder, folder.parent.name)
            size = sum(file.path.stat().st_size for file in files)
            found.append(
                Listing(_logged(folder), header.wall_first_ns if header else 0, size, _totals(folder))
            )
    return sorted(found, key=lambda item: (item.opened_wall_ns, item.logged.run, item.logged.source))


def _logged(folder: Path) -> LoggedRun:
    header = first_header(folder, folder.parent.name)
    return LoggedRun(folder.parent.name, folder.name, folder, header.ordinal if header else 0)


def _open(logged: LoggedRun) -> Run:
    facts: dict[str, Any] = {}
    stream = logged.stream()
    preview = stream.first > 0
    try:
        header = stream.header(0)
        if header and header.kind == Kind.OPEN:
            payload = stream.read(HEADER_BYTES, header.payload)
            facts = decode_facts(payload) if crc(payload) == header.payload_crc else {}
    except BlockError:
        facts = {}
    finally:
        stream.close()
    return Run(logged, facts, _totals(logged.folder), preview)


def _totals(folder: Path) -> dict[str, Any] | None:
    stream = LoggedRun(folder.parent.name, folder.name, folder, 0).stream()
    try:
        closing = stream.closing()
        return decode_facts(closing[1]) if closing else None
    except BlockError:
        return None
    finally:
        stream.close()
