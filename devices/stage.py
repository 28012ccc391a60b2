"""A stage as an ophyd device: its axes are motors, and it is a flyer."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ophyd import Component as Cpt
from ophyd import Device

from .motor import Motor
from .settings import NumberSetting, Request, TextSetting
from .signals import Choice, Count, Flag, Number, Text
from .status import Status
from .wait import Failed, Refusal, never

APPROACH_S = 300.0
"""Longest time of an approach, and what a flight may take beyond its own time."""


def axes(prefixes: Mapping[str, str]) -> dict[str, Any]:
    """Components for the axes of a stage, by their names."""
    return {name: Cpt(Motor, f"{prefix}M", add_prefix=(), kind="hinted") for name, prefix in prefixes.items()}


class Stage(Device):
    """Several axes, as motors named like in the station file, of which one can fly.

    Set `fly_axis`, `fly_start`, `fly_stop`, `fly_points`, `fly_rate`; then `kickoff` goes to the begin of the
    run-up, and `complete` flies. Each is done when the stage says so, and fails with what the stage tells.
    A flight in a run has a number, `exposure`; its readings are in the stage's run log.
    """

    fly_axis = Cpt(TextSetting, "FlyAxis", kind="config")
    fly_start = Cpt(NumberSetting, "FlyStart", kind="config")
    fly_stop = Cpt(NumberSetting, "FlyStop", kind="config")
    fly_points = Cpt(NumberSetting, "FlyPoints", kind="config")
    fly_rate = Cpt(NumberSetting, "FlyRate", kind="config")
    flying = Cpt(Flag, "Flying_RBV", kind="omitted")
    fly_phase = Cpt(Choice, "FlyPhase_RBV", kind="omitted")
    fly_problem = Cpt(Text, "FlyProblem_RBV", kind="omitted")
    pulses = Cpt(Flag, "Pulses_RBV", kind="config")
    exposure = Cpt(Count, "Exposure_RBV", kind="normal")
    readings = Cpt(Count, "Readings_RBV", kind="normal")
    reading_gap = Cpt(Number, "ReadingGap_RBV", kind="normal")
    time_error = Cpt(Number, "TimeError_RBV", kind="normal")
    log_folder = Cpt(Text, "FilePath_RBV", kind="config")
    cmd_approach = Cpt(Request, "Approach", busy="flying", kind="omitted")
    cmd_fly = Cpt(Request, "Fly", busy="flying", kind="omitted")
    cmd_stop = Cpt(Request, "Stop", kind="omitted")

    def __init__(self, prefix: str = "", **kwargs: Any) -> None:
        super().__init__(prefix, **kwargs)
        self.refusal: Callable[[str], Refusal] = never

    @property
    def motors(self) -> dict[str, Motor]:
        """The axes by their names."""
        parts = {name: getattr(self, name) for name in self.component_names}
        return {name: part for name, part in parts.items() if isinstance(part, Motor)}

    def kickoff(self) -> Status:
        """Go to where the run-up begins."""
        return self._action("approach", self.cmd_approach, "Ready", APPROACH_S)

    def complete(self) -> Status:
        """Fly."""
        seconds = float(self.fly_points.get()) / float(self.fly_rate.get())
        return self._action("flight", self.cmd_fly, "Done", seconds + APPROACH_S)

    def describe_collect(self) -> dict[str, Any]:
        """Nothing is collected: the readings are in the run log."""
        return {}

    def collect(self) -> Iterator[dict[str, Any]]:
        """See `describe_collect`."""
        yield from ()

    def stop(self, *, success: bool = False) -> None:
        """Stop all axes; a flight under way fails."""
        self.cmd_stop.put(1, use_complete=False)

    def _action(self, what: str, request: Request, goal: str, timeout_s: float) -> Status:
        def action(status: Status) -> None:
            request.set(1, timeout=timeout_s).wait(timeout_s)
            phase = self.fly_phase.sample(1.0)
            if phase.value != goal:
                raise Failed(
                    f"{self.fly_phase.pvname}: wanted {goal}, last value {phase}: {self.fly_problem.get()}"
                )

        return Status.of(self, f"{self.name}: {what}", timeout_s, action)
