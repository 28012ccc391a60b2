"""Two strikes: what fails and passes alone is flaky, is named, and is red when it is known or one of many."""

import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STRIKES = ROOT / ".ci" / "strikes.py"
FLAKY = """
from pathlib import Path

def test_flaky():
    seen = Path("seen")
    if not seen.exists():
        seen.touch()
        raise AssertionError

def test_stands():
    pass
"""
NAME = "test_it.py::test_flaky"
KNOWN = f"# a comment\n\n{NAME} | 2026-11-30 | seen\n"
MENDED = KNOWN.rstrip() + " | mended 2026-12-01\n"
AGAIN = MENDED + f"{NAME} | 2026-12-02 | seen again\n"


def strike(folder: Path, tests: str, flaky: str = "") -> tuple[int, str, list[str]]:
    """Exit code, output and what was flaky, of both strikes in a project of its own."""
    (folder / "test_it.py").write_text(tests)
    (folder / "pytest.ini").write_text("[pytest]")
    (folder / "tests").mkdir()
    (folder / "tests" / "flaky.txt").write_text(flaky)
    told = folder / "told.json"
    done = subprocess.run(
        [sys.executable, str(STRIKES), "-p", "xdist.plugin", "-n", "1"],
        cwd=folder,
        capture_output=True,
        text=True,
        env=os.environ
        | {"HITLINE_FLAKY": str(told), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""},
    )
    return done.returncode, done.stdout + done.stderr, json.loads(told.read_text())


def test_what_is_flaky_is_named(tmp_path: Path) -> None:
    code, out, flaky = strike(tmp_path, FLAKY)
    assert code == 0 and f"flaky: {NAME}\n" in out and flaky == [NAME], out


def test_a_known_one_is_red(tmp_path: Path) -> None:
    code, out, flaky = strike(tmp_path, FLAKY, KNOWN)
    assert code == 1 and f"red: {NAME}" in out and flaky == [NAME], out


def test_what_fails_twice_is_red(tmp_path: Path) -> None:
    code, out, flaky = strike(tmp_path, FLAKY + "\ndef test_falls(): assert False")
    assert code == 1 and out.count("FAILED test_it.py::test_falls") == 2 and flaky == [NAME], out


def test_what_cannot_be_collected_is_red(tmp_path: Path) -> None:
    code, out, flaky = strike(tmp_path, "import nowhere_to_be_found")
    assert code != 0 and not flaky, out


@pytest.mark.parametrize(("page", "red"), [("", 0), (KNOWN, 1), (MENDED, 0), (AGAIN, 1)])
def test_a_known_one_is_red_until_it_is_mended(page: str, red: int) -> None:
    strikes = runpy.run_path(str(STRIKES))
    assert len(strikes["verdict"]([NAME], strikes["known"](page))) == red


@pytest.mark.parametrize(("count", "red"), [(0, 0), (3, 0), (4, 1)])
def test_more_than_three_are_red(count: int, red: int) -> None:
    names = [f"test_it.py::test_{number}" for number in range(count)]
    assert len(runpy.run_path(str(STRIKES))["verdict"](names, {})) == red


def test_the_page_of_this_project_reads_well() -> None:
    for line in (ROOT / "tests" / "flaky.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            assert len(line.split(" | ")) in (3, 4), line
