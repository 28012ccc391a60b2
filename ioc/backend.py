"""One backend process: one instrument, or several that share a process, as satellites on the bus.

`python -m hitline.ioc.backend STATION PROCESS` builds them from the station file, lets each initialise
itself, and says that it is ready. It loads the code of its own instruments only.
"""

import argparse
import asyncio
import logging
import sys
from pathlib import Path

from hitline.bus import entry_points
from hitline.bus.attribute import Refused
from hitline.bus.instrument import Instrument
from hitline.bus.node import Node
from hitline.bus.process import ready, run
from hitline.bus.satellite import Satellite
from hitline.bus.states import Role
from hitline.bus.station import Station, load

from .processes import instruments_of

log = logging.getLogger("hitline.backend")


def make(station: Station, name: str) -> Instrument:
    """Build the instrument `name` of a station that was loaded with its options."""
    entry = station.instruments[name]
    instrument: Instrument = entry_points.find(entry_points.INSTRUMENTS, entry.type)(name, entry.options)
    instrument.station = station
    return instrument


async def on_the_bus(node: Node, instruments: list[Instrument], roles: dict[str, str]) -> list[Satellite]:
    """Start satellites for `instruments` and move each to INIT; what cannot be initialised stays in ERROR.

    A broken instrument must not take down those that share its process, so its error is shown where operators
    look: in its state and status.
    """
    satellites = [Satellite(i, role=Role[roles[i.name]] if roles.get(i.name) else None) for i in instruments]
    for satellite in satellites:
        node.add(satellite)
    await asyncio.gather(*(satellite.start() for satellite in satellites))
    for satellite in satellites:
        try:
            await satellite.move("initialize", {})
        except Refused as error:
            log.error("%s is not initialised: %s", satellite.instrument.name, error)
    return satellites


async def stopped(stop: asyncio.Event, satellites: list[Satellite]) -> None:
    """Wait until `stop` is set, or until every satellite was shut down by command."""

    async def all_closed() -> None:
        for satellite in satellites:
            await satellite.closed.wait()

    waits = [asyncio.create_task(stop.wait()), asyncio.create_task(all_closed())]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()
    await asyncio.wait(waits)


async def serve(station: Station, process: str, stop: asyncio.Event) -> None:
    """Run the instruments of `process` until `stop`, or until all of them were shut down by command."""
    instruments = [make(station, name) for name in instruments_of(station, process)]
    for instrument in instruments:
        instrument.neighbours = {other.name: other for other in instruments}
    async with Node(station.name, process, interface=station.interface, arrays=False) as node:
        roles = {name: entry.role for name, entry in station.instruments.items()}
        satellites = await on_the_bus(node, instruments, roles)
        ready(
            instruments=[instrument.name for instrument in instruments],
            feeds={i.name: i.describe_more["feed"] for i in instruments if "feed" in i.describe_more},
        )
        await stopped(stop, satellites)


def main(argv: list[str] | None = None) -> int:
    """Run as a program."""
    parser = argparse.ArgumentParser(prog="python -m hitline.ioc.backend", description=__doc__)
    parser.add_argument("station", type=Path, help="station file")
    parser.add_argument("process", help="name of the process: of its instrument, or what `process` says")
    args = parser.parse_args(argv)

    async def body(stop: asyncio.Event) -> None:
        names = instruments_of(load(args.station, options_of=()), args.process)
        if not names:
            raise Refused("unknown", f"{args.station}: no instrument runs in a process {args.process!r}")
        await serve(load(args.station, options_of=names), args.process, stop)

    return run(body)


if __name__ == "__main__":
    sys.exit(main())
