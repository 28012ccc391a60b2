"""The strict check: every rule refuses its breach, names file and line, and lets good records pass."""

from pathlib import Path

import pytest
from hitline.bus.attribute import Attribute, Command
from hitline.db.binding import binding, sets
from hitline.db.check import Tables, check, form
from hitline.db.generate import database
from hitline.db.records import Database, Record
from hitline.db.supported import COMMON, RECORDS, page
from hypothesis import given, settings
from hypothesis import strategies as st

FIELDS = sorted({name for fields in RECORDS.values() for name in fields})
TABLE = (
    Attribute("bias", "float", "Bias.", unit="V", access="rw", low=-300, high=0),
    Attribute("hits", "int", "Hits."),
    Attribute("few", "int", "Few.", low=0, high=100),
    Attribute("mode", "enum", "Mode.", access="rw", choices=("a", "b", "c")),
    Attribute("note", "str", "Note."),
    Attribute("image", "<i4", "Image.", shape=(4, 4)),
)
COMMANDS = (
    Command("stop", "Stop."),
    Command("goto", "Go.", args=(("x", "float"),)),
    Command("scan", "Scan.", args=(("a", "int"), ("b", "int"))),
)
INSTRUMENTS = {"x1": Tables.of(TABLE, COMMANDS)}
GROUPS = {"DEFAULT", "CONTROL"}


def errors(text: str) -> list[str]:
    database = Database()
    database.load_text("\n" + text, "x.db")
    return [str(error) for error in check(database, INSTRUMENTS, GROUPS)]


@pytest.mark.parametrize(
    "text",
    [
        'record(ai,"r"){field(EGU,"V") field(HIHI,"0x10") field(HHSV,"MAJOR") info(hitline,"x1 bias")}',
        'record(ao,"r"){field(DRVL,"-100") field(DRVH,-1e-3) field(ASG,CONTROL) info(hitline,"x1 bias")}',
        'record(ai,"r"){field(SCAN,"I/O Intr") field(DTYP,"Soft Channel") info(hitline,"x1 hits")}',
        'record(longin,"r"){info(hitline,"x1 few")}',
        'record(mbbo,"r"){field(ZRST,"A") field(ONST,"B") field(TWST,"C") info(hitline,"x1 mode")}',
        'record(stringin,"r"){info(hitline,"x1 mode")}',
        'record(waveform,"r"){field(FTVL,LONG) field(NELM,20) info(hitline,"x1 image")}',
        'record(bo,"r"){info(hitline,"x1 stop()")}',
        'record(bo,"r"){info(hitline,"x1 initialize()")}',
        'record(ao,"r"){info(hitline,"x1 goto()")}',
    ],
)
def test_good_records_pass(text: str) -> None:
    assert errors(text) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            'record(calc,"r"){info(hitline,"x1 bias")}',
            "record type 'calc' is not supported: it needs processing; load it in an IOC of your own",
        ),
        ('record(mbbe,"r"){info(hitline,"x1 bias")}', "nearest is 'mbb"),
        (
            'record(ai,"r"){field(INP,"other") info(hitline,"x1 bias")}',
            "r.INP: links need processing; load it in an IOC",
        ),
        (
            'record(ai,"r"){field(SCAN,"1 second") info(hitline,"x1 bias")}',
            "for a periodic SCAN load it in an IOC",
        ),
        (
            'record(ai,"r"){field(HIHO,"1") info(hitline,"x1 bias")}',
            "r.HIHO: field is not supported; nearest is",
        ),
        ('record(ai,"r"){field(HIHI,"high") info(hitline,"x1 bias")}', "r.HIHI: 'high' is not a number"),
        ('record(ai,"r"){field(HIHI,"nan") info(hitline,"x1 bias")}', "is not a number"),
        ('record(int64in,"r"){field(HIGH,"1.5") info(hitline,"x1 hits")}', "'1.5' is not a whole number"),
        ('record(ai,"r"){field(HHSV,"BAD") info(hitline,"x1 bias")}', "none of NO_ALARM, MINOR"),
        ('record(ai,"r"){field(PREC,"-1") info(hitline,"x1 bias")}', "whole number from 0 to 15"),
        (
            f'record(ai,"r"){{field(DESC,"{"d" * 41}") info(hitline,"x1 bias")}}',
            "has 41 bytes, EPICS allows 40",
        ),
        ('record(ai,"r"){}', "there is no info(hitline"),
        ('record(ai,"r"){info(hitline,"x1")}', "info(hitline, 'x1') is not"),
        ('record(ai,"r"){info(hitline,"y1 bias")}', "there is no instrument 'y1'"),
        ('record(ai,"r"){info(hitline,"x1 bais")}', "x1 has no attribute 'bais'; nearest is 'bias'"),
        ('record(bo,"r"){info(hitline,"x1 halt()")}', "x1 has no command 'halt'"),
        ('record(ao,"r"){info(hitline,"x1 stop()")}', "command stop wants a record of type bo, not ao"),
        ('record(bo,"r"){info(hitline,"x1 scan()")}', "takes 2 arguments"),
        ('record(ai,"r"){info(hitline,"x1 initialize()")}', "Reset is a bo"),
        (
            'record(bi,"r"){info(hitline,"x1 bias")}',
            "bias is float and wants a record of type ai or ao or motor, not bi",
        ),
        ('record(int64out,"r"){info(hitline,"x1 hits")}', "hits cannot be written: use int64in"),
        ('record(longin,"r"){info(hitline,"x1 hits")}', "hits has 64 bits: use int64in"),
        ('record(ai,"r"){field(EGU,"kV") info(hitline,"x1 bias")}', "EGU is 'kV' but bias comes in V"),
        (
            'record(ao,"r"){field(DRVL,"-500") info(hitline,"x1 bias")}',
            "DRVL -500 is beyond the instrument's own limit",
        ),
        (
            'record(mbbi,"r"){field(ZRST,"A") info(hitline,"x1 mode")}',
            "mode has 3 choices, the record 1 states",
        ),
        (
            'record(mbbi,"r"){field(ZRST,"A") field(TWST,"C") info(hitline,"x1 mode")}',
            "its states have a gap",
        ),
        ('record(bi,"r"){info(hitline,"x1 mode")}', "mode has 3 choices: use mbbi"),
        (
            'record(waveform,"r"){field(FTVL,DOUBLE) field(NELM,16) info(hitline,"x1 image")}',
            "FTVL must be LONG",
        ),
        (
            'record(waveform,"r"){field(FTVL,LONG) field(NELM,15) info(hitline,"x1 image")}',
            "NELM 15 is too small",
        ),
        (
            'record(ai,"r"){field(ASG,"CONTORL") info(hitline,"x1 bias")}',
            "access group 'CONTORL' is not in the .acf",
        ),
    ],
)
def test_each_rule_refuses_its_breach(text: str, says: str) -> None:
    (found,) = errors(text)
    assert found.startswith("x.db:2: r") and says in found, found


