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
WAIT_S = 30.0


class Hammer:
    """The clients, in a process of their own, and what they have done so far."""

    def __init__(self, name: str, log: Path) -> None:
        self.log = log
        with log.open("w") as errors:
            self.child = subprocess.Popen(
                [sys.executable, str(HAMMER), name], stdout=subprocess.PIPE, stderr=errors, text=True
            )
        self.said: list[dict[str, int]] = [{}, {}]
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.child.stdout is not None
        for line in self.child.stdout:
            with self._news:
                self.said = json.loads(line)
                self._news.notify()

    def work(self) -> None:
        """Return when each kind of work has been done again."""
        before = self.said[0]
        with self._news:
            done = self._news.wait_for(
                lambda: all(self.said[0].get(kind, 0) > before.get(kind, 0) for kind in WORK), WAIT_S
            )
        assert done, f"not all of {WORK} within {WAIT_S} s: {before}, {self.said}"

    def end(self) -> None:
        self.child.terminate()
        try:
            assert self.child.wait(WAIT_S) == 0, self.log.read_text()[-2000:]
        finally:
            self.child.kill()
            self._reader.join()
            self.child.stdout.close()  # type: ignore[union-attr]


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
