"""The run log and feed of a readout: opened and closed with the run, recovered after a death, shown."""

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from hitline.bus.attribute import Refused, Severity
from hitline.bus.instrument import Instrument
from hitline.bus.log.block import Condition
from hitline.bus.log.feed import FeedServer
from hitline.bus.log.marks import Marks
from hitline.bus.log.recover import recover
from hitline.bus.log.survey import Found
from hitline.bus.log.writer import LogWriter

from .counts import Tally, show_counts

log = logging.getLogger(__name__)

TICK_S = 0.1
"""Counters are shown at most this often, and at once at the end of an exposure."""
MOST_REASONS = 8
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class LogOptions:
    """Options that every readout has."""

    ring_mib: int = field(default=64, metadata={"low": 16, "high": 65536})
    """Memory between the source and the disk; must hold what comes while the disk stalls."""
    preview_mib: int = field(default=0, metadata={"low": 0})
    """Keep only so much of each run on disk; 0 keeps everything."""


class Logged(Instrument):
    """Base of what has a run log. `end_exposure` is called before a run is closed."""

    log: LogWriter
    feed: FeedServer

    def __init__(self, name: str, options: Any = None, *, clock_ns: Callable[[], int] = time.time_ns) -> None:
        super().__init__(name, options, clock_ns=clock_ns)
        self.tally = Tally()
        self.flaws: dict[str, Condition] = {}
        """What makes the run less than GOOD, by the reason."""
        self._loop: asyncio.AbstractEventLoop | None = None

    # What a readout overrides.

    def run_facts(self) -> dict[str, Any]:
        """Facts for the OPEN block: the configuration that the run is taken under."""
        return {}

    def explain(self, found: Found) -> dict[str, Any]:
        """After a death: totals that the source knows of an unfinished run, such as `hits_lost`."""
        return {}

    def show(self) -> None:
        """Publish what only this readout has; called with the counts."""

    def show_counts(self, *, changed: bool = False) -> None:
        """Publish the counts of the run, all of them or only those that changed."""
        show_counts(self, self.tally, changed=changed)

    def totals(self) -> dict[str, Any]:
        """Counts for the CLOSE block."""
        return {**self.tally.counts(), "loss_method": self.tally.method.name}

    async def end_exposure(self) -> None:
        """Stop the exposure, if any, and wait until it is in the log."""

    def blame(self, condition: Condition, reason: str) -> None:
        """Note what makes the open run less than GOOD, and why; from any thread."""
        self.flaws[reason] = self.flaws.get(reason, Condition.GOOD) | condition

    # Life.

    async def connect(self) -> None:
        """End what a dead predecessor left open, then offer log and feed."""
        if self.station is None:
            raise RuntimeError(f"{self.name}: a readout needs a station, for the folder of its run logs")
        self._loop = asyncio.get_running_loop()
        self._disk = ThreadPoolExecutor(1, f"{self.name}-disk")
        self.root = self.station.data
        options: LogOptions = self.options
        found = await self.in_thread(partial(recover, self.root, self.name, explain=self.explain))
        self.feed = FeedServer(self.root, self.name, interface=self.station.interface)
        self.feed.start()
        self.describe_more["feed"] = self.feed.port
        self.log = LogWriter(
            self.root,
            self.name,
            ring_bytes=options.ring_mib * 2**20,
            keep_bytes=options.preview_mib * 2**20,
            on_marks=self._marked,
        )
        for name, value in (
            ("run", ""),
            ("exposure", 0),
            ("log_folder", str(self.root)),
            ("condition", "GOOD"),
        ):
            self.publish(name, value)
        if found:
            self._show_recovered(found[-1])
        self.show_counts()
        self.show_log()
        self._ticker = asyncio.create_task(self._tick())

    async def disconnect(self) -> None:
        """Stop what is going on and let go of everything."""
        self._ticker.cancel()
        await self.close_run(Condition.INTERRUPTED)
        await self.in_thread(self.feed.stop)
        self._disk.shutdown(wait=False)

    async def initialize(self, config: dict[str, Any]) -> None:
        """Take no configuration; close a run that an error left open."""
        await super().initialize(config)
        await self.close_run(Condition.INTERRUPTED)

    async def start(self, run_id: str) -> None:
        """Open the log of a run."""
        try:
            await self.in_thread(partial(self.log.open, run_id, **self.run_facts()))
        except (OSError, ValueError, RuntimeError) as error:
            raise Refused("failed", f"{self.name}: run {run_id} cannot begin: {error}") from error
        self.tally = Tally(method=self.tally.method)
        self.flaws = {}
        self.publish("exposure", 0)
        self.show_counts()
        self.publish("condition", "GOOD")
        self.publish("log_folder", str(self.root / run_id / self.name))
        self.publish("run", run_id)

    async def stop(self) -> None:
        """Soft stop: the exposure ends where it is, everything taken is written, the run is closed."""
        await self.close_run(Condition.GOOD)

    async def close_run(self, condition: Condition) -> None:
        """End the exposure and close the run, if there are any."""
        await self.end_exposure()
        if not self.log.is_open:
            return
        if self.tally.lost != 0:
            condition |= Condition.INCOMPLETE
        if self.value("degraded"):
            condition |= Condition.DEGRADED
        totals = self.totals()
        if self.flaws:
            condition |= self._flawed()
            totals["flaws"] = list(self.flaws)[:MOST_REASONS]
        if self.tally.lost is None:
            totals["lost"] = None
        ended = await self.in_thread(partial(self.log.close, condition, totals))
        self.show_log()
        self._show_condition(ended)

    def _marked(self, marks: Marks) -> None:
        """In the writer's thread."""
        self.feed.notify(marks)
        if marks.failed and not marks.closed and self._loop:
            self._loop.call_soon_threadsafe(self._disk_failed, marks)

    def _disk_failed(self, marks: Marks) -> None:
        self.publish("condition", marks.condition.text, Severity.MAJOR, marks.failure)
        self.on_failure(f"run {marks.run} has ended, {marks.failure}: make room, then initialize")

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            self.show_counts(changed=True)
            self.show()
            self.show_log()

    def show_log(self) -> None:
        """Show the marks of the log, those that changed."""
        marks = self.log.marks
        for name, value in (
            ("log_written", marks.written),
            ("log_durable", marks.durable),
            ("ring_fill", round(100 * self.log.ring_fill, 1)),
            ("ring_dropped", self.log.dropped),
        ):
            if value != self.value(name):
                self.publish(name, value)
        if self.log.is_open and (marks.condition or self.flaws):
            self._show_condition(marks.condition | self._flawed())

    def _flawed(self) -> Condition:
        condition = Condition.GOOD
        for flaw in tuple(self.flaws.values()):
            condition |= flaw
        return condition

    def _show_condition(self, condition: Condition) -> None:
        """Show it with its reasons, if that is news."""
        reasons = [reason for reason in (self.log.marks.failure, *tuple(self.flaws)) if reason]
        more = [f"and {len(reasons) - MOST_REASONS} more"] if len(reasons) > MOST_REASONS else []
        status, last = "; ".join(reasons[:MOST_REASONS] + more), self.board.updates.get("condition")
        if last is None or (last.value, last.status) != (condition.text, status):
            self.publish("condition", condition.text, Severity.MINOR if condition else Severity.OK, status)

    def _show_recovered(self, found: Found) -> None:
        """Show the run that a dead predecessor left, until the next one begins."""
        self.tally = Tally.of(found, self.tally.method, self.explain(found))
        self.publish("exposure", found.exposure or found.exposures)
        self.publish("run", found.run.run)
        self.publish("condition", Condition.INCOMPLETE.text, Severity.MINOR, "the readout died in this run")

    async def in_thread(self, work: Callable[[], T]) -> T:
        """Do work that may wait for the disk."""
        return await asyncio.get_running_loop().run_in_executor(self._disk, work)
