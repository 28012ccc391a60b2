"""`hitline down`: stop a station that runs elsewhere, or what a killed `hitline up` left running."""

import argparse
import os
import signal
import threading
import time

from hitline.bus.attribute import Refused
from hitline.ioc import pids
from hitline.ioc.crew import STOP_S
from hitline.ioc.processes import processes

from .station import add_station, station_of

HELP = """Stop a station that was started elsewhere

Asks its supervisor to stop all in order; where that was killed, asks the processes it left behind. What has
not ended after a few seconds is killed. Works on the machine that runs the station.

example:
  hitline down station.toml
"""

WAIT_S = STOP_S + 2.0
"""A supervisor kills by itself what does not end; only if this fails we do."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_station(parser)


def run(args: argparse.Namespace) -> int:
    """Stop it and wait for the end."""
    station = station_of(args)
    file = pids.pid_file(station.data)
    alive = pids.living(file)
    if not alive:
        raise Refused("state", f"station {station.name!r} does not run here (no living process in {file})")
    if pids.SUPERVISOR in alive:
        stages = [{pids.SUPERVISOR: alive[pids.SUPERVISOR]}]
    else:
        order = sorted(processes(station), key=lambda spec: spec.stage, reverse=True)
        known = [{spec.name: alive[spec.name]} for spec in order if spec.name in alive]
        stages = [*known, {name: pid for name, pid in alive.items() if not any(name in one for one in known)}]
    for stage in stages:
        _end(stage, signal.SIGTERM)
    _end(pids.living(file), getattr(signal, "SIGKILL", signal.SIGTERM))
    file.unlink(missing_ok=True)
    print(f"stopped: {', '.join(f'{name} ({pid})' for name, pid in alive.items())}")
    return 0


def _end(targets: dict[str, int], number: int) -> None:
    """Signal processes and wait until they have ended, at most `WAIT_S`."""
    for pid in targets.values():
        os.kill(pid, number)
    deadline, pause = time.monotonic() + WAIT_S, threading.Event()
    while any(map(pids.alive, targets.values())) and time.monotonic() < deadline:
        pause.wait(0.05)  # they are not our children, so nothing tells us of their end
