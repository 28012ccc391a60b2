"""What every readout shares: exposures, their counts and their table.

A readout adds its source: `expose` runs in a thread of its own, gives words to `self.log` and keeps
`self.tally` until the exposure is over or `halt` is set. Order of news, on which devices rely: at the start
of a run `exposure` 0 before `run`; at the start of an exposure `acquiring` before `exposure`; at its end,
when END is in the log, all counts before `acquiring`.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

from hitline.bus.asker import asker
from hitline.bus.attribute import Attribute, Command, Refused
from hitline.bus.log.block import Condition
from hitline.bus.log.survey import Found
from hitline.bus.states import Role, State

from .detector_table import COMMANDS, DETECTOR
from .ending import DEAD, GOING, NONE, REPEATED, WHOLE, Ending, Shot, judged, show_shot, tell_end
from .logged import Logged, LogOptions
from .runs import new_run_id

__all__ = ["DETECTOR", "Detector", "LogOptions"]

log = logging.getLogger(__name__)

DRAIN_S = 20.0
"""A disk that has not taken the end of an exposure by then has failed."""


class Detector(Logged):
    """A readout: acquires exposures into a run log. Base of the drivers of hit detectors."""

    KINDS: ClassVar[tuple[str, ...]] = ("detector",)
    ATTRIBUTES: ClassVar[tuple[Attribute, ...]] = DETECTOR
    COMMANDS: ClassVar[tuple[Command, ...]] = COMMANDS
    Options: ClassVar[type | None] = LogOptions
    ROLE: ClassVar[Role] = Role.DYNAMIC
    """A run that goes on without one of its readouts is half a run: its death interrupts the others."""
    MANUFACTURER: ClassVar[str] = ""
    MODEL: ClassVar[str] = ""

    def __init__(self, name: str, options: Any = None, *, clock_ns: Callable[[], int] = time.time_ns) -> None:
        super().__init__(name, options, clock_ns=clock_ns)
        self._number = 0
        self._halt = threading.Event()
        self._exposing: asyncio.Future[None] | None = None
        self._work: asyncio.Task[None] | None = None
        self._own_run = False
        self._ending = WHOLE
        """How the exposure that goes on will have ended."""
        self._shot = Shot()

    # What a readout overrides.

    def check_acquire(self) -> None:
        """Raise Refused when no exposure can begin now; nothing has changed yet."""

    def expose(self, halt: threading.Event) -> dict[str, Any]:
        """Take one exposure; in a thread. Returns facts for its END mark, such as `detector_ns`."""
        raise NotImplementedError

    def begin_facts(self) -> dict[str, Any]:
        """Facts for the BEGIN mark: what would be needed to tell later what should have come."""
        return {}

    def failed_facts(self) -> dict[str, Any]:
        """Facts for the END mark of an exposure that failed: what came of it."""
        return {}

    def exposure_limit_s(self) -> float:
        """Time after which an exposure is stopped, s; 0 for none, as where the hardware ends it by itself."""
        return float(self.value("acquire_time"))

    def exposure_counts(self, before: dict[str, int | None]) -> dict[str, int | None]:
        """Counts of the exposure that has just ended, for its END mark; `before`: the run's at its begin."""
        return {
            name: None if value is None else value - (before[name] or 0)
            for name, value in self.tally.counts().items()
        }

    def exposure_flaws(self) -> dict[str, Condition]:
        """What makes the exposure that has just ended less than GOOD, by the reason; in its thread."""
        return {}

    @property
    def acquiring(self) -> bool:
        """True while an exposure is going on."""
        return self._work is not None

    # Transitions.

    async def connect(self) -> None:
        """Offer log and feed."""
        for name, value in (
            ("acquire", "Done"),
            ("acquiring", False),
            ("acquire_time", 0.0),
            ("detector_state", "Disconnected"),
            ("manufacturer", self.MANUFACTURER),
            ("model", self.MODEL),
        ):
            self.publish(name, value)
        show_shot(self, NONE)
        self._source = ThreadPoolExecutor(1, f"{self.name}-source")
        await super().connect()

    def _show_recovered(self, found: Found) -> None:
        """Show what a dead predecessor left: an exposure that was going on ended with it."""
        super()._show_recovered(found)
        if found.exposure:
            show_shot(self, DEAD)

    async def disconnect(self) -> None:
        """Stop what is going on and let go of everything."""
        await super().disconnect()
        self._source.shutdown(wait=False)

    async def initialize(self, config: dict[str, Any]) -> None:
        """Take no configuration; close a run that an error left open."""
        await super().initialize(config)
        self.publish("detector_state", "Idle")

    async def start(self, run_id: str) -> None:
        """Open the log of a run; exposures count from 1 again."""
        await super().start(run_id)
        self._number = 0
        show_shot(self, NONE)

    async def stop(self) -> None:
        """Soft stop: the exposure ends where it is, everything taken is written, the run is closed."""
        self._end(Ending("Stopped", f"{self.cause()[0] or self.name} has stopped the run"))
        await super().stop()

    async def interrupt(self) -> None:
        """Hard stop: as a soft one, but the run says so, and whether somebody asked for it."""
        asked, why = self.cause()
        self.publish("detector_state", "Aborting")
        self._end(Ending("Aborted", asked) if asked else Ending("Interrupted", why))
        await self.close_run(Condition.ABORTED if asked else Condition.INTERRUPTED)
        self.publish("detector_state", "Error" if self.state() is State.ERROR else "Aborted")

    async def end_exposure(self) -> None:
        """Stop the exposure, if any, and wait until it is in the log."""
        self._end(Ending("Interrupted", "its readout is closed"))
        if self._exposing is not None:
            await asyncio.wait({self._exposing})
        # A run of its own is closed by the same task, which cannot wait for itself.
        if self._work is not None and not self._own_run:
            await asyncio.wait({self._work})

    # Exposures.

    async def set_acquire_time(self, value: float) -> float:
        """Longest time of the exposures that begin from now on."""
        self.publish("acquire_time", value)
        return value

    async def set_acquire(self, value: str) -> str:
        """Begin an exposure, in the run that is open or in one of its own; or stop it."""
        if value == "Done":
            await self.do_stop()
            return value
        if self.acquiring:
            raise Refused(
                "busy", f"{self.name}: exposure {self._number} is going on, stop it or wait for its end"
            )
        self.check_acquire()
        launched = False
        own = self.state() is not State.RUN
        if own:
            launched = self.state() is State.INIT
            await self._open_own(launched)
        self._own_run = own
        self._begin(launched)
        return value

    async def do_stop(self) -> None:
        """End the exposure that is going on, at once; the run stays open unless it is its own."""
        self._end(Ending("Stopped", asker()))

    def _end(self, ending: Ending) -> None:
        """End the exposure, if any, before its time; whoever is first is told."""
        if self._ending is WHOLE:
            self._ending = ending
        self._halt.set()

    async def _open_own(self, launch: bool) -> None:
        if launch:
            await self.move("launch")
        try:
            await self.move("start", new_run_id(self.root, self.name, self.clock_ns()))
        except Refused:
            if launch and self.state() is State.ORBIT:
                await self.move("land")
            raise

    def _begin(self, land: bool) -> None:
        self._number += 1
        self._ending = WHOLE
        self._halt.clear()
        self.publish("acquiring", True)
        self.publish("acquire", "Acquire")
        show_shot(self, GOING)
        self.publish("exposure", self._number)
        self.publish("detector_state", "Acquire")
        loop = asyncio.get_running_loop()
        self._exposing = loop.run_in_executor(self._source, self._expose, self._number)
        limit_s = self.exposure_limit_s()
        timer = loop.call_later(limit_s, self._halt.set) if limit_s else None
        self._work = asyncio.create_task(self._carry_out(self._exposing, timer, land))

    def _expose(self, number: int) -> None:
        """In the source's thread: BEGIN, the words, END, all of it in the files when this returns."""
        tally = self.tally
        before, dropped, clean = tally.counts(), self.log.dropped, self.log.marks.condition
        self.log.begin(number, cause="acquire", **self.begin_facts())
        facts: dict[str, Any] = {}
        ending = WHOLE
        try:
            facts = self.expose(self._halt)
            ending = self._ending
        except Exception as error:
            facts = self.failed_facts()
            ending = Ending("Failed", str(error) or type(error).__name__)
            raise
        finally:
            counts = self.exposure_counts(before)
            self._shot = self._judged(ending, counts, self.log.dropped - dropped)
            self.log.end(number, counts, **self._shot.facts(), **facts)
            written = self.log.wait(DRAIN_S)
            if self.log.marks.failed:  # what was in the ring is gone, this END with it
                tally.settle(self.log.marks.hits)
                counts = Detector.exposure_counts(self, before)
                self._shot = self._judged(Ending("Failed", self.log.marks.failure), counts, 0)
                self.log.end(number, counts, **self._shot.facts())
            elif gained := self.log.marks.condition & ~clean:  # known first when END was written
                self._shot.flaws[REPEATED] = gained
        if not written and not self.log.marks.failed:
            raise TimeoutError(f"exposure {number} is not on disk after {DRAIN_S} s: check the disk")

    def _judged(self, ending: Ending, counts: dict[str, int | None], dropped: int) -> Shot:
        flaws = self.exposure_flaws()
        if self.value("degraded"):
            flaws["the run is degraded"] = Condition.DEGRADED
        return judged(ending, flaws, counts, dropped)

    async def _carry_out(
        self, exposing: "asyncio.Future[None]", timer: asyncio.TimerHandle | None, land: bool
    ) -> None:
        """See an exposure, and the run if it is its own, through to the end."""
        failure = ""
        try:
            await asyncio.wait({exposing})
            failure = str(error) if (error := exposing.exception()) else ""
            if timer:
                timer.cancel()
            for reason, condition in self._shot.flaws.items():
                self.blame(condition, reason)
            self.show_counts()
            self.show()
            self.show_log()
            show_shot(self, self._shot)
            if not failure and self._own_run:
                await self._close_own(land)
        finally:
            self._work = self._exposing = None
            self._own_run = False
            self.publish("detector_state", "Error" if failure or self.log.marks.failed else "Idle")
            self.publish("acquire", "Done")
            tell_end(self, self._number, self._shot.ending, failure)
        if failure:
            self.on_failure(f"exposure {self._number}: {failure}")

    async def _close_own(self, land: bool) -> None:
        try:
            if self.state() is State.RUN:
                await self.move("stop")
            if land and self.state() is State.ORBIT:
                await self.move("land")
        except Refused as refusal:
            # Somebody else moves it already: the run is closed on that way.
            log.warning("%s: %s", self.name, refusal)
