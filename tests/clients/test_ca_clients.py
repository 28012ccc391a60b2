"""Other Channel Access clients against the face: aioca (libca, asyncio) and caproto's own."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from kit.patience import WAIT_S
from kit.ports import free_port

sys.path.insert(0, str(Path(__file__).parents[1] / "ioc" / "faces" / "ca"))
from ca_rig import DB, Libca, running

ECA_PUTFAIL = 20
"""Number of the message, without its severity."""

AIOCA = """
import asyncio, json, sys
import aioca
from kit.patience import WAIT_S

async def main(p):
    found = {}
    value = await aioca.caget(p + "Voltage", format=aioca.FORMAT_CTRL)
    found["ctrl"] = [float(value), value.units, value.precision, value.upper_disp_limit]
    value = await aioca.caget(p + "Voltage", format=aioca.FORMAT_TIME)
    found["time"] = [value.severity, value.timestamp]
    found["enum"] = (await aioca.caget(p + "Mode", datatype=aioca.DBR_ENUM_STR))
    found["text"] = await aioca.caget(p + "Label_RBV.VAL$", datatype=aioca.DBR_CHAR_STR)
    found["image"] = int((await aioca.caget(p + "Image_RBV")).sum())
    await aioca.caput(p + "Target", 41, wait=True, timeout=WAIT_S)
    found["target"] = int(await aioca.caget(p + "Target"))
    for name, bad in (("Level", 250.0), ("Mode", "Fast")):
        try:
            await aioca.caput(p + name, bad, wait=True, timeout=WAIT_S)
            found[name] = "accepted"
        except aioca.CANothing as error:
            found[name] = str(error)
    heard = asyncio.Queue()
    sub = aioca.camonitor(p + "Count", heard.put_nowait, format=aioca.FORMAT_TIME)
    found["first"] = int(await asyncio.wait_for(heard.get(), WAIT_S))
    await aioca.caput(p + "Say", "go", wait=True)
    found["second"] = int(await asyncio.wait_for(heard.get(), WAIT_S))
    sub.close()
    print(json.dumps(found), flush=True)

asyncio.run(main(sys.argv[1]))
"""

CAPROTO = """
import json, sys, threading
import caproto as ca
from caproto.sync.client import read, write
from kit.patience import WAIT_S

def get(name, **more):
    return read(name, repeater=False, timeout=WAIT_S, **more)

p = sys.argv[1]
found = {}
ctrl = get(p + "Voltage", data_type="control")
found["ctrl"] = [float(ctrl.data[0]), ctrl.metadata.units.decode(), ctrl.metadata.precision]
found["severity"] = int(get(p + "Voltage", data_type="time").metadata.severity)
found["rtyp"] = get(p + "Level.RTYP").data[0].decode()
found["image"] = [int(x) for x in get(p + "Image_RBV").data[:3]]
found["put"] = int(write(p + "Target", 42, notify=True, repeater=False, timeout=WAIT_S).status.code)
found["refused"] = int(write(p + "Level", 250.0, notify=True, repeater=False, timeout=WAIT_S).status.code)
found["state"] = int(write(p + "Mode", 7, notify=True, repeater=False, timeout=WAIT_S).status.code)
found["level"] = float(get(p + "Level").data[0])
print(json.dumps(found), flush=True)
"""


@pytest.fixture
async def rig(group: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("hitline.bus.node.LISTEN_S", 0.05)
    monkeypatch.setattr("hitline.bus.satellite.DEPART_S", 0.05)
    async with running(group, tmp_path, free_port(), prefix="CL:", db=DB) as made:
        made.device.publish("voltage", 120.0, time_ns=1_600_000_000_500_000_000)
        made.device.publish("label", "a long text " * 7)
        made.device.publish("mode", "Slow")
        made.device.publish("image", np.arange(512 * 512, dtype="<i4").reshape(512, 512))
        await made.shows("Voltage", 120.0)
        await made.until(lambda: made.channel("Image_RBV").length and made.channel("Mode").content == 1)
        yield made


async def client(code: str, port: int, tmp_path: Path) -> dict:
    """Run a client's script; give what it found."""
    script = tmp_path / "client.py"
    script.write_text(code)
    with (tmp_path / "client.err").open("w") as errors:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(script),
            "CL:",
            stdout=subprocess.PIPE,
            stderr=errors,
            env=os.environ | {"EPICS_CA_SERVER_PORT": str(port)},
        )
        out, _ = await asyncio.wait_for(process.communicate(), WAIT_S)
    assert process.returncode == 0, (tmp_path / "client.err").read_text()
    return json.loads(out)


async def test_aioca(rig, tmp_path: Path):
    async def say(text: str) -> None:
        rig.device.publish("count", 5)

    rig.device.do_say = say
    found = await client(AIOCA, rig.face.server.port, tmp_path)
    assert found["ctrl"] == [120.0, "V", 3, 0.0]
    assert found["time"] == [1, 1_600_000_000.5]
    assert found["enum"] == "Slow"
    assert found["text"] == "a long text " * 7
    assert found["image"] == (512 * 512 - 1) * 512 * 512 // 2
    assert found["target"] == 41
    # aioca looks at the status of a put with callback: it says that the put was refused
    assert "failed" in found["Level"] and "failed" in found["Mode"]
    assert [found["first"], found["second"]] == [0, 5]


async def test_caproto_client_hears_of_a_refusal_at_once(rig, tmp_path: Path):
    """With stock caproto a refused put leaves this client waiting for its whole timeout."""
    found = await client(CAPROTO, rig.face.server.port, tmp_path)
    assert found == {
        "ctrl": [120.0, "V", 3],
        "severity": 1,
        "rtyp": "ao",
        "image": [0, 1, 2],
        "put": 0,
        "refused": ECA_PUTFAIL,
        "state": ECA_PUTFAIL,
        "level": 0.0,
    }


async def test_put_of_pyepics_completes_although_refused(rig):
    """pyepics throws the status of a put away: it says 1. The value read back and LastRefusal_RBV tell."""
    libca = Libca(EPICS_CA_SERVER_PORT=str(rig.face.server.port))
    try:
        took = await libca("import time; T = time.time()") or await libca(
            "(put('CL:Level', 250.0), time.time() - T, get('CL:Level'))"
        )
        assert took[0] is True and took[1] < 4 and took[2] == 0.0
    finally:
        libca.close()
