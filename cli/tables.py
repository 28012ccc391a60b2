"""Attribute tables by kind: what `db/*.db` are written from and what a station's records are checked against.

Only this room may see instruments and analysis together. Everything is imported when it is asked for.
"""

from pathlib import Path
from typing import Any

from hitline.bus.entry_points import BLOCKS, INSTRUMENTS, EntryPointError, find
from hitline.bus.health import HEALTH
from hitline.bus.station import Station
from hitline.db import access
from hitline.db.check import Tables, check
from hitline.db.error import DbError
from hitline.db.generate import database
from hitline.ioc.faces.common import FACE, RESET, SATELLITE
from hitline.ioc.faces.motor_fields import FIELDS
from hitline.ioc.faces.table import CONDUCTOR, SHIPPED, SUPERVISOR, Table

BLOCKS_SHIPPED = ("counts", "image", "spectra")
"""The pipeline blocks whose results stand in analysis.db."""


def shipped() -> dict[str, str]:
    """Give {file name: text} of the shipped databases; raises TableError."""
    from hitline.ioc.conductor import Conductor
    from hitline.ioc.drivers.axis_table import AXIS, AXIS_COMMANDS
    from hitline.ioc.drivers.detector_table import COMMANDS, DETECTOR
    from hitline.ioc.drivers.katherine.table import KATHERINE, KATHERINE_COMMANDS
    from hitline.ioc.drivers.line_controller import CONTROLLER
    from hitline.ioc.drivers.replay import Replay
    from hitline.ioc.drivers.stage.table import STAGE, STAGE_COMMANDS
    from hitline.ioc.emulators.katherine.emulator import KatherineEmulator
    from hitline.ioc.emulators.phytron.instrument import PhyMotionEmulator
    from hitline.ioc.emulators.world import instrument as world

    face = database(FACE, title="station.db: the face itself.", instrument="face", prefix="$(P)")
    return {
        "satellite.db": database(
            (*SATELLITE, *HEALTH), RESET, title="satellite.db: what every instrument has."
        ),
        "detector.db": database(DETECTOR, COMMANDS, title="detector.db: a readout."),
        "replay.db": database(
            _beyond(Replay.ATTRIBUTES, DETECTOR),
            _beyond(Replay.COMMANDS, COMMANDS),
            title="replay.db: what a replayed file has beyond a readout.",
        ),
        "katherine.db": database(
            KATHERINE, KATHERINE_COMMANDS, title="katherine.db: what a Katherine has beyond a readout."
        ),
        "katherine_emulator.db": database(
            KatherineEmulator.ATTRIBUTES,
            KatherineEmulator.COMMANDS,
            title="katherine_emulator.db: knobs, faults and truth of an emulated Katherine.",
        ),
        "axis.db": MOTOR
        + database(_beyond_motor(AXIS), AXIS_COMMANDS, title="axis.db: what an axis has beyond it."),
        "controller.db": database(CONTROLLER, title="controller.db: the link of a motor controller."),
        "stage.db": database(STAGE, STAGE_COMMANDS, title="stage.db: several axes that fly."),
        "motion_emulator.db": database(
            PhyMotionEmulator.ATTRIBUTES,
            PhyMotionEmulator.COMMANDS,
            title="motion_emulator.db: faults and truth of an emulated motor controller.",
        ),
        "world.db": database(
            world.ATTRIBUTES, title="world.db: source, shutter and stage of an emulated world."
        ),
        "analysis.db": database(_analysis(BLOCKS_SHIPPED), title="analysis.db: an analysis worker."),
        "run.db": database(Conductor.ATTRIBUTES, Conductor.COMMANDS, title="run.db: the owner of the run."),
        "station.db": _supervisor() + "\n" + face,
    }


MOTOR = """\
# axis.db: an axis as a motor record. Its fields are the axis' attributes (docs/reference/motor.md).

record(motor, "$(P)$(R)M") {
    field(DESC, "Axis")
    field(ASG, "CONTROL")
    info(hitline, "$(INST) target")
}

"""


def _beyond_motor(attributes: Any) -> tuple[Any, ...]:
    """Attributes of an axis that are no field of the record."""
    shown = {*FIELDS.values(), "travel_direction", "precision"}
    return tuple(a for a in attributes if a.name not in shown)


def _supervisor() -> str:
    from hitline.ioc.supervisor import Supervisor

    return database(
        Supervisor.ATTRIBUTES,
        Supervisor.COMMANDS,
        prefix="$(P)",
        instrument=SUPERVISOR,
        title="station.db: the processes of the station.",
    )


def _analysis(blocks: tuple[str, ...]) -> tuple[Any, ...]:
    from hitline.analysis.attributes import ATTRIBUTES

    return (*ATTRIBUTES, *(a for name in blocks for a in find(BLOCKS, name).outputs))


def _beyond(table: tuple[Any, ...], base: tuple[Any, ...]) -> tuple[Any, ...]:
    names = {item.name for item in base}
    return tuple(item for item in table if item.name not in names)


def of_station(station: Station) -> dict[str, Tables]:
    """Give the tables of everything in a station that can be loaded."""
    from hitline.ioc.conductor import Conductor
    from hitline.ioc.supervisor import Supervisor

    found = {"face": Tables.of(FACE), SUPERVISOR: _tables(Supervisor.ATTRIBUTES, Supervisor.COMMANDS)}
    if station.conductor is not None:
        found[CONDUCTOR] = _tables(Conductor.ATTRIBUTES, Conductor.COMMANDS)
    for name, entry in station.instruments.items():
        try:
            cls = find(INSTRUMENTS, entry.type)
        except EntryPointError:
            continue  # the table of records says so already
        found[name] = _tables(cls.ATTRIBUTES, cls.COMMANDS)
    for name, worker in station.workers.items():
        try:
            found[name] = _tables(_analysis(worker.blocks))
        except EntryPointError:
            continue
    return found


def _tables(attributes: tuple[Any, ...], commands: tuple[Any, ...] = ()) -> Tables:
    """Add what every satellite has."""
    return Tables.of((*attributes, *SATELLITE, *HEALTH), commands)


def problems(station: Station, table: Table) -> list[str]:
    """Return everything that is wrong with a station's records, strictly; empty when all is well."""
    policy = station.ca.access if station.ca and station.ca.access else SHIPPED / "access.acf"
    found = list(table.errors)
    groups = None
    try:
        groups = frozenset(access.load(policy).groups)
    except DbError as error:
        found.append(str(error))
    return found + [str(error) for error in check(table.database, of_station(station), groups)]


def stale(folder: Path, docs: Path) -> dict[Path, str]:
    """Give the generated files that are not as the tables say, with the text that they should have."""
    from hitline.db.supported import page

    wanted = {folder / name: text for name, text in shipped().items()}
    if docs.is_dir():  # in a source tree
        wanted[docs / "records.md"] = page()
    return {path: text for path, text in wanted.items() if not path.is_file() or path.read_text() != text}
