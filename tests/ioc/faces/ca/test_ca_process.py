"""The face as a process: readiness, kill -9 and restart under living clients, orderly end, a taken port."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from ca_rig import DB, Libca, Rig
from hitline.bus.node import Node
from hitline.db.generate import database
from hitline.ioc.faces.common import FACE
from kit.patience import WAIT_S


class FaceProcess:
    """`python -m hitline.ioc.faces.ca`."""

    def __init__(self, station: Path, log: Path) -> None:
        self._log = log.open("a")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "hitline.ioc.faces.ca", str(station)],
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env=os.environ | {"EPICS_CAS_BEACON_ADDR_LIST": ""},
        )

    def ready(self) -> dict:
        line = self.process.stdout.readline()
        assert line.startswith("ready "), line
        return json.loads(line[6:])

    def end(self, number: int) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(WAIT_S)
        self.process.stdout.close()
        self._log.close()
        return code


@pytest.fixture
async def backend(group: str, tmp_path: Path, prefix: str):
    rig = Rig(
        group, prefix, tmp_path, 0, DB + database(FACE, title="face", instrument="face", prefix="$(P)"), None
    )
    async with Node(group, "backend") as rig.backend:
        await rig.start_backend()
        yield rig


def station_file(rig: Rig, folder: Path, port: int) -> Path:
    file = folder / "station.toml"
    file.write_text(
        f'name = "{rig.station.name}"\nprefix = "{rig.prefix}"\n'
        f'[faces.ca]\nport = {port}\noverlays = ["rig.db"]\n'
    )
    return file


async def test_killed_face_comes_back_and_clients_with_it(
    backend: Rig, tmp_path: Path, ca_port: int, libca: Libca
):
    p = backend.prefix
    file = station_file(backend, tmp_path, ca_port)
    face = FaceProcess(file, tmp_path / "log")
    try:
        assert await libca.beside(face.ready) == {"ca_port": ca_port}
        backend.device.publish("count", 1)
        await libca(f"watch('{p}Count').until(lambda h: h[-1][0] == 1)")
        await libca.beside(face.end, signal.SIGKILL)
        backend.device.publish("count", 2)
        backend.device.publish("level", 55.0)
        face = FaceProcess(file, tmp_path / "log")
        await libca.beside(face.ready)
        await libca(f"watch('{p}Count').until(lambda h: h[-1][0] == 2)")
        # a set-point shows what the instrument reports; the face has written nothing
        await libca(f"watch('{p}Level').until(lambda h: h[-1][0] == 55)")
        assert not backend.device.calls
        assert await libca(f"text('{p}Version')") != ""
        assert await libca(f"get('{p}CaClients')") == 1
        await libca(f"watch('{p}Heartbeat').until(lambda h: h[-1][0] >= 1)")
        assert await libca.beside(face.end, signal.SIGTERM) == 0
    finally:
        await libca.beside(face.end, signal.SIGKILL) if face.process.poll() is None else None
    assert "Traceback" not in (tmp_path / "log").read_text()


async def test_taken_port_is_one_clear_line(backend: Rig, tmp_path: Path, libca: Libca):
    face = FaceProcess(station_file(backend, tmp_path, 0), tmp_path / "log")
    port = (await libca.beside(face.ready))["ca_port"]
    other = FaceProcess(station_file(backend, tmp_path, port), tmp_path / "log2")
    assert await libca.beside(other.end, signal.SIGCONT) == 1
    assert await libca.beside(face.end, signal.SIGINT) == 0
    text = (tmp_path / "log2").read_text()
    assert f"port {port}" in text and "[faces.ca]" in text and "Traceback" not in text


async def test_two_stations_on_one_host_keep_to_themselves(backend: Rig, tmp_path: Path, libca: Libca):
    face = FaceProcess(station_file(backend, tmp_path, 0), tmp_path / "log")
    port = (await libca.beside(face.ready))["ca_port"]
    client = Libca(EPICS_CA_SERVER_PORT=str(port))
    backend.device.publish("count", 9)
    assert await client(f"watch('{backend.prefix}Count').until(lambda h: h[-1][0] == 9) and True")
    client.close()
    await libca.beside(face.end, signal.SIGTERM)


async def test_start_does_not_wait_for_the_instruments(group: str, tmp_path: Path, prefix: str, libca: Libca):
    rig = Rig(group, prefix, tmp_path, 0, DB, None)
    face = FaceProcess(station_file(rig, tmp_path, 0), tmp_path / "log")
    port = (await libca.beside(face.ready))["ca_port"]
    client = Libca(EPICS_CA_SERVER_PORT=str(port))
    assert await client(f"text('{prefix}Level.SEVR')") == "INVALID"
    async with Node(group, "backend") as node:
        rig.backend = node
        await rig.start_backend()
        await client(f"watch('{prefix}Level').until(lambda h: h[-1][1] == 0)")
    await client(f"watch('{prefix}Level').until(lambda h: h[-1][1] == 3)")
    client.close()
    await libca.beside(face.end, signal.SIGTERM)
    await asyncio.sleep(0)
