"""The curves that scans of a pixel detector give, each as a function from points to a fit."""

import math
from collections.abc import Callable

import numpy as np

from .fit import Fit, solve
from .points import STANDS_OUT, Floats, NoFit, Points
from .steps import line_edge, s_curve


def noise_edge(points: Points) -> Fit:
    """Fit noise counts against threshold: a Gaussian of the distance from the middle of the noise.

    centre, width: middle and rms of the noise, with the spread over the pixels. height: counts at the
    centre. baseline: counts far away. edge: where noise makes one count more than the baseline. One flank
    is enough; the centre is then extrapolated.
    """
    floor = float(np.median(np.sort(points.y)[: max(3, len(points) // 5)]))
    above = points.y - floor
    used = above > STANDS_OUT * np.sqrt(floor + STANDS_OUT)
    if (count := len(np.unique(points.x[used]))) < 4:
        raise NoFit(
            f"noise_edge: {count} points stand out from the baseline of {floor:g} counts, 4 are needed; "
            "scan nearer to the noise, with smaller steps"
        )
    # ln of a Gaussian is a parabola; the weights are those of the logarithm of counts
    middle, scale = float(points.x[used].mean()), max(float(np.ptp(points.x[used])), points.step)
    quadratic, linear, constant = np.polyfit(
        (points.x[used] - middle) / scale, np.log(above[used]), 2, w=np.sqrt(above[used])
    )
    if not quadratic < 0:
        raise NoFit(
            "noise_edge: counts do not fall off as the flank of a Gaussian between "
            f"{points.x[used][0]:g} and {points.x[used][-1]:g}: hits of something else, or cut by the rate"
        )
    centre = middle - scale * linear / (2 * quadratic)
    height = math.exp(min(constant - linear**2 / (4 * quadratic), 50.0))

    def shape(x: Floats, p: Floats) -> Floats:
        return np.exp(p[2] - 0.5 * ((x - p[0]) / p[1]) ** 2) + p[3]

    fit = solve(
        "noise_edge",
        points,
        shape,
        [centre, scale / math.sqrt(-2 * quadratic), math.log(height), floor],
        [("centre", points.x_unit), ("width", points.x_unit), ("ln_height", ""), ("baseline", points.y_unit)],
        [-np.inf, 1e-6 * points.step, -np.inf, 0.0],
    )
    side = 1.0 if points.x[0] + points.x[-1] > 2 * fit["centre"].value else -1.0
    fit.more["height"] = fit.follows(lambda p: math.exp(p[2]), points.y_unit)
    fit.more["edge"] = fit.follows(
        lambda p: p[0] + side * p[1] * math.sqrt(2 * max(p[2], 0.0)), points.x_unit
    )
    return fit


def depletion(points: Points) -> Fit:
    """Fit counts or charge against bias: a rise with the square root, as the depleted depth, up to a kink.

    voltage: where the sensor is depleted. value: counts or charge there. rise, after: slopes below and above,
    by the root of 1 V. Takes |bias|. That is a planar sensor in which nothing but depth counts.
    """
    volts = np.abs(points.x)
    places = np.unique(volts)
    if len(places) < 6:
        raise NoFit(f"depletion: {len(places)} different voltages; at least 6 are needed")

    def shape(x: Floats, p: Floats) -> Floats:
        away = np.sqrt(np.abs(x)) - math.sqrt(p[0])
        return p[1] + np.where(away < 0, p[2], p[3]) * away

    starts = [_two_lines(volts, points.y, kink) for kink in (places[1:-2] + places[2:-1]) / 2]
    start = min(starts, key=lambda p: float(np.sum(points.residuals(shape(points.x, np.array(p))) ** 2)))
    unit = points.y_unit
    fit = solve(
        "depletion",
        points,
        shape,
        start,
        [("voltage", "V"), ("value", unit), ("rise", unit), ("after", unit)],
        [places[0], -np.inf, -np.inf, -np.inf],
        [places[-1], np.inf, np.inf, np.inf],
    )
    bend = fit.follows(lambda p: p[2] - p[3])
    if bend.value < STANDS_OUT * bend.error:
        raise NoFit(
            f"depletion: no kink stands out between {volts.min():g} and {volts.max():g} V (slopes by root V "
            f"{fit['rise']}, {fit['after']}); scan from well below depletion to well above, or count longer"
        )
    return fit


def line(points: Points) -> Fit:
    """Fit a straight line: offset at x = 0, slope."""
    unit = f"{points.y_unit}/{points.x_unit}" if points.x_unit else points.y_unit
    return solve(
        "line",
        points,
        lambda x, p: p[0] + p[1] * x,
        [float(points.y.mean()), 0.0],
        [("offset", points.y_unit), ("slope", unit)],
    )


MODELS: dict[str, Callable[[Points], Fit]] = {
    "s_curve": s_curve,
    "noise_edge": noise_edge,
    "line_edge": line_edge,
    "depletion": depletion,
    "line": line,
}


def fit(model: str, points: Points) -> Fit:
    """Fit by the name of a model; raises NoFit with the reason, ValueError for a name that there is not."""
    if model not in MODELS:
        raise ValueError(f"fit: no model {model!r}; there are {', '.join(MODELS)}")
    return MODELS[model](points)


def _two_lines(volts: Floats, y: Floats, kink: float) -> list[float]:
    """Least squares of two lines in the root that meet at `kink`: [kink, value, slope below, slope above]."""
    away = np.sqrt(volts) - math.sqrt(kink)
    columns = np.stack([np.ones_like(away), np.minimum(away, 0.0), np.maximum(away, 0.0)], axis=1)
    return [kink, *np.linalg.lstsq(columns, y, rcond=None)[0].tolist()]
