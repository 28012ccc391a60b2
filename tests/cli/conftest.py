"""Fixtures of the command's tests: the command as a process, and a station of toys."""

import io
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path

import pytest
from cli_process import Done, read_until
from hitline.cli.main import main
from kit.toys import TOYS, with_toys

STATION = """
[instruments.det1]
type = "toy_readout"
[instruments.gauge]
type = "toy_gauge"
process = "slow"
[instruments.lamp]
type = "toy_lamp"
process = "slow"
[conductor]
"""


@pytest.fixture
def environment() -> dict[str, str]:
    """Environment of the commands: with the toy package, without a terminal's width."""
    return {**os.environ, "PYTHONPATH": with_toys(), "HITLINE_STATION": "", "COLUMNS": "100"}


@pytest.fixture
def hitline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Done]:
    """Run `hitline ...` to its end, in this process and an empty folder."""
    monkeypatch.syspath_prepend(TOYS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("HITLINE_STATION", raising=False)

    def call(*words: object) -> Done:
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = main([str(word) for word in words])
        return Done(code, out.getvalue(), err.getvalue())

    return call


@pytest.fixture
def started(environment: dict[str, str], tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start `hitline ...` in a process group of its own, which is killed at the end of the test."""
    running: list[subprocess.Popen[str]] = []

    def start(*words: object) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "hitline.cli.main", *map(str, words)],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        running.append(process)
        return process

    yield start
    for process in running:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.fixture
def station(tmp_path: Path, group: str) -> Path:
    """A station file with three toy instruments in two processes, and a conductor."""
    path = tmp_path / "station.toml"
    path.write_text(f'name = "{group}"\n{STATION}')
    return path


@pytest.fixture
def up(started: Callable[..., subprocess.Popen[str]], station: Path) -> subprocess.Popen[str]:
    """`hitline up` of the station, all of it up."""
    process = started("up", station)
    read_until(process, "3 of 3 processes up")
    return process
