"""`hitline db` as an operator uses it: list, check, generate."""

import json
import re
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
from hitline.cli import db
from hitline.cli.main import main
from kit.toys import TOYS

STATION = """name = "demo"
prefix = "BL7:"
[instruments.x1]
type = "rich"
[workers.ana1]
source = "x1"
[conductor]
[faces.ca]
port = 0
"""
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write a station file, with an overlay when there is text for one."""
    monkeypatch.syspath_prepend(TOYS)

    def made(overlay: str = "", access: str = "") -> Path:
        text = STATION
        for key, name, content in (("overlays", "site.db", overlay), ("access", "site.acf", access)):
            if content:
                (tmp_path / name).write_text(content)
                text += f"{key} = {[name] if key == 'overlays' else name!r}\n"
        file = tmp_path / "station.toml"
        file.write_text(text.replace("'", '"'))
        return file

    return made


def test_list_shows_every_pv_with_unit_limits_and_meaning(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write('record("*", "$(P)X1:Voltage") { field(DRVH, "50") alias("BL7:BIAS") }')
    assert main(["db", "list", str(file)]) == 0
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == ["PV", "set", "shows", "unit", "limits", "meaning"]
    rows = {line[0]: line[1:] for line in lines}
    assert rows["BL7:X1:Voltage = BL7:BIAS"] == [
        "yes",
        "x1 voltage",
        "V",
        "-300 ... 50",
        "Voltage of the sensor. It follows at once.",
    ]
    assert rows["BL7:X1:Voltage_RBV"][0] == ""
    assert rows["BL7:X1:Stop"][1] == "x1 stop()"
    assert rows["BL7:ANA1:image1:ArrayData"][0] == ""
    assert {"BL7:ANA1:Hits_RBV", "BL7:Run:Owner", "BL7:Heartbeat", "BL7:Station:Connected_RBV"} <= set(rows)


def test_list_as_json(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["db", "list", str(write()), "--json"]) == 0
    rows = {row["pv"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["BL7:X1:Mode"] == {
        "pv": "BL7:X1:Mode",
        "aliases": [],
        "type": "mbbo",
        "instrument": "x1",
        "attribute": "mode",
        "command": False,
        "writable": True,
        "unit": "",
        "low": "",
        "high": "",
        "group": "CONTROL",
        "doc": "How it works.",
    }


def test_a_terminal_gets_a_table(
    write: Write, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "200")
    assert main(["db", "list", str(write())]) == 0
    out = capsys.readouterr().out
    assert "\t" not in out and "BL7:X1:Voltage_RBV" in out


def test_check_is_content_with_what_we_ship(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["db", "check", str(write())]) == 0
    out, err = capsys.readouterr()
    assert out.endswith(" records, 0 errors\n") and not err


def test_check_tells_every_error_with_file_and_line(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    file = write("""record("*", "$(P)X1:Voltage") {
    field(DRVH, "500")
    field(FLNK, "other")
}
record(calc, "$(P)Sum") { field(CALC, "A+B") }
record(ai, "$(P)Odd") { field(ASG, "NOBODY") info(hitline, "x1 bias") }
""")
    assert main(["db", "check", str(file)]) == 1
    out, err = capsys.readouterr()
    site = file.with_name("site.db")
    assert f"{site}:3: BL7:X1:Voltage.FLNK: links need processing; load it in an IOC of your own" in err
    assert f"{site}:5: BL7:Sum: record type 'calc' is not supported" in err
    assert f"{site}:6: BL7:Odd: x1 has no attribute 'bias'" in err
    assert f"{site}:6: BL7:Odd.ASG: access group 'NOBODY' is not in the .acf file" in err
    assert out.endswith(", 4 errors\n")


@pytest.mark.parametrize(
    ("overlay", "access", "says"),
    [
        ('record(ai, "', "", "site.db:1: closing quote"),
        ('record("*", "$(P)none") {}', "", 'site.db:1: record("*", "BL7:none"): there is no such record'),
        ("\x00", "", "site.db:1: a NUL"),
        ("", "ASG(DEFAULT {", "site.acf:1: expected ')'"),
    ],
)
def test_broken_files_give_one_error(
    write: Write, capsys: pytest.CaptureFixture[str], overlay: str, access: str, says: str
) -> None:
    assert main(["db", "check", str(write(overlay, access))]) == 1
    err = capsys.readouterr().err
    assert says in err and "Traceback" not in err and len(err.splitlines()) == 1


def test_a_missing_station_file_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["db", "list", str(tmp_path / "none.toml")]) == 1
    assert capsys.readouterr().err.startswith("hitline: error: ")


def test_generate_writes_and_checks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(db, "SHIPPED", tmp_path)
    monkeypatch.setattr(db, "DOCS", tmp_path)
    assert main(["db", "generate", "--check"]) == 1
    assert "stale: " in capsys.readouterr().out
    assert main(["db", "generate"]) == 0
    assert main(["db", "generate", "--check"]) == 0
    assert {"detector.db", "records.md", "station.db"} <= {path.name for path in tmp_path.iterdir()}


def test_the_overlay_of_the_how_to_is_right(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = Path(db.__file__).parents[1] / "docs" / "how-to" / "change-pvs.md"
    found = re.search(r"```\n(.*?)```", page.read_text(), re.DOTALL)
    assert found is not None
    (tmp_path / "site.db").write_text(textwrap.dedent(found[1]))
    (tmp_path / "x.tpx3").touch()
    file = tmp_path / "station.toml"
    file.write_text(
        'name = "demo"\nprefix = "BL7:"\n[instruments.det1]\ntype = "replay"\n[instruments.det1.options]\n'
        'file = "x.tpx3"\n[workers.ana1]\nsource = "det1"\n[faces.ca]\noverlays = ["site.db"]\n'
    )
    assert main(["db", "check", str(file)]) == 0, capsys.readouterr().err
    assert main(["db", "list", str(file)]) == 0
    out = capsys.readouterr().out
    assert "BL7:EXPOSURE" in out and "BL7:Hits\t" in out and "Model_RBV" not in out
