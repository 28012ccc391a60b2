"""Ending the runs that a dead writer left open, so that whoever reads them comes to an end.

The torn tail is cut (`survey` says where), and a CLOSE block with INCOMPLETE takes its place, in a segment of
its own.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .block import PREVIEW, Condition, Kind
from .disk import FULL, Disk
from .identity import Identity
from .runs import checked_name, next_ordinal, runs_of
from .segment import segments
from .store import Store
from .survey import Found, survey


def recover(
    root: Path,
    source: str,
    *,
    disk: Disk | None = None,
    explain: Callable[[Found], dict[str, Any]] = lambda found: {},
    mono_ns: Callable[[], int] = time.monotonic_ns,
    wall_ns: Callable[[], int] = time.time_ns,
) -> list[Found]:
    """Close every run of a source that has no CLOSE block; return what was found, oldest first.

    Only for the one process that writes this source, before it opens a run. `explain` may add totals that the
    source knows, such as the hits that are missing. Raises OSError when the disk refuses.
    """
    disk = disk or Disk()
    closed = []
    for run in runs_of(root, checked_name(source)):
        stream = run.stream()
        try:
            if stream.closing() is not None:
                continue
            found = survey(run, stream)
        finally:
            stream.close()
        _close(found, root, disk, explain(found), mono_ns(), wall_ns())
        closed.append(found)
    return closed


def _close(
    found: Found, root: Path, disk: Disk, explained: dict[str, Any], mono_ns: int, wall_ns: int
) -> None:
    files = segments(found.run.folder)
    kept = [segment for segment in files if segment.start <= found.end]
    for segment in files[len(kept) :]:
        disk.remove(segment.path)
    if kept and kept[-1].start + kept[-1].path.stat().st_size > found.end:
        disk.truncate(kept[-1].path, found.end - kept[-1].start)
    ordinal = found.run.ordinal or next_ordinal(root, found.run.source)
    identity = Identity(root, found.run.run, found.run.source, ordinal, preview=bool(found.flags & PREVIEW))
    store = Store(
        identity,
        disk,
        0,
        offset=found.end,
        seq=found.seq,
        condition=Condition(found.flags & 0x1F) | Condition.INCOMPLETE,
    )
    try:
        facts = {
            "run": found.run.run,
            "source": found.run.source,
            "condition": store.condition.text,
            "recovered": True,
            "cut_bytes": found.cut_bytes,
            "blocks": found.blocks,
            "words": found.words,
            "hits": found.hits,
            "lost": None,
            "dropped_words": None,
            "exposures": found.exposures,
            "unfinished_exposure": found.exposure or None,
            "failures": [],
            **explained,
        }
        _write(store, facts, mono_ns, wall_ns)
    finally:
        store.close()


def _write(store: Store, facts: dict[str, Any], mono_ns: int, wall_ns: int) -> None:
    """Write the CLOSE block; on a full disk in the place of what the dead writer held in reserve."""
    try:
        store.resume()
        store.mark(Kind.CLOSE, facts, mono_ns, wall_ns)
    except OSError as error:
        if error.errno not in FULL:
            raise
        store.emergency()
        store.mark(Kind.CLOSE, facts, mono_ns, wall_ns)
    store.sync()
