"""A site's own IOC, by the shipped template, notices by itself that our face is gone."""

import os
import queue
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hitline.db import records
from kit.patience import WAIT_S
from kit.ports import free_ports
from kit.until import wait_until

TEMPLATE = Path(records.__file__).with_name("site.template")
SOFT_IOC = """
import sys
from softioc import asyncio_dispatcher, softioc
softioc.dbLoadDatabase(sys.argv[1], substitutions="P=W:,R=DET1:,S=SITE:")
softioc.iocInit(asyncio_dispatcher.AsyncioDispatcher())
print("ready", flush=True)
for line in sys.stdin:
    softioc.dbgf(line.strip())
    sys.stdout.flush()
"""


class SoftIoc:
    """EPICS base itself, asked by its shell."""

    def __init__(self, env: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", SOFT_IOC, str(TEMPLATE)],
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=env,
        )
        self.lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        while "ready" not in self.lines.get(timeout=WAIT_S):
            pass

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.put(line)

    def field(self, name: str) -> str:
        assert self.process.stdin is not None
        self.process.stdin.write(name + "\n")
        self.process.stdin.flush()
        return self.lines.get(timeout=WAIT_S)

    def until(self, name: str, word: str) -> None:
        """Wait for a field to say `word`; records are scanned each second or two."""
        wait_until(
            lambda: word in self.field(name), what=lambda: f"{name} is {self.field(name)!r}, not {word}"
        )

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        self._reader.join()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                pipe.close()


@pytest.mark.timeout(120)
def test_a_dead_face_is_invalid_in_the_sites_ioc(tmp_path: Path, group: str) -> None:
    ours, theirs = free_ports(2)
    station = tmp_path / "station.toml"
    station.write_text(f'name = "{group}"\nprefix = "W:"\n[faces.ca]\nport = {ours}\n')
    face = subprocess.Popen(
        [sys.executable, "-m", "hitline.ioc.faces.ca", str(station)], stdout=subprocess.PIPE, text=True
    )
    soft = None
    try:
        assert face.stdout is not None
        assert "ready" in face.stdout.readline()
        soft = SoftIoc(
            {**os.environ, "EPICS_CA_SERVER_PORT": str(ours), "EPICS_CAS_SERVER_PORT": str(theirs)}
        )
        soft.until("SITE:Alive.SEVR", "NO_ALARM")
        soft.until("SITE:Alive", "1")
        face.kill()
        soft.until("SITE:Alive.SEVR", "INVALID")
        soft.until("SITE:Summary.SEVR", "INVALID")
    finally:
        face.kill()
        face.communicate()
        if soft:
            soft.end()
