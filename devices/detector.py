"""A readout as an ophyd detector: one trigger is one exposure, and what is read belongs to it."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, Literal

from ophyd import Component as Cpt
from ophyd import Device, Kind

from .analysis import RESULTS_S, HitAnalysis, as_readings
from .bell import Bell
from .exposure import expose
from .external import RunLog
from .run import MOVE_S, Run
from .settings import ChoiceSetting, NumberSetting, Request
from .signals import Choice, Count, Flag, Number, Sample, Text
from .status import Status
from .wait import Refusal, never

MEET_S = 10.0
"""The first answer of a station may take this long; libca looks for a server that was restarted so slowly."""
PATIENCE_S = 60.0
"""An exposure may last this much longer than its acquire time: draining, a restarted face."""


class HitDetector(Device):
    """A readout with its run log and the workers that follow it.

    `stage` launches the station's run, the first `trigger` starts it, each `trigger` takes one exposure,
    `unstage` stops and lands. Without a conductor each trigger is a run of its own. A trigger is done when
    the readout has finished the exposure and every worker in `analyses` shows its number; then `read` gives
    exactly that. `conductor` is the station's, or None; `patience_s` how late an exposure may be; `source`
    the name of the readout's run logs, by default that of the device. `on_stop` says what a trigger does
    whose exposure somebody stopped: "fail", or "mark", which keeps it with `exposure_end` "Stopped".
    """

    acquire = Cpt(ChoiceSetting, "Acquire", kind="omitted")
    acquire_time = Cpt(NumberSetting, "AcquireTime", kind="config")
    acquiring = Cpt(Flag, "AcquireBusy", kind="omitted")
    detector_state = Cpt(Choice, "DetectorState_RBV", kind="omitted")
    exposure = Cpt(Count, "Exposure_RBV", kind="normal")
    exposure_end = Cpt(Choice, "ExposureEnd_RBV", kind="normal")
    exposure_ended_by = Cpt(Text, "ExposureEndedBy_RBV", kind="omitted")
    exposure_condition = Cpt(Text, "ExposureCondition_RBV", kind="normal")
    run = Cpt(Text, "RunId_RBV", kind=Kind.normal | Kind.config)
    hits_sent = Cpt(Number, "HitsSent_RBV", kind="omitted")
    hits_logged = Cpt(Count, "HitsLogged_RBV", kind="normal")
    hits_lost = Cpt(Number, "HitsLost_RBV", kind="normal")
    loss_method = Cpt(Text, "LossMethod_RBV", kind="config")
    log_folder = Cpt(Text, "FilePath_RBV", kind="config")
    log_written = Cpt(Number, "LogWritten_RBV", kind="omitted")
    log_durable = Cpt(Number, "LogDurable_RBV", kind="omitted")
    ring_fill = Cpt(Number, "RingFill_RBV", kind="omitted")
    ring_dropped = Cpt(Count, "RingDropped_RBV", kind="omitted")
    condition = Cpt(Text, "Condition_RBV", kind="normal")
    manufacturer = Cpt(Text, "Manufacturer_RBV", kind="config")
    model = Cpt(Text, "Model_RBV", kind="config")
    cmd_stop = Cpt(Request, "Stop", kind="omitted")

    conductor: Run | None = None
    source = ""
    patience_s = PATIENCE_S
    on_stop: Literal["fail", "mark"] = "fail"

    def __init__(
        self, prefix: str = "", *, conductor: Run | None = None, source: str = "", **kwargs: Any
    ) -> None:
        super().__init__(prefix, **kwargs)
        self.conductor = conductor
        self.source = source or self.name
        self.refusal: Callable[[str], Refusal] = never
        self.bell = Bell()
        self.log_asset = RunLog()
        self.taken: dict[str, Sample] | None = None
        self._under_way: Status | None = None
        self._resumed: Status | None = None
        self._was_read = False
        self._joined: set[str] = set()
        self._last_acquire_s = 0.0
        self.run.subscribe(self.bell.ring, run=False)
        for analysis in self.analyses:
            analysis.listen(self.bell)

    @property
    def analyses(self) -> list[HitAnalysis]:
        """The workers that follow this readout."""
        parts = (getattr(self, name) for name in self.component_names)
        return [part for part in parts if isinstance(part, HitAnalysis)]

    @property
    def held(self) -> bool:
        """True when the exposures belong to the run that `stage` launched."""
        return self.conductor is not None and self.conductor.held_by(self.name)

    def stage(self) -> list[Any]:
        """Launch the run and forget the last exposure."""
        self._meet()
        staged = super().stage()
        self._forget()
        try:
            if self.conductor is not None:
                self.conductor.hold(self.name)
        except Exception:
            self.unstage()
            raise
        return staged

    def unstage(self) -> list[Any]:
        """End an exposure that is still under way, stop and land the run, restore what `stage` changed."""
        if self._under_way is not None and not self._under_way.done:
            # The plan has given it up, aborted perhaps: its Status must not fail the clean-up of the plan.
            self._stop(quietly=True)
        try:
            if self.conductor is not None:
                self.conductor.release(self.name)
        finally:
            self._forget()
            self._under_way = None
            unstaged = super().unstage()
        return unstaged

    def trigger(self) -> Status:
        """Take one exposure. Raises RuntimeError while another one is under way."""
        return self._take({analysis.name for analysis in self.analyses})

    def trigger_from(self, analysis: HitAnalysis) -> Status | None:
        """Trigger for one of the workers; the others of the same point join the same exposure."""
        if self._under_way is None or analysis.name in self._joined:
            self._take(set())
        self._joined.add(analysis.name)
        return self._under_way

    def _take(self, joined: set[str]) -> Status:
        if self._under_way is not None and self._resumed is self._under_way:
            # The plan was paused and repeats its trigger: this is the exposure that it means.
            self._resumed, self._joined = None, joined
            return self._under_way
        if self._under_way is not None and not self._under_way.done:
            raise RuntimeError(f"{self.name}: {self._under_way}; wait for its end, or stop it")
        self._forget()
        self._joined = joined
        acquire_s = self._acquire_s()
        timeout_s = MOVE_S + acquire_s + 3 * self.patience_s + RESULTS_S * len(self.analyses)
        self._under_way = Status.of(
            self, f"{self.name}: exposure", timeout_s, lambda status: expose(self, acquire_s, status)
        )
        return self._under_way

    def pause(self) -> None:
        """Let an exposure go on while a plan is paused; the RunEngine will trigger once more to get it."""
        self._resumed = None if self._was_read else self._under_way

    def note_read(self) -> None:
        """Note that the triggered exposure has got into an event."""
        self._was_read = True

    def stop(self, *, success: bool = False) -> None:
        """Send `stop`: an exposure under way ends now and its Status fails. Does not wait."""
        self._stop(quietly=False)

    def _stop(self, quietly: bool) -> None:
        if self._under_way is not None:
            self._under_way.cancel(quietly=quietly)
        self.cmd_stop.put(1, use_complete=False)
        self.bell.ring()

    def read(self) -> dict[str, dict[str, Any]]:
        """Readings of the triggered exposure, workers included; of now when there is none."""
        if self.taken is None:
            return super().read()
        self.note_read()
        reading = as_readings(self.taken)
        for analysis in self.analyses:
            reading.update(analysis.read())
        return reading

    def describe(self) -> dict[str, dict[str, Any]]:
        """Data keys of `read`, and that of the run log, which is an external asset."""
        self.log_asset.renew()
        return super().describe() | self.log_asset.describe(f"{self.name}_log", self.log_folder.source_name)

    def collect_asset_docs(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Documents that lead to the exposure's raw words in the run log."""
        yield from self.log_asset.documents(f"{self.name}_log", self.source)

    def _meet(self) -> None:
        """Tell at once when a station is not up; one that goes away later is waited for."""
        for signal in [self.exposure] if self.conductor is None else [self.conductor.state, self.exposure]:
            if signal.connected or signal.drops:
                continue
            try:
                signal.wait_for_connection(timeout=MEET_S)
            except TimeoutError:
                raise TimeoutError(
                    f"{self.name}: {signal.pvname} does not answer within {MEET_S:g} s; is the station up? "
                    "(hitline up, hitline status)"
                ) from None

    def _acquire_s(self) -> float:
        """Acquire time, the last known one while the server is away; 0 when it is not known."""
        with contextlib.suppress(TimeoutError):
            shown = self.acquire_time.sample(1.0).value
            self._last_acquire_s = shown if shown > 0 else 0.0
        return self._last_acquire_s

    def _forget(self) -> None:
        self.taken = self._resumed = None
        self._was_read = False
        for analysis in self.analyses:
            analysis.taken = None
