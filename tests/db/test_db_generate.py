"""Attribute tables to records: the text, its limits, and that EPICS base takes it unchanged."""

from pathlib import Path

import pytest
from hitline.bus.attribute import Attribute, Command
from hitline.db.check import Tables, check
from hitline.db.generate import TableError, camel, database
from hitline.db.records import Database
from test_db_differential import epics_base

TABLE = (
    Attribute(
        "bias",
        "float",
        "Bias of the sensor. More here.",
        unit="V",
        precision=1,
        access="rw",
        low=-300,
        high=0,
        alarms=(-295.5, None, None, -1),
    ),
    Attribute("hits", "int", "Hits of this run."),
    Attribute("limit", "int", "Hits after which a run ends.", access="rw", low=0, high=2**40),
    Attribute("open", "bool", "The shutter is open.", choices=("Closed", "Open"), choice_severity=(0, 1)),
    Attribute("quick", "bool", "Quick mode.", access="rw"),
    Attribute(
        "mode",
        "enum",
        "How hits are read.",
        access="rw",
        choices=("Frame", "Data driven", 'A "third" one'),
        choice_severity=(0, 1, 2),
        pv="OperatingMode",
    ),
    Attribute("many", "enum", "More choices than states.", choices=tuple(f"c{n}" for n in range(17))),
    Attribute("note", "str", "What the operator wrote.", access="rw"),
    Attribute("image", "<i4", "Hits per pixel.", shape=(256, 256), pv="image1:ArrayData"),
    Attribute("times", "<f8", "Edges of bins.", shape=(10,), unit="s", precision=9, access="rw"),
)
COMMANDS = (
    Command("stop", "Stop at once.", overtakes=True),
    Command("goto", "Move to a place.", args=(("place", "float"),)),
    Command("call", "Call it names.", args=(("name", "str"),), pv="Nickname"),
    Command("scan", "Two arguments have no record.", args=(("a", "float"), ("b", "float"))),
)


def records(text: str) -> Database:
    made = Database()
    made.load_text(text, "made.db", {"P": "P:", "R": "X1:", "INST": "x1"})
    return made


def test_names_types_and_fields() -> None:
    made = records(database(TABLE, COMMANDS, title="toy.db: a toy."))
    types = {name.removeprefix("P:X1:"): record.rtype for name, record in made.records.items()}
    assert types == {
        "Bias": "ao",
        "Bias_RBV": "ai",
        "Hits_RBV": "int64in",
        "Limit": "int64out",
        "Limit_RBV": "int64in",
        "Open_RBV": "bi",
        "Quick": "bo",
        "Quick_RBV": "bi",
        "OperatingMode": "mbbo",
        "OperatingMode_RBV": "mbbi",
        "Many_RBV": "lsi",
        "Note": "lso",
        "Note_RBV": "lsi",
        "image1:ArrayData": "waveform",
        "Times": "waveform",
        "Times_RBV": "waveform",
        "Stop": "bo",
        "Goto": "ao",
        "Nickname": "lso",
    }
    fields = {name.removeprefix("P:X1:"): record.fields for name, record in made.records.items()}
    assert fields["Bias"] == {
        "DESC": "Bias of the sensor",
        "ASG": "CONTROL",
        "PREC": "1",
        "EGU": "V",
        "DRVL": "-300",
        "DRVH": "0",
        "LOPR": "-300",
        "HOPR": "0",
        "LOLO": "-295.5",
        "LLSV": "MAJOR",
        "HIHI": "-1",
        "HHSV": "MAJOR",
    }
    assert "DRVL" not in fields["Bias_RBV"] and fields["Bias_RBV"]["ASG"] == "READBACK"
    assert fields["OperatingMode"]["TWST"] == 'A "third" one' and fields["OperatingMode"]["TWSV"] == "MAJOR"
    assert "ZRSV" not in fields["OperatingMode"]
    assert fields["image1:ArrayData"]["NELM"] == "65536" and fields["image1:ArrayData"]["FTVL"] == "LONG"
    assert fields["Times"]["PREC"] == "9" and fields["Stop"]["ASG"] == "SAFE"
    assert fields["Open_RBV"] == {
        "DESC": "The shutter is open",
        "ASG": "READBACK",
        "ZNAM": "Closed",
        "ONAM": "Open",
        "ZSV": "NO_ALARM",
        "OSV": "MINOR",
    }
    assert made.records["P:X1:Stop"].info == {"hitline": "x1 stop()"}
    assert made.records["P:X1:Times_RBV"].info == {"hitline": "x1 times"}


def test_every_record_has_what_clients_expect() -> None:
    for record in records(database(TABLE, COMMANDS, title="toy")).records.values():
        assert 0 < len(record.fields["DESC"]) <= 40 and record.fields["ASG"]
        if record.rtype in ("ai", "ao") and not record.info["hitline"].endswith("()"):
            assert "PREC" in record.fields
        if record.rtype in ("ai", "ao", "int64in", "int64out") and not record.info["hitline"].endswith("()"):
            assert "EGU" in record.fields


def test_epics_base_takes_it_and_the_check_too(tmp_path: Path) -> None:
    file = tmp_path / "toy.db"
    file.write_text(database(TABLE, COMMANDS, title="toy"))
    (theirs,) = epics_base([file], "P=P:,R=X1:,INST=x1")
    assert isinstance(theirs, dict), theirs
    made = records(file.read_text())
    assert set(theirs["records"]) == set(made.records)
    assert not check(made, {"x1": Tables.of(TABLE, COMMANDS)})


@pytest.mark.parametrize(
    ("attribute", "says"),
    [
        (
            Attribute("a", "float", "A first sentence that has more than forty bytes. Rest."),
            "DESC holds 1 to 40",
        ),
        (Attribute("a", "float", "µ" * 21), "has 42 bytes"),
        (Attribute("a", "float", ""), "DESC holds 1 to 40"),
        (Attribute("a", "float", "Fine.", unit="a very long unit"), "15 bytes of EGU"),
        (Attribute("a", "enum", "Fine.", choices=("x" * 26,)), "1 to 25 bytes of an EPICS state"),
        (Attribute("a", "<c8", "Fine.", shape=(3,)), "have no FTVL"),
        (Attribute("a", "int", "Fine.", access="rw", low=0.5, high=7), "0.5 is no limit of a whole number"),
        (Attribute("a" * 41, "float", "Fine."), "more than 40 bytes"),
    ],
)
def test_tables_that_cannot_be_records(attribute: Attribute, says: str) -> None:
    with pytest.raises(TableError, match=says):
        database([attribute], title="toy")


def test_two_attributes_may_not_share_a_record() -> None:
    with pytest.raises(TableError, match="its record X_RBV is that of x"):
        database([Attribute("x", "int", "One."), Attribute("y", "int", "Two.", pv="X_RBV")], title="toy")


def test_camel() -> None:
    assert camel("acquire_time") == "AcquireTime" and camel("x") == "X" and camel("tot_sum2") == "TotSum2"
