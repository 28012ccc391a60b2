"""A station with one rich instrument, both faces, and a client of each kind."""

import os
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from kit.toys import TOYS
from kit.until import wait_until

sys.path.insert(0, str(Path(__file__).parents[1] / "ioc" / "faces"))
sys.path.insert(0, TOYS)

from callers import Caller, Caproto, Cscp, Libca, Tango
from hitline.bus.attribute import Severity
from hitline_rich import Rich
from processes import Process

STATION = """name = "{group}"
prefix = "{group}:"
[instruments.x1]
type = "rich"
[faces.ca]
port = {port}
[faces.tango]
port = 0
"""
TABLE = {a.name: a for a in Rich.ATTRIBUTES}


class Station(NamedTuple):
    file: Path
    processes: dict[str, Process]
    callers: dict[str, Caller]

    def restart(self) -> None:
        self.processes["backend"] = Process("hitline.ioc.backend", str(self.file), "x1")
        self.processes["backend"].ready()


def running(folder: Path) -> Iterator[Station]:
    group = f"T{uuid.uuid4().hex[:10]}"
    file = folder / "station.toml"
    file.write_text(STATION.format(group=group, port=os.environ["EPICS_CA_SERVER_PORT"]))
    processes = {
        "backend": Process("hitline.ioc.backend", str(file), "x1"),
        "ca": Process("hitline.ioc.faces.ca", str(file)),
        "tango": Process("hitline.ioc.faces.tango", str(file)),
    }
    callers: dict[str, Caller] = {}
    try:
        facts = {name: process.ready() for name, process in processes.items()}
        device = f"tango://127.0.0.1:{facts['tango']['tango_port']}/hitline/{group}/x1#dbase=no"
        cscp = callers["cscp"] = Cscp(group, "x1")
        until(lambda: cscp.unit("voltage") == "V", "cscp finds the instrument")
        cscp.start()
        callers["tango"] = Tango(device, TABLE)
        callers["libca"] = Libca(f"{group}:", "X1:", TABLE)
        callers["caproto"] = Caproto(f"{group}:", "X1:", TABLE)
        for name, caller in callers.items():
            until(
                lambda caller=caller: caller.read("place").severity is Severity.OK,
                f"{name} sees the instrument",
            )
        yield Station(file, processes, callers)
    finally:
        for caller in callers.values():
            caller.close()
        for process in reversed(processes.values()):
            process.end()


def until(condition: Callable[[], Any], what: str) -> None:
    """Wait for a condition; what it raises counts as no."""
    wait_until(condition, what=what, but=(Exception,))


def everybody_sees(station: Station, name: str, value: Any) -> None:
    for title, caller in station.callers.items():
        until(lambda caller=caller: caller.read(name).value == value, f"{title} sees {name} = {value}")
