"""Fits of shapes to points: values with errors, chi2, and what speaks against them. Pure: no devices.

The optimiser is scipy's; the statistics of counts, which weighted squares get wrong, are in `points`.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.optimize import least_squares
from scipy.special import chdtrc

from .points import Floats, NoFit, Points

UNLIKELY = 1e-3
"""Below this probability of chi2 the shape is not that of the points: errors are enlarged to the scatter."""

Shape = Callable[[Floats, Floats], Floats]
"""(x, parameters) -> expected y."""


@dataclass(frozen=True, slots=True)
class Value:
    """A number with its standard error."""

    value: float
    error: float
    unit: str = ""

    def __str__(self) -> str:
        if not (math.isfinite(self.error) and self.error > 0):
            return f"{self.value:.6g} {self.unit}".rstrip()
        digits = max(0, 1 - math.floor(math.log10(self.error)))
        value = round(self.value, digits) + 0.0  # no -0
        return f"{value:.{digits}f} ± {self.error:.{digits}f} {self.unit}".rstrip()


@dataclass(frozen=True, eq=False)
class Fit:
    """What a fit found.

    parameters: float64[n], in the order of `names`; covariance: float64[n, n], of the errors as stated.
    """

    model: str
    names: tuple[str, ...]
    parameters: Floats
    covariance: Floats
    units: tuple[str, ...]
    shape: Shape
    chi2: float | None
    """None when the errors were taken from the scatter."""
    ndf: int
    warning: str = ""
    more: dict[str, Value] = field(default_factory=dict)
    """Values that follow from the parameters."""

    @property
    def values(self) -> dict[str, Value]:
        """Parameters and what follows from them, by name."""
        errors = np.sqrt(np.diag(self.covariance))
        found = zip(self.names, self.parameters.tolist(), errors.tolist(), self.units, strict=True)
        return {name: Value(*rest) for name, *rest in found} | self.more

    def __getitem__(self, name: str) -> Value:
        return self.values[name]

    def curve(self, x: Any) -> Floats:
        """Give the fitted y at each x, float64 of the same shape."""
        return self.shape(np.asarray(x, np.float64), self.parameters)

    def follows(self, function: Callable[[Floats], float], unit: str = "") -> Value:
        """Give a function of the parameters as a value, its error by the covariance."""
        gradient = jacobian(lambda p: np.array([function(p)]), self.parameters)[0]
        variance = float(gradient @ self.covariance @ gradient)
        return Value(float(function(self.parameters)), math.sqrt(max(variance, 0.0)), unit)

    def summary(self) -> dict[str, Any]:
        """Give plain numbers and texts, fit for JSON."""
        return {
            "model": self.model,
            "values": {
                k: {"value": v.value, "error": v.error, "unit": v.unit} for k, v in self.values.items()
            },
            "chi2": self.chi2,
            "ndf": self.ndf,
            "warning": self.warning,
        }

    def __str__(self) -> str:
        values = ", ".join(f"{name} {value}" for name, value in self.values.items())
        quality = "errors from the scatter" if self.chi2 is None else f"chi2 {self.chi2:.1f} for {self.ndf}"
        return f"{self.model}: {values} ({quality})" + (f"; {self.warning}" if self.warning else "")


def solve(
    model: str,
    points: Points,
    shape: Shape,
    start: Sequence[float],
    parameters: Sequence[tuple[str, str]],
    low: Sequence[float] | None = None,
    high: Sequence[float] | None = None,
) -> Fit:
    """Fit `shape` from `start` within bounds; `parameters` are (name, unit). Raises NoFit."""
    names = tuple(name for name, _ in parameters)
    ndf = len(np.unique(points.x)) - len(names)
    if ndf < 1:
        raise NoFit(
            f"{model}: {len(points)} points for {len(names)} parameters ({', '.join(names)}): "
            f"at least {len(names) + 1} different ones are needed"
        )
    bounds = (
        [-np.inf] * len(names) if low is None else low,
        [np.inf] * len(names) if high is None else high,
    )
    found = least_squares(
        lambda p: points.residuals(shape(points.x, p)), np.clip(start, *bounds), bounds=bounds, x_scale="jac"
    )
    if not found.success:
        raise NoFit(f"{model}: no minimum after {found.nfev} steps ({found.message})")
    solution = np.asarray(found.x, np.float64)
    slopes = jacobian(lambda p: shape(points.x, p), solution)
    information = slopes.T @ (slopes * points.information(shape(points.x, solution))[:, None])
    covariance = _inverse(information, model, names)
    chi2, ndf = float(2 * found.cost), len(points) - len(names)
    warning = ""
    if not points.absolute:
        return Fit(model, names, solution, covariance * chi2 / ndf, _units(parameters), shape, None, ndf)
    if chdtrc(ndf, chi2) < UNLIKELY:
        scale = math.sqrt(chi2 / ndf)
        warning = f"the shape is not quite that of the points: errors are enlarged {scale:.2g} times"
        covariance = covariance * scale**2
    return Fit(model, names, solution, covariance, _units(parameters), shape, chi2, ndf, warning)


def jacobian(function: Callable[[Floats], Floats], at: Floats) -> Floats:
    """Derivatives of function(p)[i] by p[j], float64[i, j], by central differences."""
    visible = 1e-8 * float(np.max(np.abs(function(at)), initial=0.0))
    columns = []
    for index, value in enumerate(at):
        step = np.zeros_like(at)
        step[index] = max(1e-5 * abs(value), 1e-8)
        while True:
            change = function(at + step) - function(at - step)
            # A parameter that is next to nothing, as a baseline may be, needs a step that rounding leaves.
            if np.max(np.abs(change), initial=0.0) > visible or step[index] > 1.0:
                break
            step[index] *= 10.0
        columns.append(change / (2 * step[index]))
    return np.stack(columns, axis=-1)


def _units(parameters: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    return tuple(unit for _, unit in parameters)


def _inverse(information: Floats, model: str, names: tuple[str, ...]) -> Floats:
    """Invert after scaling to ones on the diagonal, which parameters of all sizes need."""
    size = np.sqrt(np.diag(information))
    if np.all(np.isfinite(information)) and np.all(size > 0):
        correlation = information / np.outer(size, size)
        if np.linalg.cond(correlation) < 1e12:
            inverse: Floats = np.linalg.inv(correlation) / np.outer(size, size)
            return inverse
    raise NoFit(f"{model}: the points do not determine {', '.join(names)} one by one; scan a wider range")
