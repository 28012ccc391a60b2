"""A package of somebody else, installed beside hitline, is everywhere: PVs, Tango, ophyd, pipeline."""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hitline.bus.formats.quad import stitch
from hitline.bus.formats.tpx3 import Decoder
from kit.patience import WAIT_S
from kit.ports import free_ports

GUEST = Path(__file__).parents[2] / "docs" / "how-to" / "extend"
HITS = 20_000
STATION = """
name = "{group}"
prefix = "G:"
[instruments.det1]
type = "replay"
[instruments.det1.options]
file = "scene.tpx3"
speed = "flat"
[instruments.water]
type = "chiller"
[instruments.water.options]
target_c = 18.5
[workers.ana1]
source = "det1"
blocks = ["counts", "edges"]
[conductor]
[faces.ca]
port = {ca}
[faces.tango]
port = {tango}
"""

CLIENT = """
import json, sys
import tango
from kit.patience import WAIT_S
from hitline.devices import make_devices
devices = make_devices(sys.argv[1])
water, det = devices.water, devices.det1
for device in (water, det):
    device.wait_for_connection(timeout=WAIT_S)
import epics
from bluesky import RunEngine
from hitline.plans.count import hit_count
RunEngine({}, context_managers=[])(hit_count([det]))
water.target.set(21.0).wait(timeout=WAIT_S)
found = {
    "ophyd": [water.target.get(), water.temperature.get(), water.cooling.get()],
    "ophyd_edges": det.ana1.edge_hits.get(),
    "pv": epics.caget("G:WATER:Temperature_RBV"),
    "unit": epics.PV("G:WATER:Temperature_RBV").get_ctrlvars()["units"],
    "pv_edges": epics.caget("G:ANA1:EdgeHits_RBV"),
    "docs": det.ana1.describe()["det1_ana1_edge_hits"]["source"],
}
def device(name):
    return tango.DeviceProxy(f"tango://127.0.0.1:{sys.argv[2]}/hitline/{sys.argv[3]}/{name}#dbase=no")
found["tango"] = [device("water").target, device("water").get_attribute_config("target").unit,
                  int(device("ana1").edge_hits)]
device("water").Off()
print(json.dumps(found), flush=True)
epics.ca.finalize_libca()
"""


@pytest.fixture(scope="module")
def guest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the example of the docs is installed, alone."""
    target = tmp_path_factory.mktemp("guest")
    source = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "hitline_guest.py"):
        (source / name).write_text((GUEST / name).read_text())
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "install",
            "-q",
            "--disable-pip-version-check",
            "--no-deps",
            "--no-build-isolation",
            "--target",
            str(target),
            str(source),
        ],
        check=True,
    )
    return target


def edge_hits(recording: Path) -> int:
    """Count them by brute force."""
    decoder = Decoder()
    count = 0
    for batch in (decoder.feed(recording.read_bytes()), decoder.flush()):
        hits = batch.hits
        x, y = stitch(hits.chip, hits.x, hits.y)
        count += int(np.count_nonzero((x == 0) | (x == 511) | (y == 0) | (y == 511)))
    return count


@pytest.mark.timeout(150)
async def test_guest_is_everywhere(guest: Path, tmp_path: Path, group: str) -> None:
    ca, tango = free_ports(2)
    env = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join((str(guest), os.environ["PYTHONPATH"])),
        "EPICS_CA_SERVER_PORT": str(ca),
    }
    hitline = [sys.executable, "-m", "hitline.cli.main"]
    subprocess.run(
        [*hitline, "scene", str(tmp_path / "scene.tpx3"), "--hits", str(HITS)], check=True, env=env
    )
    file = tmp_path / "station.toml"
    file.write_text(STATION.format(group=group, ca=ca, tango=tango))
    up = await asyncio.create_subprocess_exec(
        *hitline, "up", str(file), env=env, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert up.stdout is not None
        async with asyncio.timeout(3 * WAIT_S):
            async for line in up.stdout:
                if b"processes up" in line:
                    break
        client = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            CLIENT,
            str(file),
            str(tango),
            group,
            env=env,
            stdout=asyncio.subprocess.PIPE,
        )
        out, _ = await asyncio.wait_for(client.communicate(), 2 * WAIT_S)
        assert client.returncode == 0
        found = json.loads(out.splitlines()[-1])
        cooling = subprocess.run(
            [*hitline, "get", "-s", str(file), "water", "cooling"],
            env=env,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    finally:
        with contextlib.suppress(ProcessLookupError):
            up.terminate()
        await asyncio.wait_for(up.communicate(), WAIT_S)
    edges = edge_hits(tmp_path / "scene.tpx3")
    assert edges > 0
    assert found["ophyd"] == [21.0, 21.0, 1]
    assert found["ophyd_edges"] == found["pv_edges"] == found["tango"][2] == edges
    assert (found["pv"], found["unit"]) == (21.0, "degC")
    assert found["tango"][:2] == [21.0, "degC"]
    assert "G:ANA1:EdgeHits_RBV" in found["docs"]
    assert "false" in cooling.lower()
