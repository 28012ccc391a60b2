"""Count hits: the plan that a first measurement needs."""

from collections.abc import Sequence
from typing import Any

from bluesky import plan_stubs as bps
from bluesky import preprocessors as bpp
from bluesky.utils import MsgGenerator

from .exposure import exposure_wrapper


def hit_count(
    detectors: Sequence[Any],
    num: int = 1,
    *,
    exposure: float | None = None,
    delay: float = 0.0,
    md: dict[str, Any] | None = None,
) -> MsgGenerator[str]:
    """Take `num` exposures; each event has the counts of its own exposure.

    Parameters
    ----------
    detectors : sequence of devices
        Detectors, or workers of them; a detector is read with all its workers.
    num : int
        Number of exposures, at least 1.
    exposure : float, optional
        Acquire time in seconds of every detector that has one, for this plan only; default: as it is set.
    delay : float
        Seconds between the beginnings of two exposures, at least.
    md : dict, optional
        Metadata of the start document. The run id of the log is in the configuration of the descriptor and in
        each event (`<detector>_run_id`).

    Returns
    -------
    str
        uid of the Bluesky run.

    Raises
    ------
    ValueError
        When an argument makes no sense, before anything has moved.
    """
    detectors = list(detectors)
    if not detectors:
        raise ValueError("hit_count: no detectors; give at least one, such as [devices.det1]")
    if num < 1:
        raise ValueError(f"hit_count: num is {num}; at least 1 exposure is needed")
    if delay < 0:
        raise ValueError(f"hit_count: delay is {delay} s, below 0 s")
    metadata = {
        "plan_name": "hit_count",
        "detectors": [detector.name for detector in detectors],
        "num_points": num,
        "num_intervals": num - 1,
        "plan_args": {
            "detectors": [repr(detector) for detector in detectors],
            "num": num,
            "exposure": exposure,
            "delay": delay,
        },
        "hints": {"dimensions": [(("time",), "primary")]},
        **(md or {}),
    }

    @bpp.stage_decorator(detectors)
    @bpp.run_decorator(md=metadata)
    def count() -> MsgGenerator[None]:
        yield from bps.repeat(lambda: bps.one_shot(detectors), num=num, delay=delay)

    return (yield from exposure_wrapper(count(), detectors, exposure))
