"""A whole station in processes of its own, and Bluesky sessions on it in others: for the tests of plans."""

import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from hitline.bus.formats.tpx3 import Decoder
from hitline.ioc.pids import living, pid_file
from kit.patience import WAIT_S
from kit.until import wait_until

HITLINE = [sys.executable, "-c", "import sys; from hitline.cli.main import main; sys.exit(main())"]
CLIENT = Path(__file__).parent / "client.py"
HITS = 40_000
STATION = """
name = "{name}"
prefix = "T:"
[conductor]
[instruments.det1]
type = "replay"
[instruments.det1.options]
file = "scene.tpx3"
speed = "flat"
slice = "Hits"
[workers.ana1]
source = "det1"
[faces.ca]
port = {port}
[faces.tango]
port = 0
"""


@dataclass
class Running:
    """A station that is up."""

    file: Path
    env: dict[str, str]
    tot: np.ndarray
    """int64[HITS]: ToT of the hits of its recording, in the order of the stream."""

    @property
    def data(self) -> Path:
        return self.file.parent / "runs"

    def pid(self, process: str) -> int:
        return living(pid_file(self.data))[process]

    def restarted(self, process: str, before: int) -> bool:
        """Wait until a process lives under another pid; a plan may have ended before it is back."""
        return wait_until(
            lambda: living(pid_file(self.data)).get(process, before) != before,
            what=f"{process} under another pid than {before}",
        )

    def kill(self, process: str) -> None:
        os.kill(self.pid(process), signal.SIGKILL)


@dataclass
class Session:
    """A client process; `ask` gives its documents until it is done."""

    process: subprocess.Popen[str]
    lines: "queue.Queue[list[Any] | None]" = field(default_factory=queue.Queue)

    def __post_init__(self) -> None:
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.put(json.loads(line))
        self.lines.put(None)

    def next(self, timeout_s: float = 3 * WAIT_S) -> list[Any]:
        line = self.lines.get(timeout=timeout_s)
        assert line is not None, "the client has died"
        return line

    def ask(
        self, do: str, heard: Callable[[str, Any], None] = lambda name, value: None, **more: Any
    ) -> tuple[str, Any]:
        """Send a request; returns ("done" or "failed", its value). `heard` gets documents as they come."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"do": do, **more}) + "\n")
        self.process.stdin.flush()
        while True:
            name, value = self.next()
            if name in ("done", "failed"):
                return name, value
            heard(name, value)


def ask(session: Session, do: str, **arguments: Any) -> Any:
    """The value of a request that must not fail."""
    outcome, value = session.ask(do, **arguments)
    assert outcome == "done", value
    return value


@contextmanager
def station_up(folder: Path, ports: list[int], text: str = STATION) -> Iterator[Running]:
    """Run a station until the block ends; it must end in order."""
    port, repeater = ports
    subprocess.run(
        [*HITLINE, "scene", str(folder / "scene.tpx3"), "--hits", str(HITS), "--rate", "1e5"],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    decoder = Decoder()
    batches = [decoder.feed((folder / "scene.tpx3").read_bytes()), decoder.flush()]
    tot = np.concatenate([batch.hits.tot for batch in batches]).astype(np.int64)
    assert len(tot) == HITS
    file = folder / "station.toml"
    file.write_text(text.format(name=f"test{uuid.uuid4().hex[:12]}", port=port))
    env = {**os.environ, "EPICS_CA_SERVER_PORT": str(port), "EPICS_CA_REPEATER_PORT": str(repeater)}
    with subprocess.Popen([*HITLINE, "up", str(file)], stdout=subprocess.PIPE, text=True, env=env) as up:
        told: list[str] = []
        settled = threading.Event()

        def read() -> None:
            for line in up.stdout or ():
                told.append(line)
                if "processes up" in line:
                    settled.set()
            settled.set()

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        try:
            settled.wait(3 * WAIT_S)
            assert re.search(r"(\d+) of \1 processes up", "".join(told)), "".join(told)
            yield Running(file, env, tot)
        finally:
            up.terminate()
            code = up.wait(WAIT_S)
            reader.join(WAIT_S)
            assert code == 0, f"the station ended with {code}:\n{''.join(told)}"
            assert not living(pid_file(file.parent / "runs"))


@contextmanager
def session_on(station: Running, layer: str, client: Path = CLIENT) -> Iterator[Session]:
    """A Bluesky session over a control layer."""
    with subprocess.Popen(
        [sys.executable, str(client), str(station.file), layer],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=station.env,
    ) as process:
        session = Session(process)
        try:
            assert session.next()[0] == "ready"
            yield session
        finally:
            process.terminate()
            process.wait(WAIT_S)
            session._reader.join(WAIT_S)
