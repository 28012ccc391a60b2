"""Spectra: ToT of hits, size and ToT of clusters."""

from typing import TYPE_CHECKING, ClassVar

from ...bus.attribute import Attribute
from .base import HitBatch
from .counting import Counting

if TYPE_CHECKING:
    from ..kernels.features import Clusters


class Spectra(Counting):
    """Counts per value; the last bin also holds all that is larger."""

    SHAPES: ClassVar[dict[str, tuple[int, ...]]] = {
        "tot_spectrum": (1024,),
        "size_spectrum": (256,),
        "cluster_tot_spectrum": (4096,),
    }
    outputs: ClassVar[tuple[Attribute, ...]] = (
        Attribute("tot_spectrum", "<i4", "Hits by ToT. In counts of 25 ns.", shape=(1024,)),
        Attribute("size_spectrum", "<i4", "Clusters by number of hits.", shape=(256,)),
        Attribute(
            "cluster_tot_spectrum", "<i4", "Clusters by sum of ToT. In counts of 25 ns.", shape=(4096,)
        ),
    )

    def __init__(self) -> None:
        from ..kernels import histogram

        self._kernels = histogram
        super().__init__()

    def hits(self, batch: HitBatch) -> None:
        """Count hits by their ToT."""
        self._kernels.count_values(self.counts["tot_spectrum"], batch.tot)

    def clusters(self, batch: "Clusters") -> None:
        """Count clusters by size and ToT."""
        self._kernels.count_rows(self.counts["size_spectrum"], batch.size)
        self._kernels.count_rows(self.counts["cluster_tot_spectrum"], batch.tot)
