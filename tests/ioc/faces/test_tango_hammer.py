"""A Tango face lives through all that clients and backends do to it at once, from its first instant on."""

import json
import subprocess
import sys
import threading
import uuid
from pathlib import Path

import pytest
from kit.patience import WAIT_S
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


class Hammer:
    """The clients, in a process of their own, and what they have done so far."""

    def __init__(self, name: str, log: Path) -> None:
        self.log = log
        with log.open("w") as errors:
            self.child = subprocess.Popen(
                [sys.executable, "-X", "faulthandler", str(HAMMER), name],
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        self.done: dict[str, int] = {}
        self.refused: dict[str, int] = {}
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.child.stdout is not None
        with self.child.stdout as lines:
            for line in lines:
                with self._news:
                    self.done, self.refused = json.loads(line)
                    self._news.notify()

    def work(self) -> None:
        """Return when each kind of work has been done again."""
        before = self.done
        with self._news:
            worked = self._news.wait_for(
                lambda: all(self.done.get(kind, 0) > before.get(kind, 0) for kind in WORK), WAIT_S
            )
        assert worked, f"{before}, {self.done}, {self.refused}, {self.log.read_text()[-2000:]}"

    def end(self) -> None:
        self.child.terminate()
        late = threading.Timer(WAIT_S, self.child.kill)
        late.start()
        code = self.child.wait()
        late.cancel()
        self._reader.join()
        assert code == 0, self.log.read_text()[-4000:]


def hammered(folder: Path, port: int, lives: int) -> None:
    """One life of a face and the begin of another; backends come and go, with other tables each time."""
    group = f"test{uuid.uuid4().hex[:12]}"
    file = folder / "station.toml"
    file.write_text(STATION.format(group=group, port=port))
    name = f"tango://127.0.0.1:{port}/hitline/{group}/x1#dbase=no"
    processes = [Process("hitline.ioc.faces.tango", str(file))]
    hammer = Hammer(name, folder / "hammer.log")

    def live(number: int) -> None:
        backend = Process("hitline.ioc.backend", str(file), "x1", env=OTHER if number % 2 else {})
        processes.append(backend)
        backend.ready()
        try:
            hammer.work()
        finally:
            face = processes[0]
            assert face.child.poll() is None, f"ended by {face.child.poll()}:\n{''.join(face.log)}"
        backend.kill() if number % 4 < 2 else backend.end()

    try:
        for number in range(lives):
            live(number)
        processes[0].kill()
        processes[0] = Process("hitline.ioc.faces.tango", str(file))
        live(lives)
    finally:
        ends = [process.end() for process in processes]
        hammer.end()
    assert ends[0] == 0, "the face ends as asked"


def test_a_hammered_face_lives(tmp_path: Path, free_port: int) -> None:
    hammered(tmp_path, free_port, lives=1)


@pytest.mark.faults
@pytest.mark.parametrize("number", range(20))
def test_hammered_faces_live(number: int, tmp_path: Path, free_port: int) -> None:
    hammered(tmp_path, free_port, lives=4)
