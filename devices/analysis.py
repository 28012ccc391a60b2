"""An analysis worker's results, and the wait until they belong to an exposure."""

from collections.abc import Callable
from typing import Any

from ophyd import Component as Cpt
from ophyd import Device, Kind

from .bell import Bell
from .settings import NumberSetting
from .signals import Array, Count, Flag, Number, Sample, Text, Typed
from .status import Status
from .wait import Failed, Seen, Verdict, drive

RESULTS_S = 60.0
"""How long results of an exposure may come after its end; a restarted worker must fit in."""


class HitAnalysis(Device):
    """One worker. As a part of a detector it is read with it, and its counts are the exposure's.

    After a trigger, `read` gives the values that were taken together when the worker showed the exposure,
    until the next trigger or unstage. Images and spectra are read when their `kind` is set to "normal".
    """

    exposure = Cpt(Count, "Exposure_RBV", kind="normal")
    exposure_hits = Cpt(Count, "ExposureHits_RBV", kind="hinted")
    exposure_clusters = Cpt(Count, "ExposureClusters_RBV", kind="hinted")
    exposure_tot_sum = Cpt(Count, "ExposureTotSum_RBV", kind="normal")
    hits = Cpt(Count, "Hits_RBV", kind="normal")
    clusters = Cpt(Count, "Clusters_RBV", kind="normal")
    tot_sum = Cpt(Count, "TotSum_RBV", kind="normal")
    lost = Cpt(Number, "Lost_RBV", kind="normal")
    late_hits = Cpt(Number, "LateHits_RBV", kind="omitted")
    unknown_words = Cpt(Number, "UnknownWords_RBV", kind="omitted")
    blocks = Cpt(Number, "Blocks_RBV", kind="omitted")
    set_aside = Cpt(Number, "SetAside_RBV", kind="omitted")
    hit_rate = Cpt(Number, "HitRate_RBV", kind="omitted")
    analysing = Cpt(Flag, "Analysing_RBV", kind="omitted")
    lag = Cpt(Number, "Lag_RBV", kind="omitted")
    lag_s = Cpt(Number, "LagS_RBV", kind="omitted")
    run = Cpt(Text, "RunId_RBV", kind="omitted")
    window = Cpt(Number, "Window_RBV", kind="config")
    update_rate = Cpt(NumberSetting, "UpdateRate", kind="config")
    chip_hits = Cpt(Array, "ChipHits_RBV", full_shape=(16,), kind="omitted")
    image = Cpt(Array, "image1:ArrayData", full_shape=(512, 512), kind="omitted")
    image_width = Cpt(Number, "image1:ArraySize0_RBV", kind="omitted")
    image_height = Cpt(Number, "image1:ArraySize1_RBV", kind="omitted")
    image_total = Cpt(Count, "Stats1:Total_RBV", kind="omitted")
    image_max = Cpt(Count, "Stats1:MaxValue_RBV", kind="omitted")
    image_max_x = Cpt(Number, "Stats1:MaxX_RBV", kind="omitted")
    image_max_y = Cpt(Number, "Stats1:MaxY_RBV", kind="omitted")
    tot_spectrum = Cpt(Array, "TotSpectrum_RBV", full_shape=(1024,), kind="omitted")
    size_spectrum = Cpt(Array, "SizeSpectrum_RBV", full_shape=(256,), kind="omitted")
    cluster_tot_spectrum = Cpt(Array, "ClusterTotSpectrum_RBV", full_shape=(4096,), kind="omitted")

    def __init__(self, prefix: str = "", **kwargs: Any) -> None:
        super().__init__(prefix, **kwargs)
        self.taken: dict[str, Sample] | None = None

    def listen(self, bell: Bell) -> None:
        """Ring `bell` when an exposure's results are there."""
        self.exposure.subscribe(bell.ring, run=False)

    def results(
        self, run: str, exposure: int, bell: Bell, status: Status, timeout_s: float = RESULTS_S
    ) -> None:
        """Wait for the results of `exposure` of `run`, and keep them for `read`.

        They are read over the network between two looks at the exposure's number; when it has changed, or a
        count is INVALID (its face has just been restarted and does not know it yet), they are read again.
        """

        def look() -> Seen:
            wanted = f"{exposure} (run {run})"
            # The run first: the worker resets the number before it shows a new run.
            of, now = self.run.sample(1.0), self.exposure.sample(1.0)
            seen = (self.exposure.pvname, wanted, f"{now} (run {of.value})")
            if not (now.valid and of.valid):
                return Seen(Verdict.UNSURE, *seen)
            if of.value == run and now.value > exposure:
                raise Failed(f"{seen[0]}: wanted {wanted}, last value {now}: somebody else takes exposures")
            if of.value != run or now.value < exposure:
                return Seen(Verdict.GOING, *seen)
            taken = sample_all(self, last=self.exposure)
            if unknown := next((s for s in counts(self) if not taken[s.name].valid), None):
                return Seen(Verdict.UNSURE, unknown.pvname, "a valid count", str(taken[unknown.name]))
            if taken[self.exposure.name].value != exposure:
                return Seen(Verdict.UNSURE, seen[0], wanted, str(taken[self.exposure.name]))
            return Seen(Verdict.DONE, *seen, taken)

        self.taken = None
        self.taken = drive(look, bell, timeout_s, note=status.note, cancelled=status.cancelled).value

    def read(self) -> dict[str, dict[str, Any]]:
        """Readings of the triggered exposure if there is one, else of now."""
        if self.taken is None:
            return super().read()
        note: Callable[[], None] | None = getattr(self.parent, "note_read", None)
        if note:
            note()
        return as_readings(self.taken)

    def trigger(self) -> Any:
        """Trigger the detector that this worker follows."""
        take: Callable[..., Any] | None = getattr(self.parent, "trigger_from", None)
        return take(self) if take else super().trigger()

    def unstage(self) -> list[Any]:
        """Forget the exposure."""
        self.taken = None
        return super().unstage()


def readable(device: Device) -> list[Typed]:
    """Signals of the device itself, not of its parts, that `read` gives."""
    signals = (getattr(device, name) for name in device.component_names)
    return [signal for signal in signals if isinstance(signal, Typed) and signal.kind & Kind.normal]


def counts(device: Device) -> list[Typed]:
    """Those of them that must be valid in a document."""
    return [signal for signal in readable(device) if isinstance(signal, Count)]


def sample_all(device: Device, last: Typed) -> dict[str, Sample]:
    """Read these signals over the network now, `last` of all."""
    taken = {signal.name: signal.sample(1.0) for signal in readable(device) if signal is not last}
    return {**taken, last.name: last.sample(1.0)}


def as_readings(taken: dict[str, Sample]) -> dict[str, dict[str, Any]]:
    """Give samples as Bluesky readings."""
    return {name: {"value": sample.value, "timestamp": sample.timestamp} for name, sample in taken.items()}
