"""`hitline up`: start a station and keep it running."""

import argparse
import asyncio
import os
import sys
from pathlib import Path

from hitline.bus.process import raise_descriptor_limit, stop_on_signals
from hitline.bus.station import Station, load
from hitline.ioc.child import Phase
from hitline.ioc.faces.table import table
from hitline.ioc.supervisor import supervised
from hitline.ioc.trace import FOLDER

from .station import add_station, station_file
from .tables import problems
from .view import view

HELP = """Start a station and keep it running until Ctrl-C

The station file and the PV databases are checked first, and nothing is started if they are wrong. What dies
is started again; Ctrl-C or SIGTERM stops all in order. Log files are in the folder .log beside the run logs;
what a crashed process said last, and where each of its threads was, in the folder .crash.

examples:
  hitline up station.toml            start it
  hitline up station.toml --check    only check the file and its PVs
  hitline up station.toml --trace t  write down in folder t what drivers send and receive
  nohup hitline up station.toml &    without a terminal; stop it with: hitline down station.toml
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_station(parser)
    parser.add_argument("--check", action="store_true", help="check file and PVs, start nothing")
    parser.add_argument(
        "--trace",
        type=Path,
        metavar="DIR",
        help="every driver that can writes a trace there; see hitline trace",
    )


def run(args: argparse.Namespace) -> int:
    """Check, then run until told to stop."""
    station = load(station_file(args))
    made = table(station)
    if found := problems(station, made):
        for problem in found:
            print(problem, file=sys.stderr)
        raise ValueError(f"{len(found)} mistakes in the PVs of {station.file}; nothing was started")
    if args.check:
        print(
            f"{station.file} is right: {len(station.instruments)} instruments, "
            f"{len(station.workers)} workers, {len(made.records)} records"
        )
        return 0
    if args.trace:
        os.environ[FOLDER] = str(args.trace.absolute())
    raise_descriptor_limit()
    return asyncio.run(up(station))


async def up(station: Station) -> int:
    """Run `station` until a signal comes; 1 if at the end some process was given up."""
    stop = asyncio.Event()
    stop_on_signals(stop)
    with view(station) as show:
        async with supervised(station, show.changed) as running:
            settling = asyncio.create_task(running.crew.settled())
            stopping = asyncio.create_task(stop.wait())
            await asyncio.wait([settling, stopping], return_when=asyncio.FIRST_COMPLETED)
            if settling.done() and not stop.is_set():
                show.settled(running.crew.children.values())
            settling.cancel()
            await stopping
            failed = any(child.phase is Phase.FAILED for child in running.crew.children.values())
            show.say("stopping")
    return int(failed)
