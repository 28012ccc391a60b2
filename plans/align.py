"""Align: scan an axis over an edge or a spot, find the place, and go there."""

from typing import Any

import numpy as np
from bluesky import plan_stubs as bps
from bluesky import preprocessors as bpp
from bluesky.utils import MsgGenerator

from .exposure import check_exposure, exposure_wrapper
from .points import NoFit, measured
from .quantity import Quantity, curves
from .stepped import recorded, spaced, within_limits, worker_of
from .steps import line_edge

WAYS = ("edge", "centre")
STANDS_OUT = 5.0
"""A spot is seen when its counts are so many roots of the background above it."""


def align(
    detector: Any,
    axis: Any,
    start: float,
    stop: float,
    num: int,
    *,
    to: str = "centre",
    exposure: float | None = None,
    worker: str = "",
    md: dict[str, Any] | None = None,
) -> MsgGenerator[float]:
    """Take an exposure at each of `num` places, find an edge or the middle of a spot, and go there.

    Parameters
    ----------
    detector : HitDetector
        A detector with a worker that counts.
    axis : Motor
        The axis, or any other setting.
    start, stop : float
        First and last place, in the unit of the axis.
    num : int
        Number of places, at least 4 for an edge.
    to : str
        "edge": where half of the beam is cut off, by a fit. "centre": the mean place of the counts that stand
        above those at the ends.
    exposure, worker, md
        As of `raster`.

    Returns
    -------
    float
        The place that was found, where the axis stands now.

    Raises
    ------
    ValueError
        When an argument makes no sense, before anything has moved.
    NoFit
        When there is no edge or spot; the axis is where it was before.
    """
    name = "align"
    if to not in WAYS:
        raise ValueError(f"{name}: to={to!r}; must be one of {', '.join(map(repr, WAYS))}")
    places = spaced(name, start, stop, num)
    counts = worker_of(name, detector, worker)
    within_limits(name, axis, places)
    check_exposure(exposure)
    hits = Quantity("hits", counts.exposure_hits.name, model="line_edge" if to == "edge" else "")
    metadata = {
        "plan_name": name,
        "detectors": [detector.name],
        "motors": [axis.name],
        "num_points": num,
        "plan_args": {"detector": repr(detector), "axis": repr(axis), "start": start, "stop": stop, "to": to},
        "hints": {"dimensions": [([axis.name], "primary")]},
        **curves(axis.name, [hits]),
        **(md or {}),
    }
    before = yield from bps.rd(axis)
    found: list[tuple[float, float]] = []

    @bpp.stage_decorator([detector])
    @bpp.run_decorator(md=metadata)
    def run() -> MsgGenerator[None]:
        for place in places:
            yield from bps.checkpoint()
            yield from bps.mv(axis, place)
            yield from bps.trigger(detector, wait=True)
            yield from recorded([detector, axis])
            seen = yield from bps.rd(counts.exposure_hits)
            at = yield from bps.rd(axis)
            found.append((float(at), float(seen)))

    def back(error: Exception) -> MsgGenerator[None]:
        yield from bps.mv(axis, before)

    def whole() -> MsgGenerator[float]:
        yield from exposure_wrapper(run(), [detector], exposure)
        x, y = np.array(found).T
        place = edge(x, y) if to == "edge" else centre(x, y)
        yield from bps.mv(axis, place)
        return place

    return (yield from bpp.contingency_wrapper(whole(), except_plan=back))


def edge(x: Any, y: Any) -> float:
    """Where half of the counts are cut off; raises NoFit."""
    return float(line_edge(measured(x, y))["position"].value)


def centre(x: Any, y: Any) -> float:
    """Mean place of the counts above a straight line between the ends; raises NoFit where none stand out."""
    x, y = (np.asarray(values, float) for values in (x, y))
    light = y - np.interp(x, [x.min(), x.max()], [y[x.argmin()], y[x.argmax()]])
    floor = max(float(min(y[x.argmin()], y[x.argmax()])), 1.0)
    if light.max() < STANDS_OUT * np.sqrt(floor):
        raise NoFit(
            f"align: no spot: {light.max():g} counts above a background of {floor:g} from {x.min():g} to "
            f"{x.max():g}; scan a range with the spot in it, or count longer"
        )
    light = np.where(light > np.sqrt(floor), light, 0.0)
    return float((light * x).sum() / light.sum())
