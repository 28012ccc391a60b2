"""Stations: what stands in their files, and their processes while a block lasts."""

import os
import re
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli_w
from hitline.ioc.pids import living, pid_file

from kit.patience import WAIT_S
from kit.ports import free_ports
from kit.until import wait_until

HITLINE = [sys.executable, "-c", "import sys; from hitline.cli.main import main; sys.exit(main())"]
Table = dict[str, Any]


def entry(kind: str, process: str = "", **options: Any) -> Table:
    """An entry of a station file; without a process, the instrument has one of its own."""
    return {"type": kind, **({"process": process} if process else {}), "options": options}


def axis(controller: str, channel: str = "", **options: Any) -> Table:
    """An axis of a controller in the process `motion`."""
    which = {"controller": controller, **({"channel": channel} if channel else {})}
    return entry("axis", "motion", **which, **options)


def katherine(address: str, *, emulated: Table, process: str, **options: Any) -> tuple[Table, Table]:
    """A Katherine readout in a process of its own, and the emulator that it talks to, on free ports."""
    control, local, data = free_ports(3)
    shared = {"address": address, "control_port": control}
    emulator = entry("katherine_emulator", process, **shared, data_port=0, client_data_port=data, **emulated)
    # On a busy machine an emulator is late, as no readout is.
    options = {"end_timeout_s": WAIT_S, **options}
    return entry("katherine", **shared, local_control_port=local, data_port=data, **options), emulator


@dataclass
class Running:
    """A station that is up."""

    file: Path
    table: Table
    """What is in it."""
    env: dict[str, str]
    """For clients of its Channel Access face."""

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


@contextmanager
def station_up(folder: Path, station: Table) -> Iterator[Running]:
    """Run a station until the block ends; it must end in order.

    Its name is one that nobody else has, its Channel Access face gets a free port, and its clients a
    repeater of their own.
    """
    port, repeater = free_ports(2)
    faces = station.get("faces", {})
    table = {
        "name": f"test{uuid.uuid4().hex[:12]}",
        "prefix": "T:",
        **station,
        "faces": {**faces, "ca": {"port": port, **faces.get("ca", {})}},
    }
    file = folder / "station.toml"
    file.write_text(tomli_w.dumps(table))
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
            yield Running(file, table, env)
        finally:
            up.terminate()
            code = up.wait(WAIT_S)
            reader.join(WAIT_S)
            assert code == 0, f"the station ended with {code}:\n{''.join(told)}"
            assert not living(pid_file(file.parent / "runs"))
