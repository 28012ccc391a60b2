"""The shipped databases: fresh, loadable by EPICS base as they are, and right by our own check."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from epics_base import differs
from hitline.cli.tables import shipped, stale
from hitline.db import records
from hitline.db.check import form
from hitline.db.records import Database
from kit.patience import WAIT_S
from test_db_differential import epics_base

FOLDER = Path(records.__file__).parent
FILES = sorted(FOLDER.glob("*.db"))
OF_BASE = [file for file in FILES if "record(motor," not in file.read_text()]
"""The files of which EPICS base knows every record type: the motor record is of synApps."""
MACROS = "P=T:,R=X1:,INST=x1"


def ours(file: Path) -> Database:
    database = Database()
    database.load(file, {"P": "T:", "R": "X1:", "INST": "x1"})
    return database


def test_nothing_shipped_is_stale() -> None:
    old = stale(FOLDER, FOLDER.parent / "docs" / "reference")
    assert not old, f"run `hitline db generate`: {[path.name for path in old]}"


def test_stale_sees_a_changed_file(tmp_path: Path) -> None:
    for name, text in shipped().items():
        (tmp_path / name).write_text(text)
    assert not stale(tmp_path, tmp_path / "none")
    (tmp_path / "run.db").write_text("# changed\n")
    assert [path.name for path in stale(tmp_path, tmp_path / "none")] == ["run.db"]


def test_every_file_comes_from_a_table() -> None:
    assert {file.name for file in FILES} == set(shipped())


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_records_are_as_sites_expect_them(file: Path) -> None:
    for record in ours(file).records.values():
        assert not form(record)
        assert 0 < len(record.fields["DESC"].encode()) <= 40 and record.fields["ASG"]
        assert (
            "EGU" in record.fields
            or record.rtype not in ("ai", "ao", "int64in", "int64out")
            or (record.info["hitline"].endswith("()"))
        )


def test_only_the_axis_needs_more_than_epics_base() -> None:
    assert {file.name for file in FILES} - {file.name for file in OF_BASE} == {"axis.db"}


def test_epics_base_reads_the_same() -> None:
    for file, theirs in zip(OF_BASE, epics_base(OF_BASE, MACROS), strict=True):
        assert isinstance(theirs, dict), theirs
        assert not differs(theirs, ours(file)), file


def test_every_file_of_base_loads_unchanged_in_a_real_soft_ioc() -> None:
    wanted: dict[str, str] = {}
    arguments = []
    for number, file in enumerate(OF_BASE):
        macros = {"P": f"T{number}:", "R": "X1:", "INST": "x1"}
        arguments += [str(file), ",".join(f"{name}={value}" for name, value in macros.items())]
        database = Database()
        database.load(file, macros)
        wanted |= {name: record.fields["DESC"] for name, record in database.records.items()}
    program = Path(__file__).with_name("soft_ioc.py")
    done = subprocess.run(
        [sys.executable, str(program), *arguments],
        capture_output=True,
        text=True,
        timeout=1.5 * WAIT_S,
        input="".join(f"{name}.DESC\n" for name in wanted),
    )
    assert done.returncode == 0, done.stderr
    assert "rror" not in done.stderr, done.stderr
    assert set(wanted) <= set(done.stdout.split("\n"))
    described = re.findall(r'DBF_STRING:\s*"(.*)"', done.stdout)
    assert described == [text[:39] for text in wanted.values()]  # a string on CA has 40 bytes with its end
