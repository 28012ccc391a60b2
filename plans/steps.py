"""Curves with a step: test pulses, and the line of a source, against threshold.

Whether a threshold rises or falls with its DAC depends on the polarity, so a step may have either direction.
"""

import math

import numpy as np
from scipy.special import ndtr

from .fit import Fit, solve
from .points import STANDS_OUT, Floats, NoFit, Points

RESOLVED = 0.35
"""A width below this many distances of points is none that they could show."""


def s_curve(points: Points) -> Fit:
    """Fit test pulses against threshold: hits fall (or rise) from all to none around the amplitude.

    midpoint: threshold that half of the pulses pass, the amplitude in its steps. width: noise, together with
    the spread of thresholds over the pulsed pixels. Points of trials have their plateau there, counts a free
    one: `plateau`.
    """
    sign, plateau, _ = _step("s_curve", points)
    fixed = points.kind == "trials"

    def shape(x: Floats, p: Floats) -> Floats:
        return (points.trials if fixed else p[2]) * ndtr(sign * (x - p[0]) / p[1])

    midpoint, width = _crossing(points, sign, 0.0, points.trials if fixed else plateau)
    parameters = [("midpoint", points.x_unit), ("width", points.x_unit)]
    start, low = [midpoint, width], [-np.inf, 1e-6 * points.step]
    if not fixed:
        parameters, start, low = [*parameters, ("plateau", points.y_unit)], [*start, plateau], [*low, 0.0]
    return _resolved(solve("s_curve", points, shape, start, parameters, low), points, "midpoint")


def line_edge(points: Points) -> Fit:
    """Fit a line of a source against threshold: the last step of the integral spectrum.

    position: where half of the line passes. width: resolution. height: counts of the line there. slope: share
    of it by which counts grow with each step of x away from the line, to where more passes: charge that is
    shared between pixels. background: counts beyond the line.
    """
    sign, plateau, floor = _step("line_edge", points)

    def shape(x: Floats, p: Floats) -> Floats:
        above = -sign * (x - p[0])
        return p[2] * np.maximum(1 - p[3] * above, 0.0) * ndtr(-above / p[1]) + p[4]

    position, width = _crossing(points, sign, floor, plateau)
    x, y = points.x_unit, points.y_unit
    fit = solve(
        "line_edge",
        points,
        shape,
        [position, width, plateau - floor, 0.0, floor],
        [("position", x), ("width", x), ("height", y), ("slope", f"1/{x}" if x else ""), ("background", y)],
        [-np.inf, 1e-6 * points.step, 0.0, -np.inf, 0.0],
    )
    return _resolved(fit, points, "position")


def _step(model: str, points: Points) -> tuple[float, float, float]:
    """Give (+1 rising or -1 falling, upper level, lower level); raises NoFit where nothing stands out."""
    if len(points) < 4:
        raise NoFit(f"{model}: {len(points)} points; at least 4 are needed")
    quarter = max(1, len(points) // 4)
    first, last = float(np.median(points.y[:quarter])), float(np.median(points.y[-quarter:]))
    if abs(last - first) < STANDS_OUT * math.sqrt(max(first, last, 1.0)):
        raise NoFit(
            f"{model}: no step: about {first:g} counts at {points.x[0]:g}, {last:g} at {points.x[-1]:g}; "
            "scan a range with the step in it, or count longer"
        )
    return (1.0 if last > first else -1.0), max(first, last), min(first, last)


def _crossing(points: Points, sign: float, floor: float, plateau: float) -> tuple[float, float]:
    """Where the step is half done, and its rms width, roughly."""
    share = np.clip((points.y - floor) / (plateau - floor), 0.0, 1.0)
    grown = np.maximum.accumulate(share if sign > 0 else share[::-1])
    x = points.x if sign > 0 else points.x[::-1]
    early, half, late = (float(x[np.argmax(grown >= part)]) for part in (0.16, 0.5, 0.84))
    return half, max(abs(late - early) / 2, points.step / 2)


def _resolved(fit: Fit, points: Points, centre: str) -> Fit:
    """Refuse a step outside of the points, or between two of them."""
    at, width = fit[centre].value, fit["width"].value
    if not points.x[0] <= at <= points.x[-1]:
        raise NoFit(
            f"{fit.model}: {centre} at {at:g}, outside of the scan from {points.x[0]:g} to {points.x[-1]:g}; "
            "move the range"
        )
    if width < RESOLVED * points.step:
        raise NoFit(
            f"{fit.model}: the step at {at:g} falls between two points {points.step:g} apart; "
            "take smaller steps"
        )
    return fit
