"""All processes of a station together: started at once, stopped in order, written down in the pid file."""

import asyncio
import logging
import os
import time
from collections.abc import Callable, Iterable
from itertools import groupby

from hitline.bus.attribute import Refused
from hitline.bus.station import Station

from . import pids
from .child import Child, Phase
from .processes import ProcessSpec, processes
from .supervision import Policy

log = logging.getLogger("hitline.supervisor")

STOP_S = 4.5
"""All are gone after this time: what has not ended when asked is killed. A station stops within 5 s."""
STAGE_S = 0.3
"""The next stage is asked to end when the one before has ended, or so much later. Less, and a face still lets
commands through to what is going; more, and the last stage, the readouts, has too little left of `STOP_S`."""


class Crew:
    """The processes of a station; `on_change(child)` hears of every change."""

    def __init__(
        self,
        station: Station,
        on_change: Callable[[Child], None] = lambda child: None,
        *,
        specs: Iterable[ProcessSpec] | None = None,
        policy: Policy | None = None,
    ) -> None:
        self.station = station
        self.on_change = on_change
        self.children = {
            spec.name: Child(spec, station.data, self._changed, policy=policy)
            for spec in (processes(station) if specs is None else specs)
        }
        self._file = pids.pid_file(station.data)
        self._news = asyncio.Event()
        self._started = False

    def claim(self) -> None:
        """Refuse while processes of an earlier start live."""
        if left := pids.living(self._file):
            names = ", ".join(f"{name} ({pid})" for name, pid in left.items())
            raise Refused(
                "state",
                f"{self.station.data} is in use, its station runs already: {names}; "
                f"stop it with: hitline down {self.station.file}",
            )

    def start(self) -> None:
        """Start all; refused while processes of an earlier start live."""
        self.claim()
        self._started = True
        self._write()
        for child in self.children.values():
            child.start()

    async def settled(self) -> None:
        """Wait until each is up or given up."""
        while any(child.phase not in (Phase.UP, Phase.FAILED) for child in self.children.values()):
            self._news.clear()
            await self._news.wait()

    async def stop(self) -> None:
        """Stop all in order, the faces first and the backends last, within `STOP_S`."""
        if not self._started:
            return
        deadline = time.monotonic() + STOP_S
        children = sorted(self.children.values(), key=lambda child: child.spec.stage, reverse=True)
        keepers: set[asyncio.Task[None]] = set()
        for _, stage in groupby(children, key=lambda child: child.spec.stage):
            asked = [child for child in stage if child.keeper]
            for child in asked:
                child.stop()
            now = {child.keeper for child in asked if child.keeper}
            keepers |= now
            if now:
                await asyncio.wait(now, timeout=min(STAGE_S, max(0.0, deadline - time.monotonic())))
        if keepers:
            _, late = await asyncio.wait(keepers, timeout=max(0.0, deadline - time.monotonic()))
            if late:
                for child in children:
                    child.kill()
                await asyncio.wait(late)
        self._file.unlink(missing_ok=True)

    def _changed(self, child: Child) -> None:
        try:
            self._write()
        except OSError as error:  # a full disk stops nobody, and keeps nobody from stopping
            log.error("%s is out of date: %s", self._file, error)
        self._news.set()
        self.on_change(child)

    def _write(self) -> None:
        alive = {name: child.pid for name, child in self.children.items()}
        pids.write(self._file, {pids.SUPERVISOR: os.getpid(), **{n: pid for n, pid in alive.items() if pid}})
