"""Reports of crashes: what is in them, how many are kept, and that a failed test shows them."""

import os
import subprocess
import sys
from pathlib import Path

from hitline.bus import crash

TESTS = Path(__file__).parents[1]
FAILS = """
from hitline.bus import crash
def test_that_fails(tmp_path):
    crash.leave(tmp_path / "runs" / ".crash", "x1", ["x1"], "was ended by SIGABRT", b"its last word\\n")
    log = tmp_path / "runs" / ".log" / "x2.log"
    log.parent.mkdir()
    log.write_text("".join(f"line {n} of its log\\n" for n in range(60)))
    assert False
"""


def test_without_a_traceback_there_are_the_last_words(tmp_path: Path) -> None:
    said = b"".join(b"word %d\n" % n for n in range(70)) + b"\xff half a li"
    path = crash.leave(tmp_path, "x1", ["python", "-m", "a b"], "was ended by SIGKILL", said)
    first, command, blank, *words = path.read_text().splitlines()
    assert first.startswith("x1 was ended by SIGKILL, 2") and command == "python -m 'a b'" and not blank
    assert words == [f"word {n}" for n in range(21, 70)] + ["\N{REPLACEMENT CHARACTER} half a li"]


def test_the_newest_are_kept(tmp_path: Path) -> None:
    for age in range(30, 0, -1):
        path = crash.leave(tmp_path, f"x{age}", ["x"], "", b"")
        os.utime(path, (path.stat().st_mtime - age,) * 2)
    kept = {path.name.partition("-")[0] for path in tmp_path.iterdir()}
    assert kept == {f"x{age}" for age in range(1, 21)}


def test_a_failed_test_shows_them_and_the_ends_of_logs(tmp_path: Path) -> None:
    (tmp_path / "test_fails.py").write_text(FAILS)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "conftest", "-p", "no:cacheprovider", str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(TESTS)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1 and "its last word" in done.stdout, done.stdout + done.stderr
    assert done.stdout.count("\nline ") == 50 and "\nline 59 of its log" in done.stdout
