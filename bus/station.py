"""The station file: which instruments, workers and faces run where, typed, with nothing silently ignored."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class InstrumentEntry:
    """One instrument, `[instruments.NAME]`."""

    type: str
    """Entry point in the group hitline.instruments."""
    pv: str = ""
    """Its macro R; default: the name in upper case and a colon."""
    role: str = ""
    """ESSENTIAL, DYNAMIC, TRANSIENT or NONE; default: what the instrument's type says."""
    process: str = ""
    """Instruments that share a process; default: a process of its own."""
    options: Any = None
    """The type's own options, `[instruments.NAME.options]`."""


@dataclass(frozen=True)
class WorkerEntry:
    """One analysis worker, `[workers.NAME]`."""

    source: str
    """Name of the instrument whose hits it follows."""
    pv: str = ""
    blocks: tuple[str, ...] = ("counts", "image", "spectra")
    """Pipeline blocks in order, by their entry points in the group hitline.blocks."""
    window_ns: float = 200.0
    """Largest time between neighbouring hits of one cluster."""
    update_hz: float = 10.0
    """Largest rate of result updates; the end of an exposure is published at once."""
    options: dict[str, Any] = field(default_factory=dict)
    """Options of blocks, `[workers.NAME.options.BLOCK]`."""


@dataclass(frozen=True)
class ConductorEntry:
    """The owner of the run, `[conductor]`."""

    pv: str = "Run:"
    order: tuple[str, ...] = ()
    """Instruments that are launched and started before the others, in this order; stopped in reverse."""


@dataclass(frozen=True)
class CaEntry:
    """The Channel Access face, `[faces.ca]`."""

    port: int = 5064
    """TCP and UDP port; 0 takes a free one."""
    overlays: tuple[Path, ...] = ()
    """The site's own .db files, applied last."""
    access: Path | None = None
    """An .acf file; default: the shipped one, read-only from other hosts."""


@dataclass(frozen=True)
class TangoEntry:
    """The Tango face without a database, `[faces.tango]`."""

    port: int = 10000
    """0 takes a free one."""
    domain: str = "hitline"
    """First part of the device names: domain/station/instrument."""


@dataclass(frozen=True)
class Station:
    """A whole station, as read from its file by `load`."""

    name: str
    """Also the Constellation group: two stations on a subnet do not see each other."""
    file: Path
    prefix: str = ""
    """Macro P of every record."""
    data: Path = Path("runs")
    """Where run logs are written, relative to the station file."""
    interface: str = "127.0.0.1"
    trusted_network: bool = False
    """Must be true for any other interface than loopback: the bus has no authentication."""
    instruments: dict[str, InstrumentEntry] = field(default_factory=dict)
    workers: dict[str, WorkerEntry] = field(default_factory=dict)
    conductor: ConductorEntry | None = None
    ca: CaEntry | None = None
    tango: TangoEntry | None = None
