"""Fly raster: rows at a constant speed, hits joined afterwards to where the stage was."""

from typing import Any

from bluesky import plan_stubs as bps
from bluesky import preprocessors as bpp
from bluesky.utils import MsgGenerator

from .exposure import exposure_wrapper
from .restore import restored
from .stepped import recorded, spaced, within_limits

MARGIN_S = 1.0
"""An exposure lasts so much longer than its flight: the stage is told to fly once it has begun."""
BEGIN_S = 20.0
LOOK_S = 0.02


def fly_raster(
    detector: Any,
    stage: Any,
    x: str,
    x_start: float,
    x_stop: float,
    x_num: int,
    y: str,
    y_start: float,
    y_stop: float,
    y_num: int,
    *,
    rate: float = 10.0,
    snake: bool = True,
    run_up: float = 2.0,
    md: dict[str, Any] | None = None,
) -> MsgGenerator[str]:
    """Fly along x in `y_num` rows, one exposure each; `x_num` points in a row, `rate` of them in a second.

    Parameters
    ----------
    detector : HitDetector
        A detector that writes a run log.
    stage : Stage
        The stage, with its run log in the same run.
    x, y : str
        Names of its axes: that which flies, and that which steps from row to row.
    x_start, x_stop : float
        First and last edge of a row.
    x_num : int
        Points in a row: the equal parts between them.
    y_start, y_stop : float
        First and last row.
    y_num : int
        Rows; at least 2.
    rate : float
        Points per second.
    snake : bool
        Every other row backwards, which saves the way back.
    run_up : float
        Seconds that run-up and run-off take at most in sum, which the exposures last longer.
    md : dict, optional
        More metadata of the start document.

    Returns
    -------
    str
        uid of the Bluesky run. `plans.FlyRaster`, subscribed or fed with the documents later, joins the
        hits to the positions and makes the image.

    Raises
    ------
    ValueError
        When an argument makes no sense or a place is outside of the limits, before anything has moved.
    """
    name = "fly_raster"
    if x not in stage.motors or y not in stage.motors or x == y:
        raise ValueError(
            f"{name}: axes {x!r} and {y!r}: take two of {', '.join(stage.motors)} of {stage.name}"
        )
    if x_num < 1 or not rate > 0 or x_start == x_stop:
        raise ValueError(
            f"{name}: {x_num} points from {x_start} to {x_stop} at {rate} per second: nothing to fly"
        )
    rows = spaced(name, y_start, y_stop, y_num)
    slow = stage.motors[y]
    flight_s = x_num / rate + run_up + MARGIN_S
    metadata = {
        "plan_name": name,
        "detectors": [detector.name],
        "motors": [slow.name, stage.motors[x].name],
        "num_points": y_num,
        "plan_args": {"detector": repr(detector), "stage": repr(stage), "rate": rate, "snake": snake},
        "hints": {"dimensions": [([slow.name], "primary")]},
        "fly_raster": {
            "detector": detector.name,
            "stage": stage.name,
            "x": stage.motors[x].name,
            "y": slow.name,
            "y_axis": y,
            "grid": [[x_start, x_stop, x_num], [y_start, y_stop, y_num]],
        },
        **(md or {}),
    }

    @bpp.stage_decorator([detector, stage])
    @bpp.run_decorator(md=metadata)
    def run() -> MsgGenerator[None]:
        yield from bps.mv(stage.fly_axis, x, stage.fly_points, x_num, stage.fly_rate, rate)
        for row, place in enumerate(rows):
            ends = (x_stop, x_start) if snake and row % 2 else (x_start, x_stop)
            yield from bps.checkpoint()
            yield from bps.mv(slow, place, stage.fly_start, ends[0], stage.fly_stop, ends[1])
            yield from bps.kickoff(stage, wait=True)
            yield from bps.trigger(detector, group="exposure")
            yield from begun(detector)
            yield from bps.complete(stage, wait=True)
            yield from bps.wait("exposure")
            yield from recorded([detector, stage])

    def stopped(error: Exception) -> MsgGenerator[None]:
        """Axes do not go on when the plan has ended early."""
        yield from bps.stop(stage)
        for _ in range(int(BEGIN_S / LOOK_S)):
            if not (yield from bps.rd(stage.flying)):
                return
            yield from bps.sleep(LOOK_S)

    def check() -> None:
        within_limits(name, stage.motors[x], [x_start, x_stop])
        within_limits(name, slow, rows)

    settings = [stage.fly_axis, stage.fly_points, stage.fly_rate, stage.fly_start, stage.fly_stop]
    plan = bpp.contingency_wrapper(exposure_wrapper(run(), [detector], flight_s), except_plan=stopped)
    return (yield from restored(plan, settings, check))


def begun(detector: Any) -> MsgGenerator[None]:
    """Wait until an exposure that was triggered goes on."""
    for _ in range(int(BEGIN_S / LOOK_S)):
        if (yield from bps.rd(detector.detector_state)) == "Acquire":
            return
        yield from bps.sleep(LOOK_S)
    raise TimeoutError(f"{detector.name}: the exposure has not begun within {BEGIN_S:g} s")
