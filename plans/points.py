"""The points of a curve, with the statistics of their kind."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import xlogy

Floats = NDArray[np.float64]
TINY = 1e-9
"""Counts are never expected to be fewer: their logarithm is taken."""
STANDS_OUT = 5.0
"""A step, an edge or a kink must stand out by so many standard errors."""


class NoFit(ValueError):
    """A curve that cannot be fitted; the text says why, and what to measure instead."""


@dataclass(frozen=True, eq=False)
class Points:
    """What was measured at each x, in ascending order of x. Made by `counted`, `tried` or `measured`.

    x, y: float64[n]. kind: "counts" have Poisson errors, "trials" binomial ones (y of `trials`), "measured"
    those of `sigma` (float64[n]), which are relative to one another when not `absolute`.
    """

    x: Floats
    y: Floats
    kind: Literal["counts", "trials", "measured"] = "counts"
    trials: float = 0.0
    sigma: Floats | None = None
    absolute: bool = True
    x_unit: str = ""
    y_unit: str = ""

    def __len__(self) -> int:
        return len(self.x)

    @property
    def step(self) -> float:
        """Median distance of neighbouring points."""
        return float(np.median(np.diff(self.x)))

    @property
    def errors(self) -> Floats:
        """Errors to draw, float64[n]: by the counts that came, at least one count."""
        if self.kind == "measured":
            return np.zeros_like(self.y) if self.sigma is None or not self.absolute else self.sigma
        share = 1 - self.y / self.trials if self.kind == "trials" else 1.0
        return np.sqrt(np.maximum(self.y * share, 1.0))

    def residuals(self, expected: Floats) -> Floats:
        """Distances from the expected values in units of the error, float64[n].

        Of counts: signed roots of the deviance, whose sum of squares is -2 ln of the likelihood ratio (Baker
        and Cousins 1984). Squares weighted by the counts that came would pull every curve downwards.
        """
        if self.kind == "measured":
            return (self.y - expected) / self._sigma
        if self.kind == "trials":
            expected = np.clip(expected, TINY, self.trials - TINY)
            missed, not_expected = self.trials - self.y, self.trials - expected
            deviance = xlogy(self.y, self.y / expected) + xlogy(missed, missed / not_expected)
        else:
            expected = np.maximum(expected, TINY)
            deviance = expected - self.y + xlogy(self.y, self.y / expected)
        signed: Floats = np.sign(self.y - expected) * np.sqrt(2 * np.maximum(deviance, 0.0))
        return signed

    def information(self, expected: Floats) -> Floats:
        """1 / variance of each point where so much is expected, float64[n]."""
        if self.kind == "measured":
            return self._sigma**-2.0
        # A baseline of no counts at all is known as well as one count in all the points together.
        least = 1.0 / len(self)
        if self.kind == "trials":
            expected = np.clip(expected, least, self.trials - least)
            return self.trials / (expected * (self.trials - expected))
        return 1.0 / np.maximum(expected, least)

    @property
    def _sigma(self) -> Floats:
        return np.ones_like(self.y) if self.sigma is None else self.sigma


def counted(x: ArrayLike, y: ArrayLike, *, x_unit: str = "", y_unit: str = "") -> Points:
    """Make points of counts; raises NoFit when they are none."""
    x, y = _clean(x, y)
    if np.any(y < 0):
        raise NoFit(f"a count of {y.min():g}: counts are 0 or more")
    return Points(x, y, x_unit=x_unit, y_unit=y_unit)


def tried(x: ArrayLike, y: ArrayLike, trials: float, *, x_unit: str = "", y_unit: str = "") -> Points:
    """Make points of counts of so many trials each; raises NoFit when there are more counts than trials."""
    x, y = _clean(x, y)
    if np.any(y < 0) or np.any(y > trials):
        at = int(np.argmax(np.where(y < 0, np.inf, y)))
        raise NoFit(
            f"{y[at]:g} hits of {trials:g} trials at {x[at]:g}: there is noise or another source among them; "
            "scan farther from the noise, or fit without the number of trials"
        )
    return Points(x, y, "trials", float(trials), x_unit=x_unit, y_unit=y_unit)


def measured(
    x: ArrayLike,
    y: ArrayLike,
    sigma: ArrayLike | None = None,
    *,
    absolute: bool = True,
    x_unit: str = "",
    y_unit: str = "",
) -> Points:
    """Make points of measured values; errors are told by their scatter when `sigma` is absent or relative."""
    columns: list[ArrayLike] = [x, y] if sigma is None else [x, y, sigma]
    arrays = _clean(*columns)
    if sigma is not None and np.any(arrays[2] <= 0):
        raise NoFit(f"an error of {arrays[2].min():g}: errors must be above 0")
    return Points(
        arrays[0],
        arrays[1],
        "measured",
        sigma=arrays[2] if sigma is not None else None,
        absolute=absolute and sigma is not None,
        x_unit=x_unit,
        y_unit=y_unit,
    )


def _clean(*columns: ArrayLike) -> Sequence[Floats]:
    """Sort by the first column; raises NoFit for what is no curve."""
    arrays = [np.asarray(column, np.float64) for column in columns]
    if len({array.shape for array in arrays}) > 1 or arrays[0].ndim != 1:
        raise NoFit(f"columns of shapes {', '.join(str(a.shape) for a in arrays)}: must be equal, and flat")
    if bad := int(np.sum(~np.isfinite(arrays).all(axis=0))):
        raise NoFit(f"{bad} of {len(arrays[0])} points have no finite value; leave them out")
    order = np.argsort(arrays[0], kind="stable")
    return [array[order] for array in arrays]
