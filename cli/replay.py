"""`hitline replay`: a recording as process variables, without a station file of one's own."""

import argparse
import asyncio
import contextlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from hitline.bus.process import raise_descriptor_limit, stop_on_signals
from hitline.bus.station import CaEntry, Station, WorkerEntry, load
from hitline.ioc.drivers.tape import open_tape

from .overwrite import add_force, must_be_new
from .play import Player

HELP = """Play a recording as process variables

Starts a small station (replay, conductor, worker, Channel Access face), plays the whole file through run log,
feed and analysis, prints the sums and PVs to try, and stays up until Ctrl-C. The exit code is 0 if every hit
that was sent was logged and analysed.

examples:
  hitline replay recording.tpx3                    as fast as it goes
  hitline replay recording.tpx3 --speed recorded   as it was
  hitline replay recording.tpx3 --exit --out out   keep the run log in out/, do not stay
  hitline replay runs/20260101-120000-0001         a run of our own once more
"""

PORT = 5064


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "file", type=Path, metavar="FILE", help=".tpx3 file, file of bare words, or folder of a run log"
    )
    parser.add_argument(
        "--speed",
        default="flat",
        metavar="S",
        help="recorded, flat, or a multiple such as 10 (default %(default)s)",
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="keep station file and run log there")
    add_force(parser)
    parser.add_argument("--prefix", default="REPLAY:", help="prefix of the PVs (default %(default)s)")
    parser.add_argument(
        "--ca-port",
        type=int,
        default=int(os.environ.get("EPICS_CA_SERVER_PORT") or PORT),
        metavar="N",
        help="Channel Access port (default %(default)s), 0: a free one",
    )
    parser.add_argument(
        "--window",
        type=float,
        default=WorkerEntry("").window_ns,
        metavar="NS",
        help="longest time between neighbouring hits of a cluster (default %(default)g)",
    )
    parser.add_argument("--name", default=f"replay-{os.getpid()}", help="name of the station")
    parser.add_argument("--exit", action="store_true", help="leave at the end of the file")


def run(args: argparse.Namespace) -> int:
    """Write the station, run it, play the file."""
    open_tape(args.file)  # what cannot be played is told before anything starts
    if args.out:
        must_be_new([args.out / "station.toml"], args.force)
    with folder(args.out) as where:
        (where / "station.toml").write_text(station_text(args))
        raise_descriptor_limit()
        return asyncio.run(play(load(where / "station.toml"), stay=not args.exit))


@contextlib.contextmanager
def folder(out: Path | None) -> Iterator[Path]:
    """Give the folder to keep, or one that is gone at the end."""
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        yield out
        return
    with tempfile.TemporaryDirectory(prefix="hitline-replay-", ignore_cleanup_errors=True) as name:
        yield Path(name)


def station_text(args: argparse.Namespace) -> str:
    """Return the station file of a replay."""
    text = json.dumps  # text and numbers of JSON are TOML
    return f"""\
name = {text(args.name)}
prefix = {text(args.prefix)}

[instruments.det1]
type = "replay"

[instruments.det1.options]
file = {text(str(args.file.absolute()))}
speed = {text(args.speed)}

[workers.ana1]
source = "det1"
window_ns = {float(args.window)}

[conductor]

[faces.ca]
port = {args.ca_port}
"""


async def play(station: Station, *, stay: bool) -> int:
    """Run the station and play its recording; the exit code."""
    stop = asyncio.Event()
    stop_on_signals(stop)
    async with Player(station).running() as player:
        playing = asyncio.create_task(player.play())
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait([playing, stopping], return_when=asyncio.FIRST_COMPLETED)
        if not playing.done():
            print("stopped before the end of the file", flush=True)
            playing.cancel()
            await asyncio.wait([playing])
            return 1
        stopping.cancel()
        sums = playing.result()
        print("\n".join(sums.lines()), flush=True)
        if stay:
            port = player.running_port
            away = f"EPICS_CA_SERVER_PORT={port} " if port != CaEntry().port else ""
            print("the PVs stay until Ctrl-C, for example:")
            for pv in player.examples():
                print(f"  {away}caget {pv}", flush=True)
            await stop.wait()
    return 0 if sums.agree else 1
