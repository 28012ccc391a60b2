"""A Tango face lives through all that clients and backends do to it at once, from its first instant on."""

import json
import subprocess
import sys
import threading
import uuid
from pathlib import Path

import pytest
from processes import Process

HAMMER = Path(__file__).with_name("tango_hammer.py")
STATION = """name = "{group}"
[instruments.x1]
type = "rich"
[faces.tango]
port = {port}
"""
OTHER = {"RICH_OTHER": "1"}
WORK = ("values", "descriptions", "writes", "calls", "events", "restarts")


def hammered(folder: Path, port: int, lives: int, life_s: float) -> None:
    """One life of a face and the begin of another; backends come and go, with other tables each time."""
    group = f"test{uuid.uuid4().hex[:12]}"
    file = folder / "station.toml"
    file.write_text(STATION.format(group=group, port=port))
    name = f"tango://127.0.0.1:{port}/hitline/{group}/x1#dbase=no"
    processes = [Process("hitline.ioc.faces.tango", str(file))]
    pause = threading.Event()

    def live(number: int) -> None:
        backend = Process("hitline.ioc.backend", str(file), "x1", env=OTHER if number % 2 else {})
        processes.append(backend)
        backend.ready()
        pause.wait(life_s)
        backend.kill() if number % 4 < 2 else backend.end()
        face = processes[0]
        assert face.child.poll() is None, f"ended by {face.child.poll()}:\n{''.join(face.log)}"

    with (folder / "hammer.log").open("w") as log:
        hammer = subprocess.Popen(
            [sys.executable, str(HAMMER), name], stdout=subprocess.PIPE, stderr=log, text=True
        )
        try:
            for number in range(lives):
                live(number)
            processes[0].kill()
            processes[0] = Process("hitline.ioc.faces.tango", str(file))
            live(0)
        finally:
            hammer.terminate()
            try:
                said, _ = hammer.communicate(timeout=30)
            except subprocess.TimeoutExpired:
                hammer.kill()
                raise
            finally:
                ends = [process.end() for process in processes]
    assert hammer.returncode == 0, (folder / "hammer.log").read_text()[-2000:]
    print(said)
    done = json.loads(said)["done"]
    assert all(
        done.get(kind) for kind in ("values", "descriptions", "writes", "calls", "events", "restarts")
    ), said
    assert ends[0] == 0, "the face ends as asked"


def test_a_hammered_face_lives(tmp_path: Path, free_port: int) -> None:
    hammered(tmp_path, free_port, lives=1, life_s=1.0)


@pytest.mark.faults
@pytest.mark.parametrize("number", range(20))
def test_hammered_faces_live(number: int, tmp_path: Path, free_port: int) -> None:
    hammered(tmp_path, free_port, lives=4, life_s=2.0)
