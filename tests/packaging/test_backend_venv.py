"""A backend runs with four packages and our own: nothing of caproto, numba, ophyd comes in by a side door."""

import json
import os
import re
import signal
import subprocess
import sys
import sysconfig
from importlib import metadata
from pathlib import Path

import pytest
from hitline.cli.main import main as hitline
from kit.patience import WAIT_S
from kit.toys import TOYS

ROOT = Path(__file__).parents[2]
ROOMS = ("analysis", "bus", "cli", "db", "devices", "ioc", "panels", "plans")
NEEDED = ("pyzmq", "msgpack", "numpy", "google-crc32c")
FORBIDDEN = {
    "caproto",
    "numba",
    "ophyd",
    "bluesky",
    "tango",
    "epics",
    "matplotlib",
    "h5py",
    "rich",
    "pyarrow",
}

PROGRAM = """
import sys
from hitline.ioc.backend import main
code = main(sys.argv[1:])
print("modules", *sorted({name.partition(".")[0] for name in sys.modules}))
sys.exit(code)
"""


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a fresh venv with only what a backend needs, linked from the installed packages."""
    venv = tmp_path_factory.mktemp("bare") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", "--symlinks", venv], check=True)
    python = venv / "bin" / "python"
    site = Path(sysconfig.get_path("purelib", vars={"base": str(venv), "platbase": str(venv)}))
    assert site.is_relative_to(venv) and site.is_dir()
    for name in NEEDED:
        for top in {file.parts[0] for file in metadata.files(name) or () if ".." not in file.parts}:
            source = Path(str(metadata.distribution(name).locate_file(top)))
            if source.exists() and not (site / top).exists():
                (site / top).symlink_to(source)
    (site / "hitline").mkdir()
    for room in ROOMS:
        (site / "hitline" / room).symlink_to(ROOT / room)
    info = site / "hitline-0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: hitline\nVersion: 0\n")
    points = metadata.distribution("hitline").read_text("entry_points.txt")
    (info / "entry_points.txt").write_text(points or "")
    return python


def test_the_venv_is_bare(bare: Path) -> None:
    code = "import importlib.util as u, sys; print(*[n for n in sys.argv[1:] if u.find_spec(n)])"
    done = subprocess.run(
        [bare, "-c", code, *sorted(FORBIDDEN), "numpy"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": ""},
    )
    assert done.stdout.split() == ["numpy"]


def serve(bare: Path, station: Path, process: str) -> tuple[dict[str, object], set[str]]:
    """Run a backend to readiness and stop it; returns what it said and what it imported."""
    backend = subprocess.Popen(
        [bare, "-c", PROGRAM, station, process],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": TOYS},
    )
    try:
        assert backend.stdout is not None
        line = backend.stdout.readline()
        backend.send_signal(signal.SIGTERM)
        out, err = backend.communicate(timeout=WAIT_S)
    finally:
        backend.kill()
        backend.wait()
    assert line.startswith("ready "), err
    assert backend.returncode == 0, err
    modules = re.search(r"^modules (.*)$", out, re.MULTILINE)
    assert modules, out
    return json.loads(line.removeprefix("ready ")), set(modules[1].split())


def test_a_backend_starts(bare: Path, tmp_path: Path, group: str) -> None:
    station = tmp_path / "station.toml"
    station.write_text(
        f'name = "{group}"\n[instruments.a]\ntype = "toy_gauge"\n[instruments.b]\n'
        'type = "toy_readout"\nprocess = "a"\n'
    )
    said, modules = serve(bare, station, "a")
    assert said == {"instruments": ["a", "b"], "feeds": {"b": 1}}
    assert {"zmq", "msgpack", "numpy", "hitline"} <= modules
    assert not modules & FORBIDDEN


def test_a_replay_starts(bare: Path, tmp_path: Path, group: str) -> None:
    assert hitline(["scene", str(tmp_path / "small.tpx3"), "--hits", "1000"]) == 0
    station = tmp_path / "station.toml"
    station.write_text(
        f'name = "{group}"\n[instruments.det1]\ntype = "replay"\n'
        '[instruments.det1.options]\nfile = "small.tpx3"\n'
    )
    said, modules = serve(bare, station, "det1")
    assert said["instruments"] == ["det1"]
    assert said["feeds"]["det1"] > 0  # type: ignore[index]
    assert "google_crc32c" in modules
    assert not modules & FORBIDDEN


def test_a_mistake_is_told_in_one_line(bare: Path, tmp_path: Path) -> None:
    station = tmp_path / "station.toml"
    station.write_text('name = "s"\n[instruments.a]\ntype = "toy_gauge"\noptions.pressure_mbar = "x"\n')
    for process, text in (
        ("a", "options.pressure_mbar: wants a number"),
        ("b", "no instrument runs in a process 'b'"),
    ):
        done = subprocess.run(
            [bare, "-m", "hitline.ioc.backend", station, process],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": TOYS},
        )
        assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
        assert text in done.stderr