def test_every_error_is_told() -> None:
    assert (
        len(
            errors(
                'record(calc,"a"){}\nrecord(ai,"b"){field(FLNK,"c") field(HIHI,"x") info(hitline,"x1 hits")}'
            )
        )
        == 3
    )


def test_whatever_the_generator_makes_is_good() -> None:
    made = Database()
    made.load_text(database(TABLE, COMMANDS, title="toy"), "x.db", {"P": "", "R": "", "INST": "x1"})
    assert not check(made, INSTRUMENTS)


def test_bindings() -> None:
    def tied(tag: str) -> object:
        return binding(Record("ai", "r", info={"hitline": tag}))

    assert (
        (b := binding(Record("ai", "r", info={"hitline": "x1 stop()"})))
        and b.is_command
        and b.target == "stop"
    )
    assert not b.transition
    assert (b := binding(Record("bo", "r", info={"hitline": "x1 initialize()"}))) and b.transition
    assert tied("") is None and tied("x1") is None and tied("x1 a b") is None and tied("x1 a-b") is None
    assert binding(Record("ai", "r")) is None


def test_what_sets() -> None:
    assert sets(Record("ao", "Bias")) and not sets(Record("ai", "Bias_RBV"))
    assert sets(Record("waveform", "Times")) and not sets(Record("waveform", "Times_RBV"))


def test_form_takes_every_supported_type() -> None:
    for rtype in RECORDS:
        assert not form(Record(rtype, "r", info={"hitline": "x1 y"}))


def test_the_docs_page_is_written_from_the_tables() -> None:
    file = Path(__file__).parents[2] / "docs" / "reference" / "records.md"
    assert file.read_text() == page(), "stale: run `hitline db generate`"


@settings(deadline=None)
@given(
    st.sampled_from([*RECORDS, "calc", "motor", ""]),
    st.dictionaries(st.sampled_from([*COMMON, *FIELDS, "INP", "X"]), st.text(max_size=50), max_size=6),
    st.sampled_from(
        ["x1 bias", "x1 image", "x1 mode", "x1 stop()", "x1 goto()", "x1 few", "y1 z", "", "\x00"]
    ),
)
def test_whatever_a_site_writes_is_judged_and_nothing_raises(
    rtype: str, fields: dict[str, str], tag: str
) -> None:
    database = Database()
    database.records["r"] = Record(rtype, "r", fields=fields, info={"hitline": tag}, file="x.db", line=1)
    for error in check(database, INSTRUMENTS, GROUPS):
        assert str(error).startswith("x.db:1: r")
