"""The command itself: it teaches, imports only what is needed, and never shows a traceback."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cli_process import Done
from hitline.cli.main import commands

Run = Callable[..., Done]


def test_help_lists_every_command(hitline: Run) -> None:
    done = hitline("--help")
    assert done.returncode == 0
    assert {"down", "get", "replay", "set", "status", "up", "watch"} <= set(commands())
    for name, text in commands().items():
        assert name in done.stdout
        assert text.split()[0] in done.stdout


@pytest.mark.parametrize("name", commands())
def test_help_of_each_command_has_an_example(name: str, hitline: Run) -> None:
    done = hitline(name, "--help")
    assert done.returncode == 0, done.stderr
    assert f"hitline {name} " in done.stdout.partition("\n\n")[2], "an example after the usage"


def test_nothing_heavy_is_imported_before_it_is_needed() -> None:
    code = (
        "import sys\nfrom hitline.cli.main import main\nmain(['get', '--help'])\n"
        "print(*sorted({'caproto', 'numba', 'ophyd', 'bluesky', 'tango', 'matplotlib', 'h5py', 'rich'}"
        " & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr.strip()) == (0, "")


@pytest.mark.parametrize(
    "words", [["frobnicate"], [], ["get"], ["up", "a", "b"], ["watch", "x", "--count", "many"]]
)
def test_wrong_usage_is_2(words: list[str], hitline: Run) -> None:
    done = hitline(*words)
    assert done.returncode == 2
    assert "error: " in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["up"], "no station file station.toml: name one, set HITLINE_STATION"),
        (["up", "none.toml"], "none.toml: cannot be read: No such file or directory"),
        (["up", "bad.toml"], "bad.toml:2: nane: unknown key; nearest is 'name'"),
        (["status", "-"], "cannot be read"),
        (["get", "det1", "-s", "bad.toml"], "bad.toml:2: nane"),
        (["down", "good.toml"], "station 's' does not run here"),
        (["replay", "none.tpx3"], "none.tpx3"),
    ],
)
def test_errors_are_one_line(words: list[str], text: str, hitline: Run, tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("# a comment\nnane = 's'\n")
    (tmp_path / "good.toml").write_text("name = 's'\n")
    done = hitline(*words)
    assert done.returncode == 1
    assert done.stderr.startswith("hitline: error: ")
    assert text in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_as_a_program() -> None:
    program = Path(sys.executable).parent / "hitline"
    done = subprocess.run([program, "frobnicate"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")


def test_version(hitline: Run) -> None:
    done = hitline("--version")
    assert done.stdout.startswith("hitline ")
    assert done.returncode == 0


def test_station_by_variable_and_by_folder(
    hitline: Run, station: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere.toml"
    station.rename(elsewhere)
    monkeypatch.setenv("HITLINE_STATION", str(elsewhere))
    done = hitline("up", "--check")
    assert done.returncode == 0, done.stderr
    assert "3 instruments, 0 workers" in done.stdout
    elsewhere.rename(station)
    monkeypatch.delenv("HITLINE_STATION")
    assert hitline("up", "--check").returncode == 0


def test_check_tells_mistakes_in_the_pvs(hitline: Run, station: Path, tmp_path: Path) -> None:
    (tmp_path / "site.db").write_text('record("*", "$(P)GAUGE:Pressure") { field(EGU, "Pa") }\n')
    station.write_text(station.read_text() + '[faces.ca]\noverlays = ["site.db"]\n')
    done = hitline("up", station, "--check")
    assert done.returncode == 1
    assert "EGU is 'Pa' but pressure comes in mbar" in done.stderr
    assert "hitline: error: 1 mistakes in the PVs" in done.stderr
    assert not (tmp_path / "runs").exists()


def test_json_is_json(hitline: Run, station: Path) -> None:
    done = hitline("status", "--json")
    rows = json.loads(done.stdout)
    assert [row["instrument"] for row in rows] == ["det1", "gauge", "lamp", "run", "station"]
    assert {row["state"] for row in rows} == {"DEAD"}
    assert done.returncode == 1
