"""`hitline replay`: a file becomes process variables, with sums that are right and stay readable."""

import argparse
import json
import os
import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from cli_process import Done, read_until
from hitline.bus.station import load
from hitline.cli.main import main
from hitline.cli.play import Sums
from hitline.cli.replay import station_text
from hitline.cli.tables import problems
from hitline.ioc.faces.table import table
from kit.patience import WAIT_S

Start = Callable[..., "subprocess.Popen[str]"]

READ = """
import epics, json, sys
from kit.patience import WAIT_S
print(json.dumps({pv: epics.caget(pv, timeout=WAIT_S) for pv in sys.argv[1:-1]}))
print(json.dumps(epics.caget(sys.argv[-1], timeout=WAIT_S).tolist()))
"""


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """A generated file of 20,000 hits."""
    path = tmp_path / "scene.tpx3"
    assert main(["scene", str(path), "--hits", "20000"]) == 0
    return path


def test_plays_and_leaves(recording: Path, started: Start, tmp_path: Path) -> None:
    out = tmp_path / "out"
    replay = started("replay", recording, "--exit", "--out", out, "--ca-port", 0, "--speed", "flat")
    output, _ = replay.communicate(timeout=1.5 * WAIT_S)
    assert replay.returncode == 0, output
    lines = dict(line.split(maxsplit=1) for line in output.splitlines() if " " in line)
    assert lines["hits"] == "20,000 sent, 20,000 logged, 20,000 analysed: all agree"
    assert lines["lost"] == "0"
    assert sum(int(count.replace(",", "")) for count in lines["chips"].split(", ")) == 20_000
    station = load(out / "station.toml")
    assert station.instruments["det1"].options.file == recording
    runs = [folder for folder in (out / "runs").iterdir() if folder.name.endswith("-0001")]
    assert [path.name for path in runs[0].iterdir()] == ["det1"]


def test_pvs_stay_until_ctrl_c_and_a_libca_client_reads_the_truth(
    suann: Path, started: Start, free_port: int
) -> None:
    """What the recorded quad file is known to hold, read through libca by the names that were printed."""
    replay = started("replay", suann, "--ca-port", free_port, "--prefix", "T:")
    lines = read_until(replay, "caget T:Run:State_RBV")
    pvs = [line.split()[-1] for line in lines if "caget" in line]
    assert f"EPICS_CA_SERVER_PORT={free_port} caget T:ANA1:Hits_RBV" in "\n".join(lines)
    chips = next(pv for pv in pvs if "Chip" in pv)
    reader = subprocess.run(
        [sys.executable, "-c", READ, *(pv for pv in pvs if pv != chips), chips],
        env={**os.environ, "EPICS_CA_SERVER_PORT": str(free_port)},
        capture_output=True,
        text=True,
        timeout=WAIT_S,
    )
    assert reader.returncode == 0, reader.stderr
    values, counts = map(json.loads, reader.stdout.splitlines())
    assert values["T:ANA1:Hits_RBV"] == 98_548
    assert values["T:ANA1:TotSum_RBV"] == 74_076_145
    assert values["T:DET1:HitsSent_RBV"] == 98_548
    assert sorted(n for n in counts if n) == [2341, 2921, 4631, 88655]
    replay.send_signal(signal.SIGINT)
    assert replay.wait(WAIT_S) == 0


def test_ctrl_c_before_the_end(recording: Path, started: Start) -> None:
    replay = started("replay", recording, "--ca-port", 0, "--speed", "0.0001")
    read_until(replay, "playing")
    replay.send_signal(signal.SIGINT)
    assert replay.wait(WAIT_S) == 1
    assert replay.stdout is not None
    rest = replay.stdout.read()
    assert "stopped before the end" in rest
    assert "Traceback" not in rest


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--speed", "fast"], "speed"),
        (["--window", "0"], "window_ns: 0.0 must be above 0"),
        (["--ca-port", "70000"], "faces.ca.port: 70000 is outside"),
        (["--name", "a b"], "name: 'a b' does not fit"),
    ],
)
def test_bad_options_are_told_before_anything_starts(
    words: list[str], text: str, recording: Path, hitline: Callable[..., Done]
) -> None:
    done = hitline("replay", recording, *words)
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert text in done.stderr


@pytest.mark.parametrize("content", [None, b"", b"these are notes\n" * 100])
def test_not_a_recording(content: bytes | None, tmp_path: Path, hitline: Callable[..., Done]) -> None:
    path = tmp_path / "notes.tpx3"
    if content is not None:
        path.write_bytes(content)
    done = hitline("replay", path, "--exit")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("hitline: error: ")
    assert "notes.tpx3" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("sums", "agree", "text"),
    [
        (Sums(5, 5, 5, 0, 2, 9, [5]), True, "5 sent, 5 logged, 5 analysed: all agree"),
        (Sums(5, 5, 4, 0, 2, 9, [4]), False, "5 sent, 5 logged, 4 analysed: THESE DIFFER"),
        (Sums(None, 5, 5, None, 2, 9, [5]), False, "unknown sent, 5 logged, 5 analysed: THESE DIFFER"),
    ],
)
def test_sums(sums: Sums, agree: bool, text: str) -> None:
    assert sums.agree is agree
    assert text in sums.lines()[0]


def test_the_generated_station_is_a_plain_one(recording: Path, tmp_path: Path) -> None:
    """What it writes passes the strict check, so that it can serve as a start for one's own."""
    args = argparse.Namespace(name="x", prefix="P:", file=recording, speed="flat", window=150.0, ca_port=0)
    path = tmp_path / "station.toml"
    path.write_text(station_text(args))
    assert tomllib.loads(path.read_text())["workers"]["ana1"]["window_ns"] == 150.0
    station = load(path)
    assert problems(station, table(station)) == []
