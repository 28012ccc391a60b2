"""Which records an instrument has, as the faces make them, and components for those that lack one.

The shipped databases of its kinds come first; attributes and commands that none of them shows have records
made from their tables. That is what a face does too, so a device of another package needs no code here.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from hitline.bus.attribute import Attribute, Command
from hitline.db.binding import binding
from hitline.db.generate import database
from hitline.db.records import Database, Record
from ophyd import Component as Cpt
from ophyd import Device, Kind
from ophyd.device import DEVICE_RESERVED_ATTRS

from . import settings, signals

SHIPPED = Path(str(files("hitline.db")))
SATELLITE = "satellite"
"""Kind that every instrument has: state of its satellite, link, reset."""

READ = {
    "ai": signals.Number,
    "int64in": signals.Number,
    "longin": signals.Number,
    "bi": signals.Flag,
    "mbbi": signals.Choice,
    "lsi": signals.Text,
    "stringin": signals.Choice,
}
"""Record type -> signal. Whole numbers that no class declares are floats, for they may be unknown: NaN."""
WRITE = {
    "ao": settings.NumberSetting,
    "int64out": settings.NumberSetting,
    "longout": settings.NumberSetting,
    "bo": settings.FlagSetting,
    "mbbo": settings.ChoiceSetting,
    "lso": settings.TextSetting,
    "stringout": settings.ChoiceSetting,
}
COMMAND = {"lso": settings.TextRequest}


@dataclass(frozen=True, slots=True)
class Table:
    """What an instrument can show: its kinds and tables, without what it lacks of its kinds' databases."""

    kinds: tuple[str, ...] = ()
    attributes: tuple[Attribute, ...] = ()
    commands: tuple[Command, ...] = ()
    absent: frozenset[str] = frozenset()

    def records(self) -> dict[str, list[Record]]:
        """Records by the attribute or command that they show, names without P and R; raises DbError."""
        made = Database()
        macros = {"P": "", "R": "", "INST": "self"}
        for kind in (SATELLITE, *self.kinds):
            if (SHIPPED / f"{kind}.db").is_file():
                made.load(SHIPPED / f"{kind}.db", macros)
        bound = {b.target for r in made.records.values() if (b := binding(r)) and b.instrument == "self"}
        text = database(
            [a for a in self.attributes if a.name not in bound],
            [c for c in self.commands if c.name not in bound],
            title="made from tables",
        )
        made.load_text(text, "<table>", macros)
        found: dict[str, list[Record]] = {}
        for record in made.records.values():
            if (b := binding(record)) and b.instrument == "self" and b.target not in self.absent:
                found.setdefault(f"cmd_{b.target}" if b.is_command else b.target, []).append(record)
        return found


def components(table: Table) -> dict[str, Cpt]:
    """Make a component for each attribute, by its name, and for each command, as `cmd_<name>`.

    Scalars that can only be read are of kind "normal", settings of kind "config"; arrays, commands and
    what is the satellite's are omitted from readings. Raises db's errors for a table that cannot be records.
    """
    attributes = {a.name: a for a in table.attributes}
    own = Table().records()
    made: dict[str, Cpt] = {}
    for target, records in table.records().items():
        name = f"{SATELLITE}_{target}" if target in own and not target.startswith("cmd_") else target
        component = _component(target, records, attributes.get(target))
        if target in own:
            component.kind = Kind.omitted
        made[name] = component
    return made


def safe(base: type[Device], name: str) -> str:
    """Give a component name that hides nothing of its device."""
    return f"{name}_value" if hasattr(base, name) or name in DEVICE_RESERVED_ATTRS else name


def _component(target: str, records: list[Record], attribute: Attribute | None) -> Cpt:
    record = next((r for r in records if r.rtype in WRITE), records[0])
    busy = attribute.busy if attribute else ""
    if target.startswith("cmd_"):
        return Cpt(COMMAND.get(record.rtype, settings.Request), record.name, kind="omitted")
    if record.rtype in WRITE:
        return Cpt(WRITE[record.rtype], record.name, busy=busy, kind="config")
    if record.rtype == "waveform":
        shape = attribute.shape if attribute else (int(record.fields["NELM"]),)
        dtype = attribute.dtype if attribute else "<f8"
        if f"{record.name}_RBV" in {other.name for other in records}:
            return Cpt(
                settings.ArraySetting,
                record.name,
                busy=busy,
                full_shape=shape,
                dtype=dtype,
                kind="omitted",
            )
        return Cpt(signals.Array, record.name, full_shape=shape, dtype=dtype, kind="omitted")
    return Cpt(READ[record.rtype], record.name, kind="normal")


def specialise(
    base: type[Device], name: str, made: dict[str, Cpt], absent: Iterable[str] = ()
) -> type[Device]:
    """Derive a class from `base` with those of `made` whose PVs it lacks, without its own `absent` ones."""
    suffixes = {component.suffix for component in base._sig_attrs.values()}
    extra = {
        safe(base, attr): component for attr, component in made.items() if component.suffix not in suffixes
    }
    return type(
        f"{base.__name__}_{name}",
        (base,),
        {"__doc__": base.__doc__, "__module__": __name__, **extra, **dict.fromkeys(absent)},
    )
