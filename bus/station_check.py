"""What a station file must fulfil beyond its types: network, names, references and options."""

import ipaddress
import re
from typing import TYPE_CHECKING, Any

from . import entry_points
from .toml import Document, read

if TYPE_CHECKING:
    from .station import InstrumentEntry, Station, WorkerEntry

NAME = "[a-z][a-z0-9_]*"
"""Names of instruments, workers and processes."""
RESERVED = ("run", "station", "face")
"""Names of the conductor, the supervisor and the faces' own values."""
OWN = {"conductor": "it has a table of its own, [conductor]", "supervisor": "every station has one"}
"""Instruments of our own that are not in the table of instruments."""


def check_network(station: "Station", document: Document) -> None:
    """Refuse an interface that strangers can reach unless the file says that they are trusted."""
    try:
        address = ipaddress.IPv4Address(station.interface)
    except ValueError as error:
        raise document.error(("interface",), f"{station.interface!r} is no IPv4 address") from error
    if not address.is_loopback and not station.trusted_network:
        raise document.error(
            ("interface",),
            f"{address} is not loopback and the bus has no authentication; "
            "say trusted_network = true if all of that network may command this station",
        )


def check_names(station: "Station", document: Document) -> None:
    """Check that names are well formed and unique, and that names which refer to others mean something."""
    for table, entries in (("instruments", station.instruments), ("workers", station.workers)):
        for name in entries:
            path = (table, name)
            if not re.fullmatch(NAME, name):
                raise document.error(path, f"name {name!r} does not fit the pattern {NAME}")
            if name in RESERVED:
                raise document.error(path, f"name {name!r} is taken, like all of {', '.join(RESERVED)}")
            if table == "workers" and name in station.instruments:
                raise document.error(path, f"name {name!r} is an instrument's already; names are unique")
    for name, entry in station.instruments.items():
        if entry.process in RESERVED or entry.process in station.workers:
            raise document.error(
                ("instruments", name, "process"), f"{entry.process!r} is another process's name"
            )
    for name, worker in station.workers.items():
        _check_member(worker.source, station, document, ("workers", name, "source"))
    for position, name in enumerate(station.conductor.order if station.conductor else ()):
        if "." not in name:  # Type.name is somebody else's satellite
            _check_member(name, station, document, ("conductor", "order", position))


def _check_member(name: str, station: "Station", document: Document, path: tuple[str | int, ...]) -> None:
    if name not in station.instruments:
        known = ", ".join(station.instruments) or "none"
        raise document.error(path, f"{name!r} is no instrument of this station; instruments are {known}")


def options(name: str, entry: "InstrumentEntry", document: Document) -> Any:
    """Return the options of an instrument as an instance of its type's `Options`."""
    if entry.type in OWN:
        raise document.error(("instruments", name, "type"), f"{entry.type!r} is none: {OWN[entry.type]}")
    try:
        cls = entry_points.find(entry_points.INSTRUMENTS, entry.type)
    except entry_points.EntryPointError as error:
        raise document.error(("instruments", name, "type"), error.text) from error
    return _typed(getattr(cls, "Options", None), document, ("instruments", name, "options"))


def check_blocks(name: str, worker: "WorkerEntry", document: Document, *, import_blocks: bool) -> None:
    """Check the names of a worker's blocks, and their options if their code may be imported."""
    known = entry_points.available(entry_points.BLOCKS)
    for position, block in enumerate(worker.blocks):
        if block not in known:
            raise document.error(
                ("workers", name, "blocks", position),
                f"unknown pipeline block {block!r}; known are {', '.join(sorted(known))}",
            )
    for block in worker.options:
        path = ("workers", name, "options", block)
        if block not in worker.blocks:
            raise document.error(path, f"the worker has no such block, only {', '.join(worker.blocks)}")
        if import_blocks:
            try:
                cls = entry_points.find(entry_points.BLOCKS, block)
            except entry_points.EntryPointError as error:
                raise document.error(path, error.text) from error
            _typed(getattr(cls, "Options", None), document, path)


def _typed(cls: type | None, document: Document, path: tuple[str | int, ...]) -> Any:
    """Read the options at `path` as an instance of `cls`; None if it takes none."""
    if cls is None:
        if document.at(path):
            raise document.error(path, "takes no options")
        return None
    return read(cls, document, path)
