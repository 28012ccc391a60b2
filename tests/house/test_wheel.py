"""The wheel alone, installed into a bare environment, runs the demo from there."""

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.faults
@pytest.mark.timeout(900)
def test_wheel_in_a_bare_environment_runs_the_demo(tmp_path: Path) -> None:
    pip = ["-m", "pip", "install", "-q", "--disable-pip-version-check"]
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--outdir", str(tmp_path / "dist"), str(ROOT)],
        check=True,
        capture_output=True,
        cwd=tmp_path,
    )
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    venv.create(tmp_path / "bare", with_pip=True)
    python = tmp_path / "bare" / "bin" / "python"
    env = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "HITLINE_DATA")}
    subprocess.run([python, *pip, str(wheel)], check=True, env=env, cwd=tmp_path)
    where = subprocess.run(
        [python, "-c", "import hitline.bus as bus; print(bus.__file__)"],
        check=True,
        env=env,
        cwd=tmp_path,
        capture_output=True,
        text=True,
    ).stdout
    assert where.startswith(str(tmp_path / "bare"))
    subprocess.run(
        [python.with_name("hitline"), "demo", "--out", str(tmp_path / "out"), "--exposures", "2"],
        check=True,
        env=env,
        cwd=tmp_path,
    )
    row = json.loads((tmp_path / "out" / "summary.json").read_text())["sources"]["det1"]
    assert row["hits_sent"] == row["hits_analysed"] == 100_000
