"""No command writes over a file that is there already, unless it is told to."""

from pathlib import Path

import pytest
from hitline.cli.main import main


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "made.tpx3"
    assert main(["scene", str(path), "--hits", "1000"]) == 0
    return path


@pytest.mark.parametrize(
    ("command", "there"),
    [
        ("scene OUT.tpx3 --hits 10", "OUT.tpx3"),
        ("decode made.tpx3 OUT.npz", "OUT.npz"),
        ("decode made.tpx3 OUT.h5", "OUT.h5"),
        ("decode made.tpx3 OUT.csv", "OUT.csv"),
        ("decode made.tpx3 OUT.csv", "OUT.tdc.csv"),
        ("decode made.tpx3 OUT.csv", "OUT.json"),
        ("decode made.tpx3 made.tpx3.npz", "made.tpx3.npz"),
    ],
)
def test_a_file_is_replaced_only_by_force(command, there, recording, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / there
    file.write_text("a month at the beam")
    before = recording.read_bytes()
    assert main(command.split()) == 1
    told = capsys.readouterr().err
    assert there in told and "--force" in told and "another name" in told
    assert file.read_text() == "a month at the beam" and len(list(tmp_path.iterdir())) == 2
    assert main([*command.split(), "--force"]) == 0
    assert file.read_bytes() != b"a month at the beam" and recording.read_bytes() == before


def test_a_replay_leaves_the_station_file_of_a_folder(recording, tmp_path, capsys) -> None:
    (tmp_path / "station.toml").write_text("name = 'mine'\n")
    assert main(["replay", str(recording), "--out", str(tmp_path)]) == 1
    assert "station.toml" in capsys.readouterr().err
    assert (tmp_path / "station.toml").read_text() == "name = 'mine'\n"
    assert not (tmp_path / "runs").exists()
