"""A setting of an instrument in steps: one run, one event for each step, the setting restored at the end."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from bluesky import plan_stubs as bps
from bluesky import preprocessors as bpp
from bluesky.utils import MsgGenerator

from .exposure import check_exposure, exposure_wrapper
from .quantity import Quantity, curves
from .restore import restored

CONNECT_S = 10.0
"""A setting that was never used may take so long to be found."""


def stepped(
    plan_name: str,
    detector: Any,
    signal: Any,
    values: Sequence[float],
    quantities: Sequence[Quantity],
    *,
    exposure: float | None = None,
    settle: float = 0.0,
    plan_args: dict[str, Any] | None = None,
    md: dict[str, Any] | None = None,
) -> MsgGenerator[str]:
    """Take one exposure of `detector` at each of `values` of its setting `signal`; the uid of the run.

    Each event has the readings of the exposure and the setting. `settle`: seconds to wait at each value.
    """

    def event() -> MsgGenerator[None]:
        yield from bps.trigger(detector, wait=True)
        yield from recorded([detector, signal])

    @bpp.stage_decorator([detector])
    def run() -> MsgGenerator[str]:
        return (yield from stepping(signal, values, event, metadata, settle))

    metadata = metadata_of(plan_name, detector, signal, values, quantities, plan_args, md)

    def check() -> None:
        check_exposure(exposure)
        within_limits(plan_name, signal, values)

    return (yield from restored(exposure_wrapper(run(), [detector], exposure), [signal], check))


def stepping(
    signal: Any,
    values: Sequence[float],
    event: Callable[[], MsgGenerator[None]],
    metadata: dict[str, Any],
    settle_s: float = 0.0,
) -> MsgGenerator[str]:
    """Make one run with an event at each value."""

    @bpp.run_decorator(md=metadata)
    def inner() -> MsgGenerator[None]:
        for value in values:
            yield from bps.checkpoint()
            yield from bps.mv(signal, value)
            if settle_s:
                yield from bps.sleep(settle_s)
            yield from event()

    return (yield from inner())


def recorded(objects: Sequence[Any]) -> MsgGenerator[None]:
    """Read these into one event. Unlike `trigger_and_read`, a part may stand beside its whole."""
    yield from bps.create("primary")

    def read() -> MsgGenerator[None]:
        for each in objects:
            yield from bps.read(each)

    def dropped(error: Exception) -> MsgGenerator[None]:
        yield from bps.drop()
        raise error

    yield from bpp.contingency_wrapper(read(), except_plan=dropped, else_plan=bps.save)


def metadata_of(
    plan_name: str,
    detector: Any,
    signal: Any,
    values: Sequence[float],
    quantities: Sequence[Quantity],
    plan_args: dict[str, Any] | None,
    md: dict[str, Any] | None,
) -> dict[str, Any]:
    """Start document of a scan."""
    return {
        "plan_name": plan_name,
        "detectors": [detector.name],
        "motors": [signal.name],
        "num_points": len(values),
        "num_intervals": len(values) - 1,
        "plan_args": {"detector": repr(detector), **(plan_args or {})},
        "hints": {"dimensions": [((signal.name,), "primary")]},
        **curves(signal.name, quantities),
        **(md or {}),
    }


def spaced(plan_name: str, start: float, stop: float, num: int, *, whole: bool = False) -> list[float]:
    """`num` values from start to stop, `whole` numbers where the setting has steps; raises ValueError."""
    if num < 2:
        raise ValueError(f"{plan_name}: num is {num}; at least 2 points are needed")
    if not (math.isfinite(start) and math.isfinite(stop)) or start == stop:
        raise ValueError(f"{plan_name}: from {start} to {stop}: must be two different finite numbers")
    values = np.linspace(start, stop, num)
    if whole:
        values = np.rint(values)
        if (different := len(np.unique(values))) < num:
            raise ValueError(
                f"{plan_name}: {num} points from {start:g} to {stop:g}, where there are only {different} "
                f"different steps; take num={different} or a wider range"
            )
    found: list[float] = values.tolist()
    return found


def within_limits(plan_name: str, signal: Any, values: Sequence[float]) -> None:
    """Raise ValueError when one of the values is outside of what the setting takes, as its record says."""
    if hasattr(signal, "wait_for_connection"):
        signal.wait_for_connection(timeout=CONNECT_S)
    low, high = getattr(signal, "limits", None) or (None, None)
    if low is None or high is None or not low < high:
        return
    for value in values:
        if not low <= value <= high:
            raise ValueError(
                f"{plan_name}: {value:g} is outside of {low:g} to {high:g} of {signal.name}; "
                "nothing has moved"
            )


def worker_of(plan_name: str, detector: Any, worker: str) -> Any:
    """Find the worker whose counts a scan takes: the named one, else the first; raises ValueError."""
    workers = {analysis.attr_name or analysis.name: analysis for analysis in detector.analyses}
    if not workers:
        raise ValueError(
            f"{plan_name}: {detector.name} has no analysis worker that counts; add one to the station file: "
            f'[workers.ana1] source = "{detector.name}"'
        )
    if worker and worker not in workers:
        raise ValueError(f"{plan_name}: no worker {worker!r} at {detector.name}; it has {', '.join(workers)}")
    return workers[worker] if worker else next(iter(workers.values()))
