"""The process table of a station: who runs where, started by which command line, stopped in which order."""

import sys
from dataclasses import dataclass
from enum import IntEnum

from hitline.bus.station import Station


class Stage(IntEnum):
    """Order of start; stop goes the other way, so that nobody asks for what has already gone."""

    BACKEND = 0
    WORKER = 1
    CONDUCTOR = 2
    FACE = 3


@dataclass(frozen=True)
class ProcessSpec:
    """One process of a station."""

    name: str
    argv: tuple[str, ...]
    """Its command line; it prints `ready {json}` when it does its job and ends in order on SIGTERM."""
    stage: Stage


def processes(station: Station) -> list[ProcessSpec]:
    """Give the processes of a station in order of start."""

    def spec(name: str, stage: Stage, module: str, *arguments: str) -> ProcessSpec:
        return ProcessSpec(name, (sys.executable, "-m", module, str(station.file), *arguments), stage)

    backends = list(dict.fromkeys(entry.process or name for name, entry in station.instruments.items()))
    table = [spec(name, Stage.BACKEND, "hitline.ioc.backend", name) for name in backends]
    table += [spec(name, Stage.WORKER, "hitline.analysis.worker", name) for name in station.workers]
    if station.conductor:
        table.append(spec("run", Stage.CONDUCTOR, "hitline.ioc.conductor"))
    if station.ca:
        table.append(spec("face-ca", Stage.FACE, "hitline.ioc.faces.ca"))
    if station.tango:
        table.append(spec("face-tango", Stage.FACE, "hitline.ioc.faces.tango"))
    return table


def instruments_of(station: Station, process: str) -> list[str]:
    """Give the names of the instruments that the backend `process` runs."""
    return [name for name, entry in station.instruments.items() if (entry.process or name) == process]
