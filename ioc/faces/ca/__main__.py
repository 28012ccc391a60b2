"""`python -m hitline.ioc.faces.ca STATION_FILE`: the Channel Access face as a process."""

import asyncio
import sys

from hitline.bus.node import Node
from hitline.bus.process import ready, run
from hitline.bus.station import load

from . import quiet
from .face import Face


async def main(stop: asyncio.Event) -> None:
    """Serve until told to stop."""
    if len(sys.argv) != 2:
        raise ValueError("usage: python -m hitline.ioc.faces.ca STATION_FILE")
    station = load(sys.argv[1], options_of=())
    quiet.install()
    async with Node(station.name, "face-ca", interface=station.interface) as node:
        face = Face(station, node)
        await face.start()
        try:
            ready(ca_port=face.server.port)
            await stop.wait()
        finally:
            await face.stop()


if __name__ == "__main__":
    sys.exit(run(main))
