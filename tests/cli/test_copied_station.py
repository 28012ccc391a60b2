"""Commands in a copy of a station's folder leave the station alone, and say whose it is."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cli_process import Done
from hitline.bus import home
from hitline.ioc import pids


@pytest.fixture
def copy(up: subprocess.Popen[str], station: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a copy of the running station's folder."""
    folder = tmp_path_factory.mktemp("copy") / "station"
    shutil.copytree(station.parent, folder)
    return folder / station.name


def test_every_command_in_a_copy_is_refused_with_both_paths(
    copy: Path, up: subprocess.Popen[str], station: Path, hitline: Callable[..., Done]
) -> None:
    for words in (
        ("get", "gauge", "pressure", "-s"),
        ("set", "lamp", "initialize", "-s"),
        ("set", "station", "restart", "slow", "-s"),
        ("watch", "gauge", "-s"),
        ("status",),
    ):
        done = hitline(*words, copy)
        assert done.returncode == 1 and not done.stdout, words
        assert str(station) in done.stderr and str(copy) in done.stderr, words
    second = hitline("up", copy)
    assert second.returncode == 1 and f"runs already, from {station}" in second.stderr
    assert "does not run here" in hitline("down", copy).stderr
    assert up.poll() is None and set(pids.living(pids.pid_file(station.parent / "runs"))) > {"supervisor"}
    assert hitline("get", "gauge", "pressure", "-s", station).stdout == "1000.0 mbar\n"
    assert hitline("get", "station", "restarts", "-s", station).stdout == "0\n"


def test_from_another_computer_it_is_told_whose_station_it_is(
    copy: Path, station: Path, hitline: Callable[..., Done], monkeypatch: pytest.MonkeyPatch
) -> None:
    here = home.socket.gethostname()
    monkeypatch.setattr(home.socket, "gethostname", lambda: "control-room")
    done = hitline("get", "gauge", "pressure", "-s", copy)
    assert done.returncode == 0 and done.stdout == "1000.0 mbar\n"
    assert done.stderr.count("\n") == 1 and f"runs on {here}, from {station}" in done.stderr
