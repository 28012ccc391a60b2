"""Scan the bias voltage: what is collected, up to depletion and above."""

import math
from typing import Any

from bluesky.utils import MsgGenerator

from .quantity import Quantity
from .stepped import spaced, stepped, worker_of


def bias_scan(
    detector: Any,
    start: float,
    stop: float,
    num: int,
    *,
    exposure: float | None = None,
    settle: float = 0.0,
    worker: str = "",
    md: dict[str, Any] | None = None,
) -> MsgGenerator[str]:
    """Take one exposure at each of `num` bias voltages; the former voltage is set again at the end.

    Clusters and their mean ToT against bias are fitted by a rise with the root of the voltage up to a kink,
    the estimate of the depletion voltage.

    Parameters
    ----------
    detector : KatherineDetector
        A detector with `voltage_set` and a worker that counts. Each voltage has been reached, as the detector
        tells, before its exposure begins.
    start, stop : float
        First and last voltage, V.
    num : int
        Number of points, at least 2; a fit needs 6 or more.
    exposure : float, optional
        Acquire time of a point in seconds, for this plan only.
    settle : float
        Seconds to wait at each voltage for the sensor to come to rest.
    worker : str
        The worker whose counts are taken; default: the first of the detector.
    md : dict, optional
        More metadata of the start document.

    Returns
    -------
    str
        uid of the Bluesky run.

    Raises
    ------
    ValueError
        When an argument makes no sense or a voltage is outside of the limits, before anything has moved.
    """
    name = "bias_scan"
    values = spaced(name, start, stop, num)
    if not (math.isfinite(settle) and settle >= 0):
        raise ValueError(f"{name}: settle is {settle} s; it must be a finite time of 0 s or more")
    counts = worker_of(name, detector, worker)
    clusters, tot = counts.exposure_clusters.name, counts.exposure_tot_sum.name
    quantities = [
        Quantity("clusters", clusters, model="depletion"),
        Quantity("mean ToT of a cluster", tot, per=clusters, model="depletion"),
    ]
    arguments = {"start": start, "stop": stop, "num": num, "exposure": exposure, "settle": settle}
    return (
        yield from stepped(
            name,
            detector,
            detector.voltage_set,
            values,
            quantities,
            exposure=exposure,
            settle=settle,
            plan_args={**arguments, "worker": worker},
            md=md,
        )
    )
