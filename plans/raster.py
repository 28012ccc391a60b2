"""Raster: an exposure at each point of a grid of two axes."""

from typing import Any

from bluesky import plan_stubs as bps
from bluesky import preprocessors as bpp
from bluesky.utils import MsgGenerator

from .exposure import check_exposure, exposure_wrapper
from .stepped import recorded, spaced, within_limits, worker_of


def raster(
    detector: Any,
    x: Any,
    x_start: float,
    x_stop: float,
    x_num: int,
    y: Any,
    y_start: float,
    y_stop: float,
    y_num: int,
    *,
    exposure: float | None = None,
    snake: bool = True,
    worker: str = "",
    md: dict[str, Any] | None = None,
) -> MsgGenerator[str]:
    """Take one exposure at each of `x_num` by `y_num` points, row by row; each row at one place of y.

    Parameters
    ----------
    detector : HitDetector
        A detector with a worker that counts.
    x, y : Motor
        The axes, or any other settings.
    x_start, x_stop, y_start, y_stop : float
        First and last place, in the units of the axes.
    x_num, y_num : int
        Points in a row, and rows; at least 2.
    exposure : float, optional
        Acquire time of a point in seconds, for this plan only.
    snake : bool
        Every other row backwards, which saves the way back.
    worker : str
        The worker whose counts are taken; default: the first of the detector.
    md : dict, optional
        More metadata of the start document.

    Returns
    -------
    str
        uid of the Bluesky run. `plans.Raster`, subscribed or fed with the documents later, makes the image.

    Raises
    ------
    ValueError
        When an argument makes no sense or a place is outside of the limits, before anything has moved.
    """
    name = "raster"
    if x is y:
        raise ValueError(f"{name}: x and y are both {x.name}; two different axes are needed")
    xs, ys = spaced(name, x_start, x_stop, x_num), spaced(name, y_start, y_stop, y_num)
    counts = worker_of(name, detector, worker)
    grid = [[x_start, x_stop, x_num], [y_start, y_stop, y_num]]
    metadata = {
        "plan_name": name,
        "detectors": [detector.name],
        "motors": [y.name, x.name],
        "num_points": x_num * y_num,
        "shape": [y_num, x_num],
        "extents": [[y_start, y_stop], [x_start, x_stop]],
        "snaking": [False, snake],
        "plan_args": {
            "detector": repr(detector),
            "x": repr(x),
            "y": repr(y),
            "grid": grid,
            "exposure": exposure,
        },
        "hints": {"gridding": "rectilinear", "dimensions": [([y.name], "primary"), ([x.name], "primary")]},
        "raster": {"x": x.name, "y": y.name, "counts": counts.exposure_hits.name, "grid": grid},
        **(md or {}),
    }

    @bpp.stage_decorator([detector])
    @bpp.run_decorator(md=metadata)
    def run() -> MsgGenerator[None]:
        for row, to_y in enumerate(ys):
            for to_x in reversed(xs) if snake and row % 2 else xs:
                yield from bps.checkpoint()
                yield from bps.mv(x, to_x, y, to_y)
                yield from bps.trigger(detector, wait=True)
                yield from recorded([detector, x, y])

    def stopped() -> MsgGenerator[None]:
        """Axes do not go on when the plan has ended early."""
        for axis in (x, y):
            if hasattr(axis, "stop"):
                yield from bps.stop(axis)

    check_exposure(exposure)
    within_limits(name, x, xs)
    within_limits(name, y, ys)
    plan = bpp.contingency_wrapper(
        exposure_wrapper(run(), [detector], exposure), except_plan=lambda error: stopped()
    )
    return (yield from plan)
