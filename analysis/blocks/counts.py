"""How many hits and clusters: of the run, of the exposure, of each chip."""

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ...bus.attribute import Attribute
from .base import HitBatch
from .counting import Counting, saturated

if TYPE_CHECKING:
    from ..kernels.features import Clusters

CHIPS = 16
HITS, CLUSTERS, TOT, BEGUN_NS, LAST_NS = range(5)
"""Places in the counts of the run and of the exposure."""


class Counts(Counting):
    """Exact counts."""

    SHAPES: ClassVar[dict[str, tuple[int, ...]]] = {"run": (3,), "exposure": (5,), "chips": (CHIPS,)}
    outputs: ClassVar[tuple[Attribute, ...]] = (
        Attribute("hits", "int", "Hits of this run."),
        Attribute("clusters", "int", "Finished clusters of this run."),
        Attribute("tot_sum", "int", "Sum of ToT of this run. In counts of 25 ns."),
        Attribute("exposure_hits", "int", "Hits of the exposure."),
        Attribute("exposure_clusters", "int", "Clusters of the exposure."),
        Attribute("exposure_tot_sum", "int", "Sum of ToT of the exposure. In counts of 25 ns."),
        Attribute(
            "hit_rate",
            "float",
            "Mean hit rate of the exposure so far. From begin to last hit.",
            unit="1/s",
            precision=1,
        ),
        Attribute("chip_hits", "<i4", "Hits of this run by chip number.", shape=(CHIPS,)),
    )

    def exposure_begin(self) -> None:
        """Count the exposure from zero."""
        self.counts["exposure"][:] = 0

    def hits(self, batch: HitBatch) -> None:
        """Count hits."""
        run, exposure = self.counts["run"], self.counts["exposure"]
        more = np.array([len(batch), 0, batch.tot.sum(dtype=np.int64)])
        run += more
        exposure[:3] += more
        exposure[BEGUN_NS:] = batch.begun_ns, batch.last_ns
        self.counts["chips"] += np.bincount(batch.chip, minlength=CHIPS)

    def clusters(self, batch: "Clusters") -> None:
        """Count clusters."""
        self.counts["run"][CLUSTERS] += len(batch)
        self.counts["exposure"][CLUSTERS] += len(batch)

    def results(self) -> dict[str, Any]:
        """Give the counts as exact whole numbers."""
        run, exposure = self.counts["run"].tolist(), self.counts["exposure"].tolist()
        seconds = (exposure[LAST_NS] - exposure[BEGUN_NS]) / 1e9
        return {
            "hits": run[HITS],
            "clusters": run[CLUSTERS],
            "tot_sum": run[TOT],
            "exposure_hits": exposure[HITS],
            "exposure_clusters": exposure[CLUSTERS],
            "exposure_tot_sum": exposure[TOT],
            "hit_rate": exposure[HITS] / seconds if seconds > 0 else 0.0,
            "chip_hits": saturated(self.counts["chips"]),
        }
