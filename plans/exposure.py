"""Exposure times of detectors, set for a plan and set back after it."""

import math
from collections.abc import Sequence
from typing import Any

from bluesky.utils import MsgGenerator, root_ancestor

from .restore import moved, restored


def exposure_wrapper(
    plan: MsgGenerator[Any], detectors: Sequence[Any], exposure_s: float | None
) -> MsgGenerator[Any]:
    """Run `plan` with this acquire time on every detector that has one; None leaves them as they are.

    The former times are restored at the end, also when the plan fails or is aborted.
    """
    if exposure_s is None:
        return (yield from plan)
    check_exposure(exposure_s)
    roots = dict.fromkeys(root_ancestor(detector) for detector in detectors)
    signals = [root.acquire_time for root in roots if hasattr(root, "acquire_time")]

    def run() -> MsgGenerator[Any]:
        yield from moved(dict.fromkeys(signals, exposure_s))
        return (yield from plan)

    return (yield from restored(run(), signals))


def keep_stopped(plan: MsgGenerator[Any], detectors: Sequence[Any]) -> MsgGenerator[Any]:
    """Run `plan` and keep the points whose exposure somebody stopped: `<detector>_exposure_end` marks them.

    Without it such a point fails the plan, as one that was interrupted always does.
    """
    roots = [root for root in dict.fromkeys(map(root_ancestor, detectors)) if hasattr(root, "on_stop")]
    before = {root: root.on_stop for root in roots}
    for root in roots:
        root.on_stop = "mark"
    try:
        return (yield from plan)
    finally:
        for root, value in before.items():
            root.on_stop = value


def check_exposure(exposure_s: float | None) -> None:
    """Raise ValueError for what is no exposure time."""
    if exposure_s is not None and not (math.isfinite(exposure_s) and exposure_s > 0):
        raise ValueError(f"exposure is {exposure_s} s; it must be a finite time above 0 s")
