"""A run log analysed from disk, without bus or worker: for notebooks, checks and analysing again."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..bus.log.block import Header, Kind
from ..bus.log.reader import open_run
from .blocks.base import make
from .pipeline import Pipeline


@dataclass
class Analysis:
    """What a run gave."""

    run: str
    source: str
    window_ns: float
    results: dict[str, Any] = field(default_factory=dict)
    """Of the whole run, by attribute name."""
    exposures: list[dict[str, Any]] = field(default_factory=list)
    """Of each exposure: its number and the `exposure_...` results."""
    lost: int | None = None
    late_hits: int = 0
    unknown_words: int = 0
    opened_ns: int = 0
    """Unix time of the first and of the last block."""
    closed_ns: int = 0
    damaged: bool = False
    """True when parts of the log could not be read."""


def analyse(
    folder: Path,
    blocks: Sequence[str] = ("counts", "image", "spectra"),
    *,
    window_ns: float = 200.0,
    options: Mapping[str, Any] | None = None,
    progress: Callable[[int], None] = lambda size: None,
) -> Analysis:
    """Analyse `ROOT/RUN/SOURCE`, or `ROOT/RUN` with one source; `progress` gets the bytes of each block.

    The results are those that a worker with the same blocks and window shows, bit for bit. Raises
    FileNotFoundError when there is no run log.
    """
    log = open_run(folder)
    pipeline = Pipeline(make(blocks, options), window_ns=window_ns)
    pipeline.reset(log.logged.run)
    found = Analysis(log.logged.run, log.logged.source, window_ns)
    for header, payload in log:
        found.opened_ns = found.opened_ns or header.wall_first_ns
        found.closed_ns = header.wall_last_ns
        if pipeline.block(header, payload):
            found.exposures.append({"exposure": pipeline.exposure, **pipeline.ended})
        progress(header.size)
    if pipeline.exposing:
        # The log ends inside an exposure: what there is of it counts.
        pipeline.block(Header(Kind.CLOSE), b"")
        found.exposures.append({"exposure": pipeline.exposure, **pipeline.ended})
    found.results = pipeline.results()
    found.lost, found.late_hits = pipeline.lost, pipeline.late_hits
    found.unknown_words, found.damaged = pipeline.unknown_words, log.flaws.damaged
    return found
