"""Scans of a whole station with an emulated Katherine: driver, run log, worker, CA face, libca, Bluesky."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Running, Session, session_on, station_up
from hitline.ioc.emulators.katherine.answers import MONITOR_V

pytestmark = pytest.mark.timeout(120)

CLIENT = Path(__file__).parent / "katherine_client.py"
SEED = 7
STATION = """
name = "{{name}}"
prefix = "T:"
[conductor]
[instruments.kat1]
type = "katherine"
[instruments.kat1.options]
address = "127.0.0.2"
control_port = {0}
local_control_port = {1}
data_port = {2}
bias_low = 0.0
bias_high = 200.0
polarity = "Holes"
[instruments.emu]
type = "katherine_emulator"
[instruments.emu.options]
address = "127.0.0.2"
control_port = {0}
data_port = 0
client_data_port = {2}
seed = {seed}
[workers.ana1]
source = "kat1"
[faces.ca]
port = {{port}}
[faces.tango]
port = 0
"""


@pytest.fixture(scope="module")
def station(tmp_path_factory, free_ports) -> Iterator[Running]:
    """A station with one Katherine."""
    text = STATION.format(*free_ports(3), seed=SEED)
    with station_up(tmp_path_factory.mktemp("katherine"), free_ports(2), text) as station:
        yield station


@pytest.fixture(scope="module")
def session(station) -> Iterator[Session]:
    """A session over libca."""
    with session_on(station, "pyepics", CLIENT) as session:
        yield session


def ask(session, do, **arguments):
    outcome, value = session.ask(do, **arguments)
    assert outcome == "done", value
    return value


def test_stock_ophyd_classes_work(session):
    """EpicsSignal with put completion on bias, mode and threshold."""
    found = ask(session, "stock")
    assert found["voltage"] == 40 and found["ramping"] in (0, "No")
    assert found["measured"] == pytest.approx(40, abs=1.0)
    assert found["mode"] == "ToA" and found["threshold"] == 1700
    assert 160 * found["coarse"] + found["fine"] == 1700


def test_dac_scan_finds_the_line_of_the_monitor(session):
    found = ask(session, "dac", dac="VTP_fine", start=0, stop=500, num=11)
    assert found["after"] == found["before"] and not found["events"][0].get("kat1_exposure")
    assert found["columns"]["kat1_dac_vtp_fine"] == list(range(0, 501, 50))
    line = found["fits"]["VTP_fine output"]["values"]
    assert line["slope"]["value"] == pytest.approx(MONITOR_V / 511, rel=1e-5)
    assert line["offset"]["value"] == pytest.approx(0.0, abs=1e-6)
    assert (line["slope"]["unit"], line["offset"]["unit"]) == ("V", "V")


def test_the_examples_of_the_guide_run(station):
    """All Python of docs/how-to/katherine.md, in order, in the folder of a station file."""
    guide = (Path(__file__).parents[2] / "docs" / "how-to" / "katherine.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", guide, re.DOTALL)
    assert len(blocks) >= 4
    folder = station.file.parent
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(blocks)],
        cwd=folder,
        env=station.env,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for picture in ("vtp_fine.png", "pulses.png"):
        assert (folder / picture).stat().st_size > 10_000, "a curve was drawn"
