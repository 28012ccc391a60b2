"""The demo agrees with itself, and with what is known of its input."""

import json
import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from kit.patience import WAIT_S

PNG = b"\x89PNG\r\n\x1a\n"


def demo(out: Path, *more: str, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, **environment}
    return subprocess.run(
        [sys.executable, "-m", "hitline.cli.main", "demo", "--out", str(out), *more],
        env=env,
        capture_output=True,
        text=True,
        timeout=5 * WAIT_S,
    )


def source(out: Path) -> dict[str, int]:
    return json.loads((out / "summary.json").read_text())["sources"]["det1"]


@pytest.mark.faults  # for its time: `make demo` is the same
@pytest.mark.timeout(180)
def test_demo_on_synthesised_hits(tmp_path: Path) -> None:
    out = tmp_path / "demo"
    done = demo(out, "--exposures", "3", HITLINE_DATA="")
    assert done.returncode == 0, done.stdout + done.stderr
    row = source(out)
    assert row["hits_sent"] == row["hits_received"] == row["hits_analysed"] == 100_000
    assert row["hits_lost"] == 0
    scanned = json.loads((out / "summary.json").read_text())["sources"]["kat1"]
    assert scanned["hits_sent"] == scanned["hits_received"] == scanned["hits_analysed"] > 200_000
    assert scanned["hits_lost"] == 0 and "(the emulator's: 1799.7)" in done.stdout
    raster = json.loads((out / "summary.json").read_text())["raster"]
    assert list(raster.values()) == pytest.approx([0.8, -0.6, 3.0], abs=0.1)
    assert "all agree" in done.stdout
    with h5py.File(out / "results.h5") as file:
        assert int(np.sum(file["entry/image/counts"])) == 100_000
        assert list(file["entry/exposures/exposure"]) == [1, 2, 3]
        assert int(np.sum(file["entry/exposures/exposure_hits"])) == 100_000
    for name in ("image", "tot_spectrum", "size_spectrum", "threshold", "raster", "demo"):
        assert (out / f"{name}.png").read_bytes().startswith(PNG)


@pytest.mark.faults  # for its time
@pytest.mark.timeout(180)
def test_demo_on_the_recorded_file(tmp_path: Path, data: Path) -> None:
    truth = json.loads((data / "suann_truth.json").read_text())["suann_socket_background_serval32.tpx3"]
    out = tmp_path / "demo"
    done = demo(out, HITLINE_DATA=str(data))
    assert done.returncode == 0, done.stdout + done.stderr
    row = source(out)
    assert row["hits_sent"] == row["hits_received"] == row["hits_analysed"] == truth["n_hits"]
    assert row["tot_sum"] == truth["total_tot_counts"]


@pytest.mark.parametrize("file", ["thesis.tex", "station.toml"])
def test_demo_does_not_clear_somebody_elses_folder(file: str, tmp_path: Path) -> None:
    (tmp_path / file).write_text("years of work")
    done = demo(tmp_path)
    assert done.returncode == 1
    assert "choose another --out" in done.stderr
    assert (tmp_path / file).read_text() == "years of work"


def test_demo_says_what_is_wrong_with_a_file(tmp_path: Path) -> None:
    done = demo(tmp_path / "out", "--file", str(tmp_path / "none.tpx3"))
    assert done.returncode == 1
    assert "none.tpx3" in done.stderr and "Traceback" not in done.stderr
