"""The Tango face of a station: one server process without a database, one device per instrument.

Devices are DOMAIN/STATION/INSTRUMENT at tango://HOST:PORT/...#dbase=no. Tango's server runs in a thread and
its calls in threads of its own; the bus runs on the event loop. Nothing that matters is kept here.
"""

import asyncio
import re
import socket
import threading

import tango
import tango.server
from hitline.bus.node import Node
from hitline.bus.station import Station, TangoEntry
from hitline.ioc.faces.table import CONDUCTOR, SUPERVISOR, table

from .bridge import Bridge
from .device import Instrument
from .limits import Limits
from .source import Source

START_S = 20.0
POLL_S = 0.05
"""How often Tango's server looks whether it shall end."""


class Face:
    """Serves the instruments of a station; `start` and `stop` on a running loop. One in a process."""

    def __init__(self, station: Station, node: Node) -> None:
        entry = station.tango or TangoEntry()
        names = [*station.instruments, *station.workers, SUPERVISOR]
        if station.conductor is not None:
            names.append(CONDUCTOR)
        self.port = entry.port or free_port(station.interface)
        self.devices = {name: "/".join(map(part, (entry.domain, station.name, name))) for name in names}
        """Instrument -> name of its device."""
        self._endpoint = f"giop:tcp:{station.interface}:{self.port}"
        self._bridge = Bridge()
        limits = Limits(table(station))
        self._sources = {name: Source(node.proxy(name), limits, self._bridge) for name in names}
        Instrument.SOURCES = {self.devices[name].lower(): source for name, source in self._sources.items()}
        self._end = threading.Event()
        self._up = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="tango server")
        self._failure = ""

    async def start(self) -> None:
        """Serve; raises RuntimeError when the server does not come up."""
        self._thread.start()
        up = await asyncio.to_thread(self._up.wait, START_S)
        if self._failure or not up:
            await self.stop()
            raise RuntimeError(
                f"the Tango server at {self._endpoint} does not start: "
                f"{self._failure or f'not up after {START_S:g} s'}"
            )
        self._bridge.start()
        for source in self._sources.values():
            source.start()

    async def stop(self) -> None:
        """End the server and leave the bus alone."""
        for source in self._sources.values():
            source.stop()
        await asyncio.to_thread(self._bridge.stop)
        self._end.set()  # only now: it takes the devices away
        await asyncio.to_thread(self._thread.join)

    @property
    def serving(self) -> bool:
        """False when somebody has ended Tango's server, as its admin device can."""
        return self._thread.is_alive()

    def _serve(self) -> None:
        try:
            with tango.EnsureOmniThread():
                util = tango.Util.init(
                    [
                        "hitline",
                        "face",
                        "-nodb",
                        "-dlist",
                        ",".join(self.devices.values()),
                        "-ORBendPoint",
                        self._endpoint,
                    ]
                )
                util.set_serial_model(tango.SerialModel.BY_DEVICE)
                tango.server.run(
                    (Instrument,),
                    util=util,
                    msg_stream=None,
                    raises=True,
                    event_loop=lambda: self._end.wait(POLL_S),
                    post_init_callback=self._up.set,
                )
        except Exception as error:
            self._failure = error.args[0].desc if isinstance(error, tango.DevFailed) else str(error)
        finally:
            self._up.set()


def part(text: str) -> str:
    """Make a text fit for a part of a device name."""
    return re.sub(r"[^\w-]", "_", text)


def free_port(interface: str) -> int:
    """Return a TCP port that is free now: omniORB does not tell which one it took."""
    with socket.socket() as probe:
        probe.bind((interface, 0))
        port: int = probe.getsockname()[1]
        return port
