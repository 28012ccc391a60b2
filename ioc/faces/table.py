"""Which records a station has: the shipped databases of its instruments, what those lack, and overlays.

Each instrument loads the `.db` of its kinds with the macros P (the station's prefix), R (its own) and INST
(its name). A kind's record takes the place of the satellite's of the same name. Attributes and commands that
no shipped database shows, as those of other packages, get records made on the fly from their tables. The
site's overlays come last. Nothing here raises at run time: what cannot be used stays out, and stands in
`errors`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

from hitline.bus.entry_points import BLOCKS, INSTRUMENTS, EntryPointError, find, load_all
from hitline.bus.health import HEALTH
from hitline.bus.instrument import Instrument
from hitline.bus.station import Station
from hitline.db.binding import Binding, binding
from hitline.db.error import DbError
from hitline.db.generate import TableError, database
from hitline.db.records import Database, Record

from .common import RESET, SATELLITE
from .motor_fields import FIELDS

__all__ = ["Binding", "Table", "binding", "records", "table"]

SHIPPED = Path(str(files("hitline.db")))
"""Folder of the shipped databases."""

CONDUCTOR, SUPERVISOR = "run", "station"
"""Names of the two instruments that are not declared among the instruments."""


@dataclass(slots=True)
class Table:
    """The records of a station."""

    database: Database = field(default_factory=Database)
    errors: list[str] = field(default_factory=list)
    """What was left out and why, with file and line where there are any."""

    @property
    def records(self) -> dict[str, Record]:
        """Records by name."""
        return self.database.records


def records(station: Station) -> dict[str, Record]:
    """Return the records of a station by name, overlays applied."""
    return table(station).records


def table(station: Station) -> Table:
    """Build the records of a station, and the list of what could not be used."""
    made = Table()
    for name, entry in station.instruments.items():
        _add(made, station, name, entry.pv or f"{name.upper()}:", partial(_instrument, entry.type))
    for name, worker in station.workers.items():
        _add(
            made, station, name, worker.pv or f"{name.upper()}:", partial(_worker, worker.blocks, made.errors)
        )
    if station.conductor is not None:
        _add(made, station, CONDUCTOR, station.conductor.pv, partial(_Source, ("run",)))
    _add(made, station, SUPERVISOR, "Station:", partial(_Source, ("station",)))
    for overlay in station.ca.overlays if station.ca else ():
        try:
            made.database.load(overlay, {"P": station.prefix})
        except DbError as error:
            made.errors.append(str(error))
    return made


@dataclass(frozen=True, slots=True)
class _Source:
    """Where the records of one instrument come from."""

    kinds: tuple[str, ...]
    attributes: tuple[Any, ...] = ()
    commands: tuple[Any, ...] = ()
    has: Callable[[str], bool] = lambda target: True
    """Whether it has what its kinds' databases show; records of what it has not stay out."""


def _instrument(kind: str) -> _Source:
    cls = find(INSTRUMENTS, kind)
    found = _Source(tuple(cls.KINDS), tuple(cls.ATTRIBUTES), tuple(cls.COMMANDS))
    if cls.attributes is not Instrument.attributes:  # its table depends on its options
        return found
    names = {item.name for item in (*found.attributes, *found.commands, *SATELLITE, *HEALTH, *RESET)}
    return replace(found, has=names.__contains__)


def _worker(wanted: Iterable[str], errors: list[str]) -> _Source:
    """A worker: analysis.db without the results of blocks it does not run, and those of foreign blocks."""
    known, broken = load_all(BLOCKS)
    errors += [text for name, text in broken.items() if name in wanted]
    errors += [
        f"unknown pipeline block {name!r}; known are {', '.join(known)}"
        for name in wanted
        if name not in known and name not in broken
    ]
    used = [a for name in wanted if name in known for a in known[name].outputs]
    names = {a.name for a in used}
    absent = {a.name for block in known.values() for a in getattr(block, "outputs", ())} - names
    return _Source(("analysis",), tuple(used), has=lambda target: target not in absent)


def _add(made: Table, station: Station, name: str, prefix: str, source: Callable[[], _Source]) -> None:
    """Load the records of one instrument."""
    macros = {"P": station.prefix, "R": prefix, "INST": name}
    own = Database()
    try:
        found = source()
        for kind in ("satellite", *found.kinds):
            if (SHIPPED / f"{kind}.db").is_file():
                own.load(SHIPPED / f"{kind}.db", macros)
        bound = {b.target for r in own.records.values() if (b := binding(r)) and b.instrument == name}
        if any(record.rtype == "motor" for record in own.records.values()):
            bound |= {*FIELDS.values(), "travel_direction", "precision"}
        own.drop(
            r
            for r in own.records.values()
            if (b := binding(r)) and b.instrument == name and not found.has(b.target)
        )
        more = (
            [a for a in found.attributes if a.name not in bound],
            [c for c in found.commands if c.name not in bound],
        )
        if any(more):
            text = database(*more, title=f"{name}: what no shipped database shows.")
            own.load_text(text, f"<made from the tables of {name}>", macros)
    except (DbError, TableError, EntryPointError) as error:
        made.errors.append(f"{name}: {error}")
    except (AttributeError, TypeError) as error:  # the tables of another package are no tables
        made.errors.append(f"{name}: its attribute table cannot be read: {error}")
    made.errors += map(str, made.database.merge(own))
