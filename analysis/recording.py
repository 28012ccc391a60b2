"""Recorded raw data, of a file or of a run log, as tables.

The format is told by the file itself where it can be: chunks begin with their magic. Bare Timepix3 words and
Katherine words have no mark, so they go by the ending of the name (`.raw`, `.kat`) or are named by the
caller. How a Katherine was set up stands in its run log; of a file the caller must know it.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from ..bus.formats import tpx3
from ..bus.formats.events import first_times
from ..bus.formats.hits import Hits, Table
from ..bus.log.block import block_size
from ..bus.log.codes import Format, Kind
from ..bus.log.reader import Run, open_run
from ..bus.log.segment import segments
from .katherine_tables import KatherineTables
from .marks import Begin, facts_of

FORMATS = {"tpx3": Format.TPX3_CHUNKS, "words": Format.TPX3_WORDS, "katherine": Format.KATHERINE}
"""Names of raw formats: chunks of a Timepix3 behind Serval, bare Timepix3 words, Katherine's 48-bit words."""
ENDINGS = {".tpx3": "tpx3", ".raw": "words", ".kat": "katherine"}
PIECE = 1 << 22
"""Bytes decoded at a time. Larger: more memory, about 12 bytes for each; smaller: slower."""

OPTIONAL = ("counted", "frame", "mark")
"""Tables left out of a part that has no rows of them."""
Columns = dict[str, NDArray]
Tables = dict[str, Columns]
"""Equal-length columns by table: `hits`, `tdc`, and where there are any `counted`, `frame`, `mark`."""


class Recording:
    """One recording; raises OSError or ValueError with one clear line when it is none.

    setup: facts of the setup of a Katherine, by the names of `katherine_setup.KEYS`; they win over those of a
    run log, and for what neither says the defaults of `Setup` stand.
    """

    def __init__(self, path: Path, format: str = "", *, setup: Mapping[str, Any] | None = None) -> None:
        self.path, self._given = path, dict(setup or {})
        self.run: Run | None = open_run(path) if path.is_dir() else None
        self.format = format or (_of_run(self.run) if self.run else _of_file(path))
        files = [part.path for part in segments(self.run.logged.folder)] if self.run else [path]
        self.bytes = sum(file.stat().st_size for file in files)
        self.facts: dict[str, int] = {}
        """Counts of what was decoded, complete after `tables` is exhausted."""
        self.types: dict[str, int] = {}
        """Words by packet type (Timepix3) or header (Katherine), likewise."""
        self.setups: list[dict[str, Any]] = []
        """How a Katherine was set up, and from which exposure on, likewise."""

    def pieces(
        self, progress: Callable[[int], None] = lambda count: None
    ) -> Iterator[bytes | memoryview | None]:
        """The raw stream from its beginning; `progress` hears how many bytes went by.

        None stands where blocks of a run log are missing or damaged.
        """
        return (piece for piece in self._stream(progress) if not isinstance(piece, Begin))

    def _stream(self, progress: Callable[[int], None]) -> Iterator[bytes | memoryview | Begin | None]:
        """The same, with the begins of exposures."""
        if self.run:
            due = 0
            for header, payload in self.run:
                if header.seq != due:
                    yield None
                due = header.seq + 1
                if header.kind == Kind.DATA:
                    if header.format != FORMATS[self.format]:
                        raise ValueError(
                            f"{self.path}: block {header.seq} holds format {header.format}, not {self.format}"
                        )
                    yield payload
                elif header.kind == Kind.BEGIN:
                    yield Begin(header.exposure, facts_of(header, payload))
                progress(block_size(len(payload)))
            return
        with self.path.open("rb") as file:
            while piece := file.read(PIECE):
                yield piece
                progress(len(piece))

    def tables(self, progress: Callable[[int], None] = lambda count: None) -> Iterator[Tables]:
        """Decoded tables in the order of the stream, a part at a time; `progress` hears of bytes done.

        Timepix3 recordings are read twice, for global times are needed before they come, so `progress` hears
        of twice as many bytes (`work`).
        """
        for tables in self._katherine(progress) if self.format == "katherine" else self._tpx3(progress):
            yield {
                name: columns for name, columns in tables.items() if name not in OPTIONAL or _rows(columns)
            }

    @property
    def work(self) -> int:
        """Bytes that `progress` will hear of."""
        return self.bytes * (1 if self.format == "katherine" else 2)

    def _tpx3(self, progress: Callable[[int], None]) -> Iterator[Tables]:
        chunked = self.format == "tpx3"
        decoder = tpx3.Decoder(
            chunked=chunked, first_times=first_times(self.pieces(progress), chunked=chunked)
        )
        for piece in self.pieces(progress):
            if piece is None:
                decoder.gap()
            else:
                yield _tpx3_tables(decoder.feed(piece))
        yield _tpx3_tables(decoder.flush())
        self.facts = decoder.facts() | self._flaws()
        self.types = {f"0x{kind:02x}": count for kind, count in decoder.packets_by_type().items()}
        if chunked and not self.facts["chunks"]:
            raise ValueError(f"{self.path}: no chunk header in {self.bytes} bytes; is it {self._others()}?")

    def _katherine(self, progress: Callable[[int], None]) -> Iterator[Tables]:
        opened = self.run.facts if self.run else {}
        made = KatherineTables(str(self.path), opened, self._given)
        yield from made.tables(self._stream(progress))
        self.facts = made.decoder.facts() | self._flaws()
        self.types, self.setups = made.types(), made.setups

    def _flaws(self) -> dict[str, int]:
        """What is wrong with a run log, counted by its reader."""
        if not self.run:
            return {}
        flaws = self.run.flaws
        damaged = flaws.bad_payloads + flaws.missing_blocks
        return {
            "log_blocks_damaged": damaged,
            "log_gap_bytes": flaws.gap_bytes,
            "log_tail_bytes": flaws.tail_bytes,
        }

    def _others(self) -> str:
        return " or ".join(name for name in FORMATS if name != self.format)


def _of_file(path: Path) -> str:
    """The format of a file, by its first bytes or else by its name."""
    if not path.is_file():
        path.stat()  # says that there is none
        raise ValueError(f"{path}: neither a file nor a folder")
    with path.open("rb") as file:
        begins = file.read(4)
    if not begins:
        raise ValueError(f"{path}: is empty")
    if begins == b"TPX3":
        return "tpx3"
    if path.suffix not in ENDINGS:
        raise ValueError(f"{path}: does not begin with a chunk; name the format: {', '.join(FORMATS)}")
    return ENDINGS[path.suffix]


def _of_run(run: Run) -> str:
    """The format of a run, by its first block of data; an empty run counts as chunks."""
    codes = (header.format for header, _ in run if header.kind == Kind.DATA)
    code = next(codes, Format.TPX3_CHUNKS)
    for name, known in FORMATS.items():
        if code == known:
            return name
    raise ValueError(
        f"{run.logged.folder}: data of format {code} cannot be decoded, only {', '.join(FORMATS)}"
    )


def _rows(columns: Columns) -> int:
    return len(next(iter(columns.values())))


def _columns(table: Table) -> Columns:
    return {name: getattr(table, name) for name in table.DTYPES}


def _hits(hits: Hits) -> Columns:
    columns = _columns(hits)
    absolute = columns.pop("t_unwrapped")
    return columns | {"t": hits.t, "t_unwrapped": absolute}


def _tpx3_tables(batch: tpx3.Batch) -> Tables:
    return {"hits": _hits(batch.hits), "tdc": _columns(batch.tdc), "counted": _columns(batch.counted)}
