"""Which records a station has, and that nothing in it can make building them raise."""

from pathlib import Path

import pytest
from hitline.bus.attribute import Attribute, Command
from hitline.bus.instrument import Instrument
from hitline.bus.station import CaEntry, ConductorEntry, InstrumentEntry, Station, WorkerEntry
from hitline.db.binding import binding
from hitline.ioc.faces import table as module
from hitline.ioc.faces.table import records, table


class Gauge(Instrument):
    """Of another package: no shipped database."""

    ATTRIBUTES = (Attribute("pressure", "float", "Pressure.", unit="mbar", access="rw", low=0, high=2000),)
    COMMANDS = (Command("zero", "Take zero."),)


class Cut(Instrument):
    """Shows less than its kind's database."""

    KINDS = ("run",)
    ATTRIBUTES = (Attribute("owner", "str", "Owner.", access="rw"), Attribute("own", "int", "Its own."))


class Long(Instrument):
    """Cannot be shown."""

    ATTRIBUTES = (Attribute("x", "float", "A first sentence of more than forty bytes, as it must not be."),)


class Odd(Instrument):
    """Brings a table that is none."""

    ATTRIBUTES = ("pressure",)  # type: ignore[assignment]


TYPES = {"gauge": Gauge, "cut": Cut, "long": Long, "odd": Odd}


@pytest.fixture(autouse=True)
def toys(monkeypatch: pytest.MonkeyPatch) -> None:
    real = module.find

    def find(group: str, name: str) -> object:
        return TYPES[name] if name in TYPES else real(group, name)

    monkeypatch.setattr(module, "find", find)


def station(*types: str, overlay: str = "", folder: Path = Path("none"), **more: object) -> Station:
    if overlay:
        (folder / "site.db").write_text(overlay)
    ca = CaEntry(overlays=(folder / "site.db",)) if overlay else CaEntry()
    entries = {f"x{n}": InstrumentEntry(name, pv=f"X{n}:") for n, name in enumerate(types)}
    return Station("toy", Path("toy.toml"), prefix="BL7:", instruments=entries, ca=ca, **more)  # type: ignore[arg-type]


def test_an_instrument_without_a_shipped_database_gets_records_from_its_tables() -> None:
    made = table(station("gauge"))
    assert not made.errors
    for name, rtype in {
        "BL7:X0:Pressure": "ao",
        "BL7:X0:Pressure_RBV": "ai",
        "BL7:X0:Zero": "bo",
        "BL7:X0:SatelliteState_RBV": "mbbi",
        "BL7:X0:Connected_RBV": "bi",
    }.items():
        record = made.records[name]
        tied = binding(record)
        assert record.rtype == rtype and tied is not None and tied.instrument == "x0"
    reset = binding(made.records["BL7:X0:Reset"])
    assert reset is not None and reset.transition
    assert made.records["BL7:X0:Pressure"].fields["DRVH"] == "2000"


def test_the_station_has_its_own_records() -> None:
    found = records(station(conductor=ConductorEntry()))
    assert found["BL7:Heartbeat"].info["hitline"] == "face heartbeat"
    assert found["BL7:Restarts"].info["hitline"] == "station restarts"
    assert found["BL7:Run:State_RBV"].info["hitline"] == "run run_state"
    assert found["BL7:Run:SatelliteState_RBV"].info["hitline"] == "run state"
    assert found["BL7:Run:Reset"].info["hitline"] == "run reset()"
    assert "BL7:Run:State_RBV" not in records(station())


def test_a_kinds_records_of_what_the_instrument_lacks_stay_out() -> None:
    made = table(station("cut"))
    assert not made.errors
    names = {name.removeprefix("BL7:X0:") for name in made.records if name.startswith("BL7:X0:")}
    assert {"Owner", "Owner_RBV", "Own_RBV", "Connected_RBV", "LoopLag_RBV"} <= names
    assert not {"State_RBV", "Launch", "Exposures_RBV"} & names


def test_overlays_come_last(tmp_path: Path) -> None:
    overlay = """record("*", "$(P)X0:Pressure") { field(DRVH, "1000") alias("BL7:VACUUM") }
    record("#", "$(P)X0:Zero")"""
    made = table(station("gauge", overlay=overlay, folder=tmp_path))
    assert not made.errors
    assert made.records["BL7:X0:Pressure"].fields["DRVH"] == "1000"
    assert made.database.find("BL7:VACUUM") is made.records["BL7:X0:Pressure"]
    assert "BL7:X0:Zero" not in made.records


@pytest.mark.parametrize(
    ("types", "overlay", "says"),
    [
        (["none such"], "", "unknown instrument type 'none such'"),
        (["long"], "", "x0: x: the first sentence of its doc has"),
        (["odd"], "", "x0: its attribute table cannot be read"),
        ([], 'record("*", "$(P)none") {}', "site.db:1: "),
        ([], 'record(ai, "', "closing quote"),
    ],
)
def test_what_cannot_be_used_is_told_and_nothing_raises(
    types: list[str], overlay: str, says: str, tmp_path: Path
) -> None:
    made = table(station(*types, "gauge", overlay=overlay, folder=tmp_path))
    assert len(made.errors) == 1 and says in made.errors[0], made.errors
    assert any(name.endswith(":Pressure") for name in made.records)


def test_two_instruments_with_one_prefix_are_told() -> None:
    entries = {"a": InstrumentEntry("gauge", pv="X:"), "b": InstrumentEntry("gauge", pv="X:")}
    made = table(Station("toy", Path("toy.toml"), instruments=entries))
    assert made.errors and all("another pv" in error for error in made.errors)
    tied = binding(made.records["X:Pressure"])
    assert tied is not None and tied.instrument == "a"


def test_a_missing_overlay_is_told() -> None:
    made = table(Station("toy", Path("toy.toml"), ca=CaEntry(overlays=(Path("none.db"),))))
    assert made.errors == ["none.db: cannot be read: No such file or directory"]


def test_a_worker_shows_the_blocks_that_it_runs() -> None:
    worker = WorkerEntry("det1", pv="ANA1:", blocks=("counts",))
    names = set(records(Station("toy", Path("toy.toml"), workers={"ana1": worker})))
    assert {"ANA1:Hits_RBV", "ANA1:Exposure_RBV", "ANA1:UpdateRate"} <= names
    assert not {"ANA1:image1:ArrayData", "ANA1:TotSpectrum_RBV"} & names
    made = table(Station("toy", Path("toy.toml"), workers={"ana1": WorkerEntry("det1", blocks=("cuonts",))}))
    assert made.errors == ["unknown pipeline block 'cuonts'; known are counts, image, spectra"]
