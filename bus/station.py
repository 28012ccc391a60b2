"""The station file: which instruments, workers and faces run where, typed, with nothing silently ignored.

`load` reads it. The docstrings of the fields below are the reference of the file: the JSON schema and
docs/reference/station.md are generated from them.
"""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from .station_check import NAME, check_blocks, check_names, check_network, options
from .toml import TomlError, open_document, read

StationError = TomlError
"""What is wrong with a station file: file, line, key, text."""


def _named(**more: Any) -> Any:
    return field(metadata={"pattern": f"({NAME})?"}, **more)


@dataclass(frozen=True)
class InstrumentEntry:
    """One instrument, `[instruments.NAME]`."""

    type: str
    """Entry point in the group hitline.instruments."""
    pv: str = ""
    """Its macro R; default: the name in upper case and a colon."""
    role: str = field(default="", metadata={"choices": ("", "ESSENTIAL", "DYNAMIC", "TRANSIENT", "NONE")})
    """ESSENTIAL, DYNAMIC, TRANSIENT or NONE; default: what the instrument's type says."""
    process: str = _named(default="")
    """Instruments that share a process; default: a process of its own."""
    options: Any = None
    """The type's own options, `[instruments.NAME.options]`."""


@dataclass(frozen=True)
class WorkerEntry:
    """One analysis worker, `[workers.NAME]`."""

    source: str
    """Name of the instrument whose hits it follows."""
    pv: str = ""
    """Its macro R; default: the name in upper case and a colon."""
    blocks: tuple[str, ...] = ("counts", "image", "spectra")
    """Pipeline blocks in order, by their entry points in the group hitline.blocks."""
    window_ns: float = field(default=200.0, metadata={"above": 0.0, "high": 25_600.0})
    """Largest time between neighbouring hits of one cluster."""
    update_hz: float = field(default=10.0, metadata={"low": 0.1, "high": 50.0})
    """Largest rate of result updates; the end of an exposure is published at once."""
    options: dict[str, Any] = field(default_factory=dict)
    """Options of blocks, `[workers.NAME.options.BLOCK]`."""


@dataclass(frozen=True)
class ConductorEntry:
    """The owner of the run, `[conductor]`."""

    pv: str = "Run:"
    """Its macro R."""
    order: tuple[str, ...] = ()
    """Instruments that are launched and started before the others, in this order; stopped in reverse. Other
    people's satellites are named `Type.name`."""


@dataclass(frozen=True)
class CaEntry:
    """The Channel Access face, `[faces.ca]`."""

    port: int = field(default=5064, metadata={"low": 0, "high": 65535})
    """TCP and UDP port; 0 takes a free one."""
    overlays: tuple[Path, ...] = ()
    """The site's own .db files, applied last."""
    access: Path | None = None
    """An .acf file; default: the shipped one, read-only from other hosts."""


@dataclass(frozen=True)
class TangoEntry:
    """The Tango face without a database, `[faces.tango]`."""

    port: int = field(default=10000, metadata={"low": 0, "high": 65535})
    """0 takes a free one."""
    domain: str = field(default="hitline", metadata={"pattern": r"[\w.-]+"})
    """First part of the device names: domain/station/instrument."""


@dataclass(frozen=True)
class Station:
    """A whole station, as read from its file by `load`."""

    name: str = field(metadata={"pattern": r"[\w-]+"})
    """Also the Constellation group: two stations on a subnet do not see each other, and a second one of the
    same name is refused."""
    file: Path = field(metadata={"skip": True})
    """Where it was read from."""
    prefix: str = ""
    """Macro P of every record."""
    data: Path = Path("runs")
    """Where run logs are written, relative to the station file."""
    interface: str = "127.0.0.1"
    """IPv4 address that the bus binds and announces itself on."""
    trusted_network: bool = False
    """Must be true for any other interface than loopback: the bus has no authentication."""
    instruments: dict[str, InstrumentEntry] = field(default_factory=dict)
    """The instruments by name."""
    workers: dict[str, WorkerEntry] = field(default_factory=dict)
    """The analysis workers by name."""
    conductor: ConductorEntry | None = None
    """Without it nobody owns runs: every readout opens its own."""
    ca: CaEntry | None = field(default=None, metadata={"under": "faces"})
    """Without it there is no Channel Access face."""
    tango: TangoEntry | None = field(default=None, metadata={"under": "faces"})
    """Without it there is no Tango face."""

    @property
    def loopback(self) -> bool:
        """Whether it is alone on this computer."""
        return self.interface.startswith("127.")


def load(path: str | Path, *, options_of: Collection[str] | None = None) -> Station:
    """Read a station file; StationError says what is wrong, in which line and what would be right.

    The options of an instrument become an instance of its type's `Options`, for which the type is imported.
    `options_of` names the only instruments (and workers) for which to do so; the others keep a plain table. A
    process so loads no code but that of its own instruments, and does not fall with that of another.
    """
    document = open_document(Path(path).absolute())
    station: Station = read(Station, document, file=document.file)
    if "data" not in document.table:
        station = replace(station, data=document.file.parent / station.data)
    check_network(station, document)
    check_names(station, document)
    wanted = {*station.instruments, *station.workers} if options_of is None else set(options_of)
    for name, worker in station.workers.items():
        check_blocks(name, worker, document, import_blocks=name in wanted)
    instruments = {
        name: replace(entry, options=options(name, entry, document)) if name in wanted else entry
        for name, entry in station.instruments.items()
    }
    return replace(station, instruments=_with_pv(instruments), workers=_with_pv(station.workers))


def _with_pv(entries: dict[str, Any]) -> dict[str, Any]:
    return {name: replace(entry, pv=entry.pv or f"{name.upper()}:") for name, entry in entries.items()}
