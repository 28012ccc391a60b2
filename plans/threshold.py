"""Scan the threshold: test pulses, the edge of the noise, or the line of a source."""

from typing import Any

from bluesky import plan_stubs as bps
from bluesky.utils import MsgGenerator

from .quantity import Quantity
from .stepped import spaced, stepped, worker_of

MODELS = {"pulses": "s_curve", "noise": "noise_edge", "line": "line_edge", "": ""}
"""What is looked for -> the curve that the hits follow."""


def threshold_scan(
    detector: Any,
    start: float,
    stop: float,
    num: int,
    *,
    exposure: float | None = None,
    of: str = "line",
    worker: str = "",
    md: dict[str, Any] | None = None,
) -> MsgGenerator[str]:
    """Take one exposure at each of `num` thresholds from start to stop, in steps of the DAC.

    Parameters
    ----------
    detector : KatherineDetector
        A detector with a `threshold` and a worker that counts.
    start, stop : float
        First and last threshold, steps; rounded to whole ones.
    num : int
        Number of points, at least 2.
    exposure : float, optional
        Acquire time of a point in seconds, for this plan only.
    of : str
        What is looked for: "pulses" (S-curve of test pulses: amplitude and noise), "noise" (edge of the
        noise), "line" (edge of a source's line), or "" (no fit).
    worker : str
        The worker whose counts are taken; default: the first of the detector.
    md : dict, optional
        More metadata of the start document.

    Returns
    -------
    str
        uid of the Bluesky run. `plans.Curve`, subscribed or fed with the documents later, fits and draws it.

    Raises
    ------
    ValueError
        When an argument makes no sense or test pulses are off, before anything has moved.
    """
    name = "threshold_scan"
    if of not in MODELS:
        raise ValueError(f"{name}: of={of!r}; must be one of {', '.join(map(repr, MODELS))}")
    values = spaced(name, start, stop, num, whole=True)
    counts = worker_of(name, detector, worker)
    trials = (yield from _trials(name, detector)) if of == "pulses" else 0.0
    hits = Quantity("hits", counts.exposure_hits.name, model=MODELS[of], trials=trials)
    arguments = {"start": start, "stop": stop, "num": num, "exposure": exposure, "of": of, "worker": worker}
    return (
        yield from stepped(
            name,
            detector,
            detector.threshold,
            values,
            [hits],
            exposure=exposure,
            plan_args=arguments,
            md=md,
        )
    )


def _trials(name: str, detector: Any) -> MsgGenerator[float]:
    """Hits that test pulses make at most in an exposure: pulses x pixels; 0 where nobody knows."""
    if not hasattr(detector, "pulses"):
        return 0.0
    if (yield from bps.rd(detector.pulses)) == "Off":
        raise ValueError(
            f"{name}: test pulses of {detector.name} are off; set {detector.name}.pulses to 'Analogue', "
            "pulse_count, and a pixel configuration with test bits, then scan"
        )
    count = yield from bps.rd(detector.pulse_count)
    pixels = yield from bps.rd(detector.pixels_pulsed)
    if not pixels > 0:
        raise ValueError(
            f"{name}: {pixels:g} pixels of {detector.name} take test pulses; load a pixel configuration "
            "with test bits (pixel_file, pixels)"
        )
    return float(count) * float(pixels)
