"""What a scan measures at each point, as it stands in its start document."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from .points import NoFit, Points, counted, measured, tried

CURVES = "hitline_curves"
"""Key of the start document: {"x": data key, "y": a list of Quantity as tables}."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """A column of a scan, or the ratio of two, and the curve that it should follow."""

    name: str
    """For people: hits, mean ToT of a cluster."""
    field: str
    """Data key."""
    per: str = ""
    """Data key of the number that `field` is the sum of: the quantity is then the mean."""
    model: str = ""
    """Name of the curve in `models`, or empty: only drawn."""
    counts: bool = True
    """Whether it has the statistics of counts."""
    trials: float = 0.0
    """The most that can be counted at a point, when that is known (pulses x pixels)."""

    def points(
        self,
        x: Sequence[float],
        columns: Mapping[str, Sequence[float]],
        *,
        x_unit: str = "",
        y_unit: str = "",
    ) -> Points:
        """Make points of the columns of a scan; raises NoFit when they cannot be."""
        values = np.asarray(columns[self.field], np.float64)
        at = np.asarray(x, np.float64)
        if self.per:
            number = np.asarray(columns[self.per], np.float64)
            used = number > 0
            if not np.any(used):
                raise NoFit(f"{self.name}: nothing was counted at any point")
            mean = values[used] / number[used]
            error = 1 / np.sqrt(number[used])
            return measured(at[used], mean, error, absolute=False, x_unit=x_unit, y_unit=y_unit)
        if self.trials:
            return tried(at, values, self.trials, x_unit=x_unit, y_unit=y_unit)
        make = counted if self.counts else measured
        return make(at, values, x_unit=x_unit, y_unit=y_unit)


def curves(x: str, quantities: Sequence[Quantity]) -> dict[str, Any]:
    """Metadata of a start document that says what its curves are."""
    return {CURVES: {"x": x, "y": [asdict(quantity) for quantity in quantities]}}


def declared(start: Mapping[str, Any]) -> tuple[str, tuple[Quantity, ...]]:
    """Read that metadata; ("", ()) where there is none."""
    found = start.get(CURVES) or {"x": "", "y": ()}
    return found["x"], tuple(Quantity(**table) for table in found["y"])
