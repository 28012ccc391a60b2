"""`hitline demo`: the main job on recorded or synthesised hits, checked from end to end."""

import argparse
import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from hitline.bus.attribute import Refused
from hitline.bus.process import raise_descriptor_limit, stop_on_signals
from hitline.bus.station import Station, load
from hitline.ioc.child import Child, Phase
from hitline.ioc.supervisor import Supervised, supervised

from .demo_folder import USUAL, empty_folder, written
from .demo_station import count_hits, find_recording, station_text, suggestions

HELP = """\
Run a station on recorded and emulated hits and check the sums

Starts a replay, an emulated Katherine readout with its driver, workers, a conductor and the EPICS and Tango
faces; counts and scans the threshold with Bluesky plans; writes run logs, results (HDF5), pictures and
summary.json. The exit code is 0 if hits sent = logged = analysed = seen by a Channel Access client (and by a
Tango client), of both, and the scan finds the emulator's truth.

examples:
  hitline demo                       results in out/demo
  hitline demo --stay                leave the station up, with three things to try
  hitline demo --file quad.tpx3      on a recording of your own
"""

START_S = 180.0
"""The first start compiles the analysis kernels."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="where results go; what an earlier demo wrote there is replaced, and nothing else (default: "
        f"{USUAL}, or the next free name)",
    )
    parser.add_argument(
        "--file",
        type=Path,
        metavar="FILE.tpx3",
        help="recording (default: the one in $HITLINE_DATA, else a synthesised one)",
    )
    parser.add_argument("--exposures", type=int, default=10, metavar="N", help="default %(default)s")
    parser.add_argument("--stay", action="store_true", help="leave the station up until Ctrl-C")


def run(args: argparse.Namespace) -> int:
    """Prepare the folder, run the station, measure, compare."""
    if args.exposures < 1:
        raise ValueError(f"--exposures is {args.exposures}; at least 1 is needed")
    out = empty_folder(args.out).absolute()
    recording = args.file.absolute() if args.file else find_recording(out)
    print(f"recording  {recording}", flush=True)
    hits = count_hits(recording)
    file = out / "station.toml"
    file.write_text(station_text(recording, -(-hits // args.exposures)))
    raise_descriptor_limit()
    return asyncio.run(demo(load(file), out, args.exposures, stay=args.stay))


async def demo(station: Station, out: Path, exposures: int, *, stay: bool) -> int:
    """Run the station, measure in a thread, and give the exit code."""
    stop = asyncio.Event()
    stop_on_signals(stop)
    print(
        "starting   replay, emulated Katherine and stage, workers, conductor, EPICS and Tango faces",
        flush=True,
    )
    async with supervised(station, tell) as running:
        await interruptible(started(running), stop)
        from .measure import Measurement

        children = running.crew.children
        ports = {name: int(children[f"face-{name}"].facts[f"{name}_port"]) for name in ("ca", "tango")}
        measurement = Measurement(station, out, exposures, ports["ca"], ports["tango"])
        try:
            agreed = await interruptible(asyncio.to_thread(measurement.run), stop, measurement.abort)
        finally:
            measurement.close()
            written(out)
        if stay:
            print(suggestions(station, ports["ca"], ports["tango"]), flush=True)
            await stop.wait()
    return 0 if agreed else 1


async def started(running: Supervised) -> None:
    """Wait until all processes are up; raises Refused when one is not to be had."""
    async with asyncio.timeout(START_S):
        await running.crew.settled()
    broken = [child for child in running.crew.children.values() if child.phase is not Phase.UP]
    if broken:
        raise Refused(
            "failed",
            "; ".join(f"{child.spec.name}: {child.reason}, see {child.log.path}" for child in broken),
        )


async def interruptible(
    work: Awaitable[Any], stop: asyncio.Event, abort: Callable[[], None] | None = None
) -> Any:
    """Await `work`; when `stop` is set before its end, `abort` or cancel it and raise KeyboardInterrupt."""
    working, stopping = asyncio.ensure_future(work), asyncio.create_task(stop.wait())
    await asyncio.wait([working, stopping], return_when=asyncio.FIRST_COMPLETED)
    if not working.done():
        (abort or working.cancel)()
        await asyncio.wait([working])
        raise KeyboardInterrupt
    stopping.cancel()
    return working.result()


def tell(child: Child) -> None:
    """Say what goes wrong; all else is as it should be."""
    if child.phase in (Phase.WAITING, Phase.FAILED):
        print(f"{child.spec.name} {child.phase.value}: {child.reason}", flush=True)
