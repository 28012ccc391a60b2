"""An analysis worker: follows the hits of one source and shows what it finds as an instrument on the bus.

`python -m hitline.analysis.worker STATION NAME` loads its kernels, goes on the bus, initialises itself and
says that it is ready. It takes part in no transition: it follows the log of its source, whatever the states
of others. Results appear at most `update_rate` times a second, and at once at the end of an exposure, with
the exposure's number last.
"""

import argparse
import asyncio
import logging
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from ..bus.attribute import Attribute, Refused, Severity
from ..bus.constellation.chirp import Service
from ..bus.instrument import Instrument
from ..bus.log.feed import FeedClient
from ..bus.node import Node
from ..bus.process import ready, run
from ..bus.proxy import Proxy
from ..bus.satellite import Satellite
from ..bus.states import Role
from ..bus.station import Station, WorkerEntry, load
from .attributes import ATTRIBUTES
from .blocks.base import make, outputs

if TYPE_CHECKING:
    from .follower import Snapshot

log = logging.getLogger("hitline.worker")

KERNELS = ("words", "radix", "link", "features", "histogram")
STATES = ".state"
"""Folder of the workers' saved states, beside the runs."""


def load_kernels() -> None:
    """Compile the kernels, or load them from numba's cache; 3 s and 0.5 s."""
    for name in KERNELS:
        start = time.monotonic()
        import_module(f"{__package__}.kernels.{name}")
        log.info("kernel %s is ready after %.1f s", name, time.monotonic() - start)


class Worker(Instrument):
    """Follows `entry.source`, which `source` sees on the bus."""

    TYPE = "Worker"
    KINDS = ("analysis",)
    ATTRIBUTES: ClassVar[tuple[Attribute, ...]] = ATTRIBUTES
    ROLE = Role.NONE

    def __init__(self, name: str, entry: WorkerEntry, source: Proxy, data: Path) -> None:
        """`data`: folder of the runs; the kernels must be loaded."""
        self.entry = entry
        super().__init__(name, entry)
        self._source, self._path = source, data / STATES / f"{name}.state"
        self._update_hz = entry.update_hz
        self._ticker: asyncio.Task[None] | None = None

    def attributes(self) -> tuple[Attribute, ...]:
        """Give the table of every worker and the outputs of its blocks."""
        return (*self.ATTRIBUTES, *outputs(self.entry.blocks))

    async def connect(self) -> None:
        """Take up the saved state and begin to follow the source."""
        from .follower import Follower
        from .pipeline import Pipeline

        entry, loop = self.entry, asyncio.get_running_loop()

        def tell(snapshot: "Snapshot") -> None:
            loop.call_soon_threadsafe(self._show, snapshot)

        def pipeline() -> Pipeline:
            return Pipeline(make(entry.blocks, entry.options), window_ns=entry.window_ns)

        configuration = repr((entry.source, entry.blocks, entry.window_ns, entry.options))
        client = FeedClient(self._address, entry.source)
        self._follower = Follower(client, pipeline, self._path, configuration, tell)
        self._follower.start()
        self.publish("update_rate", self._update_hz)
        self.publish("window", self._follower.used_window_ns)
        self._ticker = asyncio.create_task(self._tick(), name=f"worker {self.name}")

    async def disconnect(self) -> None:
        """Stop following; the state is saved."""
        if self._ticker is not None:
            self._ticker.cancel()
            await asyncio.gather(self._ticker, return_exceptions=True)
            self._ticker = None
            self._follower.stop()

    async def set_update_rate(self, value: float) -> float:
        """Take another rate of updates."""
        self._update_hz = value
        self.publish("update_rate", value)
        return value

    async def set_window(self, value: float) -> float:
        """Take another cluster window, from the next exposure on."""
        self._follower.window_ns = value
        self.publish("window", value)
        return value

    def _address(self) -> str | None:
        """Where the feed of the source is; called in the follower's thread."""
        peer, port = self._source.peer, self._source.description.get("feed")
        if peer is None or not isinstance(port, int) or Service.CONTROL not in peer.services:
            return None
        return f"tcp://{peer.services[Service.CONTROL][0]}:{port}"

    async def _tick(self) -> None:
        while True:
            self._follower.ask()
            if self._source.connected:
                self._renew("lag", self._follower.client.lag)
            else:
                self.invalidate(f"{self.entry.source} is not on the bus", "lag")
            await asyncio.sleep(1 / self._update_hz)

    def _show(self, now: "Snapshot") -> None:
        """Publish what was found, the exposure's number last."""
        if self.value("run") != now.run:
            # Whoever waits for exposure 1 of the new run must not find that of the old one.
            self._renew("exposure", 0)
            self._renew("run", now.run)
        for name, value in now.results.items():
            self._renew(name, value, always=now.ended)
        if now.lost is None:
            self._renew("lost", self.value("lost"), Severity.INVALID, "the readout does not count losses")
        else:
            self._renew("lost", now.lost)
        for name in ("analysing", "late_hits", "unknown_words", "blocks"):
            self._renew(name, getattr(now, name))
        tainted = "run is tainted: blocks that failed three times are left out" if now.set_aside else ""
        self._renew("set_aside", now.set_aside, Severity.MAJOR if tainted else Severity.OK, tainted)
        self._renew("lag_s", now.age_s)
        self._renew("exposure", now.exposure, always=now.ended)

    def _renew(
        self,
        name: str,
        value: Any,
        severity: Severity = Severity.OK,
        status: str = "",
        *,
        always: bool = False,
    ) -> None:
        """Publish unless it is shown already; arrays always, they are told only when there is news."""
        last = self.board.updates.get(name)
        array = self.board.attributes[name].array
        if always or array or last is None or (last.value, last.severity) != (value, severity):
            self.publish(name, value, severity, status)


async def serve(station: Station, name: str, stop: asyncio.Event) -> None:
    """Run the worker `name` of a station until `stop`, or until it was shut down by command."""
    entry = station.workers[name]
    await asyncio.to_thread(load_kernels)
    async with Node(station.name, name, interface=station.interface, arrays=False) as node:
        satellite = Satellite(Worker(name, entry, node.proxy(entry.source), station.data))
        node.add(satellite)
        await satellite.start()
        await satellite.move("initialize", {})
        ready(worker=name, source=entry.source)
        ends = [asyncio.create_task(event.wait()) for event in (stop, satellite.closed)]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        for end in ends:
            end.cancel()
        await asyncio.gather(*ends, return_exceptions=True)


def main(argv: list[str] | None = None) -> int:
    """Run as a program."""
    parser = argparse.ArgumentParser(prog="python -m hitline.analysis.worker", description=__doc__)
    parser.add_argument("station", type=Path, help="station file")
    parser.add_argument("name", help="name of the worker in it")
    args = parser.parse_args(argv)

    async def body(stop: asyncio.Event) -> None:
        station = load(args.station, options_of=(args.name,))
        if args.name not in station.workers:
            known = ", ".join(station.workers) or "none"
            raise Refused("unknown", f"{args.station}: no worker {args.name!r}, known are {known}")
        await serve(station, args.name, stop)

    return run(body)


if __name__ == "__main__":
    sys.exit(main())
