"""ophyd's own tests of its motor, as ophyd ships them, on an axis with an emulated controller."""

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from kit.patience import WAIT_S
from motor_station import STATION
from station_rig import Running, station_up

MOTOR = "XF:31IDA-OP{Tbl-Ax:X1}Mtr"
"""The name that those tests give it."""
CHANGED = {
    'homing = "centre"': 'homing = "limit"',
    "home_velocity = 50.0": "home_velocity = 2.5",
    "low = -10.0": "low = -100.0",
    "high = 12.0": "high = 100.0",
    "[faces.ca]": '[faces.ca]\noverlays = ["site.db"]',
}
"""Two of them assert that homing has not succeeded after 2 s: it takes 4. All write limits of their own."""
LAYERS = ("caproto", "pyepics")
"""ophyd runs them on each."""


@pytest.fixture
def station(tmp_path: Path, free_ports):
    text = STATION.format(*free_ports(2))
    for ours, theirs in CHANGED.items():
        assert ours in text
        text = text.replace(ours, theirs)
    (tmp_path / "site.db").write_text(f'alias("$(P)X:M", "{MOTOR}")\n')
    with station_up(tmp_path, free_ports(2), text) as running:
        yield running


@pytest.mark.timeout(240)
def test_ophyds_own_tests_of_its_motor(station: Running, tmp_path: Path) -> None:
    """Outside of our settings of pytest, in a process of their own."""
    report = tmp_path / "ophyd.xml"
    argv = ["--pyargs", "ophyd.tests.test_epicsmotor", "-c", "/dev/null", "--rootdir", str(tmp_path), "-q",
            "-p", "no:cacheprovider", "-W", "ignore", f"--junitxml={report}"]  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *argv],
        cwd=tmp_path,
        env=station.env,
        capture_output=True,
        text=True,
        timeout=6 * WAIT_S,
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    ran = [case for case in ElementTree.parse(report).iter("testcase") if case.find("skipped") is None]
    for layer in LAYERS:
        assert sum(f"[{layer}]" in case.get("name", "") for case in ran) >= 22, done.stdout
