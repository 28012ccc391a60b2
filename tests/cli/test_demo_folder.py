"""A demo empties its folder of what an earlier demo wrote, and of nothing else."""

import os
from pathlib import Path

import pytest
from hitline.cli.demo_folder import empty_folder, written
from hitline.ioc import pids


def left_by_a_demo(folder: Path) -> Path:
    """What is there after one."""
    assert empty_folder(folder) == folder
    (folder / "runs/.log").mkdir(parents=True)
    (folder / "runs/0001").mkdir()
    for name in ("station.toml", "summary.json", "runs/0001/00000001.log", "runs/.log/det1.log"):
        (folder / name).write_text("of the demo")
    return folder


def test_what_a_demo_wrote_is_replaced(tmp_path: Path) -> None:
    folder = left_by_a_demo(tmp_path / "demo")
    written(folder)
    (folder / "runs/.log/det1.log").write_text("a station tells more while it stays")
    assert [path.name for path in empty_folder(folder).iterdir()] == [".hitline-demo"]


def test_one_that_was_cut_off_is_replaced(tmp_path: Path) -> None:
    empty_folder(left_by_a_demo(tmp_path / "demo"))
    assert not (tmp_path / "demo/station.toml").exists()


@pytest.mark.parametrize("name", ["notes.txt", "runs/0002/00000001.log"])
def test_what_came_later_is_somebody_elses(name: str, tmp_path: Path) -> None:
    folder = left_by_a_demo(tmp_path / "demo")
    written(folder)
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("mine")
    with pytest.raises(ValueError, match=f"{name} that no demo wrote"):
        empty_folder(folder)
    assert (folder / name).read_text() == "mine" and (folder / "station.toml").exists()


def test_a_folder_without_the_marker_is_left_and_the_usual_demo_goes_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (old := Path("out/demo")).mkdir(parents=True)
    (old / "station.toml").write_text("of an older version, or mine")
    with pytest.raises(ValueError, match="rm -r out/demo"):
        empty_folder(old)
    assert empty_folder(None) == Path("out/demo-2") == empty_folder(None)
    assert "rm -r out/demo" in capsys.readouterr().err
    assert (old / "station.toml").read_text() == "of an older version, or mine"


def test_a_folder_whose_station_runs_is_left(tmp_path: Path) -> None:
    folder = left_by_a_demo(tmp_path / "demo")
    pids.write(pids.pid_file(folder / "runs"), {"supervisor": os.getpid()})
    with pytest.raises(ValueError, match="its station runs"):
        empty_folder(folder)
    assert (folder / "station.toml").exists()
