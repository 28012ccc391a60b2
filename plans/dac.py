"""Scan a DAC of the chip against its own voltage, or against what is counted."""

from typing import Any

from bluesky import plan_stubs as bps
from bluesky.utils import MsgGenerator

from .quantity import Quantity
from .restore import restored
from .stepped import metadata_of, recorded, spaced, stepped, stepping, within_limits, worker_of


def dac_scan(
    detector: Any,
    dac: str,
    start: float,
    stop: float,
    num: int,
    *,
    against: str = "voltage",
    model: str | None = None,
    exposure: float | None = None,
    worker: str = "",
    md: dict[str, Any] | None = None,
) -> MsgGenerator[str]:
    """Set a DAC to each of `num` codes from start to stop, and measure.

    Parameters
    ----------
    detector : KatherineDetector
        A detector with DACs; it gives the signal of one by `detector.dac(name)`.
    dac : str
        Name as in the chip's manual: VTP_coarse, Ibias_Ikrum.
    start, stop : float
        First and last code; rounded to whole ones.
    num : int
        Number of points, at least 2.
    against : str
        "voltage": the DAC's own output, measured at each code without an exposure, fitted by a line.
        "counts": one exposure at each code.
    model : str, optional
        Another curve to fit (see `plans.models`), or "" for none; default: a line for voltages.
    exposure : float, optional
        Acquire time of a point in seconds, for this plan only; "counts" only.
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
        When an argument makes no sense, before anything has moved.
    """
    name = "dac_scan"
    if against not in ("voltage", "counts"):
        raise ValueError(f"{name}: against={against!r}; must be 'voltage' or 'counts'")
    if against == "voltage" and exposure is not None:
        raise ValueError(f"{name}: an exposure of {exposure} s; voltages are measured without one")
    values = spaced(name, start, stop, num, whole=True)
    signal = detector.dac(dac)
    arguments: dict[str, Any] = {"dac": dac, "start": start, "stop": stop, "num": num, "against": against}
    if against == "counts":
        hits = Quantity("hits", worker_of(name, detector, worker).exposure_hits.name, model=model or "")
        arguments |= {"exposure": exposure, "worker": worker}
        return (
            yield from stepped(
                name, detector, signal, values, [hits], exposure=exposure, plan_args=arguments, md=md
            )
        )
    voltage = Quantity(
        f"{dac} output",
        detector.monitor_voltage.name,
        model="line" if model is None else model,
        counts=False,
    )
    metadata = metadata_of(name, detector, signal, values, [voltage], arguments, md)

    def event() -> MsgGenerator[None]:
        yield from bps.mv(detector.monitor, dac)  # a set of the monitor measures, also the one that it has
        yield from recorded([signal, detector.monitor_voltage])

    return (
        yield from restored(
            stepping(signal, values, event, metadata),
            [signal, detector.monitor],
            lambda: within_limits(name, signal, values),
        )
    )
