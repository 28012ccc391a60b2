"""A stage: its axes move as ever; a flight moves one of them at a constant speed, with every reading logged.

In a run, each flight is an exposure of the stage's own log: BEGIN with what was asked, VALUES with readings
(monotonic time, how wrong it may be, position), END with their count. Where the controller can, it gives a
pulse at each edge, for the trigger input of the detectors.
"""

import asyncio
from contextlib import suppress
from functools import partial
from typing import Any, ClassVar

from hitline.bus.attribute import Attribute, Command, Refused, Severity
from hitline.bus.states import Role

from ..axis import AxisInstrument
from ..controller import LINK_ERRORS
from ..logged import Logged
from .flight import Flight
from .pilot import Pilot
from .record import Record
from .table import MOST_AXES, STAGE, STAGE_COMMANDS, StageOptions

DRAIN_S = 20.0
"""The readings of a flight must be on disk this long after its end."""
PARTS = ("axis", "start", "stop", "points", "rate")
"""Of a flight, as its attributes are named after `fly_`."""


class Stage(Logged):
    """Several axes of its process."""

    KINDS: ClassVar[tuple[str, ...]] = ("stage",)
    ATTRIBUTES: ClassVar[tuple[Attribute, ...]] = STAGE
    COMMANDS: ClassVar[tuple[Command, ...]] = STAGE_COMMANDS
    Options: ClassVar[type | None] = StageOptions
    ROLE: ClassVar[Role] = Role.TRANSIENT
    """Hits without positions are still hits: a run goes on without it, and says so."""

    async def connect(self) -> None:
        """Find the axes, offer log and feed."""
        self.axes = {name: self._axis(name) for name in self.options.axes}
        self._flight: asyncio.Task[None] | None = None
        self._shown: tuple[tuple[float, ...], bool] | None = None
        for name, value in {
            "axes": ", ".join(self.axes),
            "fly_axis": self.options.axes[0],
            "fly_start": 0.0,
            "fly_stop": 1.0,
            "fly_points": 10,
            "fly_rate": 10.0,
            "fly_phase": "Idle",
            "fly_problem": "",
            "flying": False,
            "readings": 0,
        }.items():
            self.publish(name, value)
        for name in ("reading_rate", "reading_gap", "time_error"):
            self.publish(name, None, Severity.INVALID, "no flight yet")
        self._show_speed()
        await super().connect()
        for axis in self.axes.values():
            axis.listeners.append(self._look)

    async def disconnect(self) -> None:
        """Let go of everything."""
        for axis in self.axes.values():
            if self._look in axis.listeners:
                axis.listeners.remove(self._look)
        await super().disconnect()

    async def interrupt(self) -> None:
        """Come to rest."""
        await self.do_stop()

    async def do_stop(self) -> None:
        """Stop all axes."""
        done = await asyncio.gather(*(a.do_stop() for a in self.axes.values()), return_exceptions=True)
        for failed in done:
            if isinstance(failed, BaseException):
                raise failed

    async def end_exposure(self) -> None:
        """End the flight, if any, and wait until it is in the log."""
        if self._flight is not None:
            with suppress(Refused):
                await self.do_stop()
            await asyncio.wait({self._flight})

    async def set_fly_axis(self, value: str) -> str:
        """Choose the axis that flies."""
        if value not in self.axes:
            raise Refused("unknown", f"{self.name}.fly_axis: {value!r} is none of {', '.join(self.axes)}")
        return self._set("fly_axis", value)

    async def set_fly_start(self, value: float) -> float:
        """First edge."""
        return self._set("fly_start", value)

    async def set_fly_stop(self, value: float) -> float:
        """Last edge."""
        return self._set("fly_stop", value)

    async def set_fly_points(self, value: int) -> int:
        """Equal parts between them."""
        return self._set("fly_points", value)

    async def set_fly_rate(self, value: float) -> float:
        """Parts per second."""
        return self._set("fly_rate", value)

    async def do_approach(self) -> None:
        """Go to where the run-up begins; refused as a flight is."""
        self._start(fly=False)

    async def do_fly(self) -> None:
        """Begin a flight; refused with the reason when it cannot be as asked, and nothing has moved."""
        self._start(fly=True)

    def _start(self, *, fly: bool) -> None:
        if self._flight is not None:
            raise Refused("busy", f"{self.name}: a flight goes on: stop it, or wait for its end")
        try:
            flight = Flight(*(self.value(f"fly_{part}") for part in PARTS))
            pilot = Pilot(flight, self.axes[flight.axis])
        except ValueError as error:
            raise Refused("limit", f"{self.name}: {error}") from None
        self.publish("fly_problem", "")
        self.publish("flying", True)
        self._flight = asyncio.create_task(self._carry_out(pilot, fly=fly))

    # A flight.

    async def _carry_out(self, pilot: Pilot, *, fly: bool) -> None:
        phase, problem, record = "Failed", "a fault of the program, see its log", Record(pilot.axis)
        try:
            self.publish("fly_phase", "Approach")
            await pilot.approach()
            if fly:
                self.publish("fly_phase", "Flight")
                self._begin(pilot, record)
                await pilot.fly()
            phase, problem = "Done" if fly else "Ready", ""
        except (Refused, RuntimeError, *LINK_ERRORS) as error:
            problem = str(error)
        finally:
            await pilot.land()
            lost = await self._end(record, problem)
            if lost and not problem:
                phase, problem = "Failed", lost
            self._flight = None
            self.publish("fly_problem", problem, Severity.MAJOR if problem else Severity.OK, problem)
            self.publish("fly_phase", phase)
            self.ended("flying", problem)
            self._look()

    # The log.

    def _begin(self, pilot: Pilot, record: Record) -> None:
        number = self.value("exposure") + 1 if self.log.is_open else 0
        if number:
            positions = {name: axis.value("position") for name, axis in self.axes.items()}
            self.log.begin(number, cause="fly", positions=positions, **pilot.facts())
            self.publish("exposure", number)
        record.begin(self.log.values if number else None, number)
        pilot.axis.hurry_s = 1.0 / self.options.reading_hz

    async def _end(self, record: Record, problem: str) -> str:
        """Write what was read, and show how well that went; give why it is not on disk."""
        lost = ""
        if not record.begun:
            return lost
        record.end()
        if record.number:
            self.log.end(record.number, {"readings": record.count}, error=problem or None)
            written = await self.in_thread(partial(self.log.wait, DRAIN_S))
            if self.log.marks.failed:
                lost = f"its readings are not on disk: {self.log.marks.failure}"
            elif not written:
                lost = f"its readings are not on disk after {DRAIN_S:g} s: check the disk"
        self.publish("readings", record.count)
        for name, value in record.figures().items():
            self.publish(name, value, *(() if value is not None else (Severity.INVALID, "too few readings")))
        return lost

    def show_counts(self, *, changed: bool = False) -> None:
        """See `Logged`; a stage has none of hits."""

    def totals(self) -> dict[str, Any]:
        """See `Logged`."""
        return {"flights": self.value("exposure")}

    # News.

    def _look(self) -> None:
        axes = self.axes.values()
        if any("position" not in axis.board.updates for axis in axes):
            return  # not connected yet
        places = [axis.value("position") for axis in axes]
        known = all(axis.board.updates["position"].severity is not Severity.INVALID for axis in axes)
        shown = [float("nan") if place is None else place for place in places]
        now = (*shown, *[0.0] * (MOST_AXES - len(shown))), known
        if now != self._shown:
            self._shown = now
            self.publish("positions", now[0], *(() if known else (Severity.INVALID, "an axis is not read")))
        for name, value in (
            ("active", self._flight is not None or any(axis.axis.active for axis in axes)),
            ("pulses", self.axes[self.value("fly_axis")].channel.pulses),
        ):
            if value != self.value(name):
                self.publish(name, value)

    def _set(self, name: str, value: Any) -> Any:
        if self._flight is not None:
            raise Refused("busy", f"{self.name}.{name}: a flight goes on: wait for its end")
        self.publish(name, value)
        self._show_speed()
        return value

    def _show_speed(self) -> None:
        way = abs(self.value("fly_stop") - self.value("fly_start")) / self.value("fly_points")
        self.publish("fly_velocity", way * self.value("fly_rate"))

    def _axis(self, name: str) -> AxisInstrument:
        axis = self.neighbours.get(name)
        if not isinstance(axis, AxisInstrument):
            raise Refused(
                "unknown",
                f"{self.name}: there is no axis {name!r} in its process: give all of them the same "
                "`process` in the station file",
            )
        return axis
