"""A detector of plain Python with the parts that scans use: no process variables, counts by a formula."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np


class Done:
    """A Status that is done."""

    done = success = True

    def add_callback(self, callback: Callable[[Any], None]) -> None:
        callback(self)

    def exception(self, timeout: float | None = None) -> None:
        return None


class Setting:
    """A signal that can be set; `moves` notes every set."""

    parent = None

    def __init__(self, name: str, value: Any, limits: tuple[float, float] = (0, 0), units: str = "") -> None:
        self.name, self.value, self.limits, self.units = name, value, limits, units
        self.moves: list[Any] = []
        self.hints: dict[str, Any] = {}
        self.on_set: Callable[[Any], None] = lambda value: None

    def set(self, value: Any, **kwargs: Any) -> Done:
        self.value = value
        self.moves.append(value)
        self.on_set(value)
        return Done()

    def read(self) -> dict[str, Any]:
        return {self.name: {"value": self.value, "timestamp": 1.0}}

    def describe(self) -> dict[str, Any]:
        dtype = "string" if isinstance(self.value, str) else "number"
        return {self.name: {"source": "sham", "dtype": dtype, "shape": [], "units": self.units}}

    def read_configuration(self) -> dict[str, Any]:
        return {}

    describe_configuration = read_configuration


class Worker:
    def __init__(self, name: str, attr_name: str) -> None:
        self.name, self.attr_name = name, attr_name
        for part in ("exposure_hits", "exposure_clusters", "exposure_tot_sum"):
            setattr(self, part, Setting(f"{name}_{part}", 0))


class Sham:
    """`counts(sham)` gives (hits, clusters, ToT sum) of an exposure."""

    parent = None

    def __init__(self, counts: Callable[["Sham"], tuple[float, float, float]]) -> None:
        self.name = "kat"
        self.counts = counts
        self.ana = Worker("kat_ana1", "ana1")
        self.analyses = [self.ana]
        self.acquire_time = Setting("kat_acquire_time", 0.5)
        self.threshold = Setting("kat_threshold", 1300.0, (0, 2911))
        self.voltage_set = Setting("kat_voltage_set", 50.0, (-300, 300), "V")
        self.pulses = Setting("kat_pulses", "Off")
        self.pulse_count = Setting("kat_pulse_count", 100.0)
        self.pixels_pulsed = Setting("kat_pixels_pulsed", 16.0)
        self.monitor = Setting("kat_monitor", "BandGap")
        self.monitor_voltage = Setting("kat_monitor_voltage", 0.0, units="V")
        self.fine = Setting("kat_dac_vtp_fine", 256.0, (0, 511))
        self.monitor.on_set = self._measure
        self.exposures: list[tuple[float, float, float]] = []
        """(threshold, bias, acquire time) of each."""
        self.staged = False
        self.hints: dict[str, Any] = {"fields": [self.ana.exposure_hits.name]}
        self.fail_at: int | None = None

    def dac(self, name: str) -> Setting:
        assert name == "VTP_fine"
        return self.fine

    def _measure(self, dac: str) -> None:
        assert dac in ("VTP_fine", "BandGap")
        self.monitor_voltage.value = 0.1 + 0.0025 * self.fine.value

    def stage(self) -> list[Any]:
        self.staged = True
        return [self]

    def unstage(self) -> list[Any]:
        self.staged = False
        return [self]

    def trigger(self) -> Done:
        assert self.staged, "an exposure outside of a run"
        if self.fail_at == len(self.exposures):
            raise RuntimeError("the readout was restarted")
        self.exposures.append((self.threshold.value, self.voltage_set.value, self.acquire_time.value))
        hits, clusters, tot = self.counts(self)
        for part, value in zip(self._parts(), (hits, clusters, tot), strict=True):
            part.value = value
        return Done()

    def _parts(self) -> Iterator[Setting]:
        return (getattr(self.ana, n) for n in ("exposure_hits", "exposure_clusters", "exposure_tot_sum"))

    def read(self) -> dict[str, Any]:
        return {name: reading for part in self._parts() for name, reading in part.read().items()}

    def describe(self) -> dict[str, Any]:
        return {name: key for part in self._parts() for name, key in part.describe().items()}

    def read_configuration(self) -> dict[str, Any]:
        return {}

    describe_configuration = read_configuration


def pulsed(seed: int = 1) -> Callable[[Sham], tuple[float, float, float]]:
    """Test pulses of 1203.3 steps with 8 steps of noise."""
    from scipy.special import ndtr

    rng = np.random.default_rng(seed)

    def counts(sham: Sham) -> tuple[float, float, float]:
        trials = int(sham.pulse_count.value * sham.pixels_pulsed.value)
        hits = int(rng.binomial(trials, ndtr((1203.3 - sham.threshold.value) / 8)))
        return hits, hits, 10 * hits

    return counts


def depleted(seed: int = 1) -> Callable[[Sham], tuple[float, float, float]]:
    """A sensor that is depleted at 60 V: clusters and charge grow with the depth."""
    rng = np.random.default_rng(seed)

    def counts(sham: Sham) -> tuple[float, float, float]:
        depth = min(1.0, np.sqrt(abs(sham.voltage_set.value) / 60))
        clusters = int(rng.poisson(20_000 * depth))
        return 2 * clusters, clusters, float(rng.normal(80 * depth, 20 / np.sqrt(clusters)) * clusters)

    return counts
