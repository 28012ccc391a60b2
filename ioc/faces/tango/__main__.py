"""`python -m hitline.ioc.faces.tango STATION_FILE`: the Tango face as a process."""

import asyncio
import sys
from contextlib import suppress

from hitline.bus.node import Node
from hitline.bus.process import ready, run, stop_on_signals
from hitline.bus.station import load

from .face import Face

CHECK_S = 1.0


async def main(stop: asyncio.Event) -> None:
    """Serve until told to stop."""
    if len(sys.argv) != 2:
        raise ValueError("usage: python -m hitline.ioc.faces.tango STATION_FILE")
    station = load(sys.argv[1], options_of=())
    async with Node(station.name, "face-tango", interface=station.interface) as node:
        face = Face(station, node)
        await face.start()
        stop_on_signals(stop)  # again: Tango's server has put its own handlers in place
        try:
            ready(tango_port=face.port, devices=list(face.devices.values()))
            while not stop.is_set():
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), CHECK_S)
                if not face.serving:
                    raise RuntimeError("Tango's server was ended from outside")
        finally:
            await face.stop()


if __name__ == "__main__":
    sys.exit(run(main))
