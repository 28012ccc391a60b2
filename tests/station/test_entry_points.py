"""Entry points: others' packages are found, and a broken one is named and breaks nothing else."""

from pathlib import Path

import pytest
from hitline.bus import entry_points
from hitline.bus.entry_points import BLOCKS, INSTRUMENTS, EntryPointError
from hitline.bus.instrument import Instrument


def install(folder: Path, name: str, entry_points_txt: str, module: str = "") -> Path:
    """Make a package as an installer leaves it; returns the folder to put on the path."""
    info = folder / f"{name}-2.5.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 2.5\n")
    (info / "entry_points.txt").write_text(entry_points_txt)
    (folder / f"{name}.py").write_text(module)
    return folder


def test_others_and_ours_are_found() -> None:
    names = entry_points.available(INSTRUMENTS)
    assert {"replay", "conductor", "supervisor", "toy_gauge", "toy_readout"} <= set(names)
    assert issubclass(entry_points.find(INSTRUMENTS, "toy_gauge"), Instrument)
    assert entry_points.package(names["toy_gauge"]) == "hitline-toys 1.0"


def test_unknown_name_gets_the_nearest() -> None:
    with pytest.raises(EntryPointError, match="unknown instrument type 'toy_gauche'; nearest is 'toy_gauge'"):
        entry_points.find(INSTRUMENTS, "toy_gauche")
    with pytest.raises(EntryPointError, match="unknown pipeline block 'zzz'; known are counts"):
        entry_points.find(BLOCKS, "zzz")


@pytest.mark.parametrize("module", ["import not_there", "1 / 0", "raise SystemError('odd')", "x = (", ""])
def test_a_broken_package_is_named_and_breaks_nothing(
    module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"bad{abs(hash(module)) % 10**8}"
    points = f"[hitline.instruments]\nbad = {name}:Bad\n"
    monkeypatch.syspath_prepend(str(install(tmp_path, name, points, module)))
    with pytest.raises(EntryPointError, match=f"type 'bad' of package {name} 2.5 cannot be loaded"):
        entry_points.find(INSTRUMENTS, "bad")
    loaded, broken = entry_points.load_all(INSTRUMENTS)
    assert "toy_gauge" in loaded
    assert name in broken["bad"]


def test_damaged_metadata_breaks_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = install(tmp_path, "torn", "")
    (folder / "torn-2.5.dist-info" / "entry_points.txt").write_bytes(b"\xff\xfe[hitline")
    monkeypatch.syspath_prepend(str(folder))
    assert "toy_gauge" in entry_points.available(INSTRUMENTS)
    with pytest.raises(EntryPointError, match="the metadata of torn cannot be read"):
        entry_points.find(INSTRUMENTS, "torn_thing")


def test_two_packages_with_one_name_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    points = "[hitline.instruments]\ntoy_gauge = twin:Gauge\n"
    monkeypatch.syspath_prepend(str(install(tmp_path, "twin", points)))
    with pytest.raises(EntryPointError, match=r"'toy_gauge' is claimed by hitline-toys 1.0 and by twin 2.5"):
        entry_points.find(INSTRUMENTS, "toy_gauge")
