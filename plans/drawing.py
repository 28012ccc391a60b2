"""Pictures of curves with their fits."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .fit import Fit
from .points import NoFit, Points
from .quantity import Quantity

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from .curve import Curve

DPI = 120
INK, LINE = "#1f2d3d", "#d1495b"
LOGARITHMIC = ("noise_edge",)
"""Curves whose tail matters."""


def written(path: Path, curve: "Curve") -> Path:
    """Draw a curve into a file."""
    # Not pyplot: it keeps figures alive, and its backend belongs to the program that we are in.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    path.parent.mkdir(parents=True, exist_ok=True)
    figure = Figure(figsize=(7.2, 1.2 + 3.4 * max(1, len(curve.quantities))), layout="constrained")
    FigureCanvasAgg(figure)
    draw(figure, curve)
    figure.savefig(path, dpi=DPI)
    return path


def draw(figure: "Figure", curve: "Curve") -> None:
    """Draw every quantity below the other, with its fit or the reason why there is none."""
    figure.clear()
    count = max(1, len(curve.quantities))
    rows = figure.subplots(count, 1, sharex=True, squeeze=False)[:, 0]
    for axes, quantity in zip(rows, curve.quantities, strict=False):
        draw_one(axes, curve, quantity)
    rows[-1].set_xlabel(_label(curve.x, curve.units.get(curve.x, "")))
    figure.suptitle(curve.title, fontsize=10, color=INK)


def draw_one(axes: "Axes", curve: "Curve", quantity: Quantity) -> None:
    """Draw one quantity, with its fit or the reason why there is none."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_ylabel(_label(quantity.name, curve.units.get(quantity.field, "")))
    axes.grid(alpha=0.2, linewidth=0.6)
    if problem := curve.problems.get(quantity.name):
        axes.set_title(f"no fit: {problem}", fontsize=7, wrap=True, color=LINE)
    try:
        points = curve.points(quantity)
    except NoFit:
        return
    if not len(points):
        return
    if found := curve.fits.get(quantity.name):
        _fitted(axes, points, found)
    axes.errorbar(
        points.x, points.y, yerr=points.errors, fmt="o", markersize=4, color=INK, elinewidth=1, zorder=3
    )
    if points.kind == "measured":
        axes.margins(y=0.15)
        return
    if found and found.model in LOGARITHMIC:
        axes.set_yscale("symlog", linthresh=1, linscale=0.4)
    axes.set_ylim(bottom=0)


def _fitted(axes: "Axes", points: Points, found: Fit) -> None:
    fine = np.linspace(points.x[0], points.x[-1], 600)
    text = "\n".join(f"{name} {value}" for name, value in found.values.items() if not name.startswith("ln_"))
    if found.chi2 is not None:
        text += f"\n$\\chi^2$ {found.chi2:.1f} for {found.ndf}"
    axes.plot(fine, found.curve(fine), color=LINE, linewidth=1.8, zorder=2, label=text)
    axes.legend(title=found.model.replace("_", " "), frameon=False, fontsize=8, title_fontsize=9)


def _label(name: str, unit: str) -> str:
    words = name.replace("_", " ")
    return f"{words} ({unit})" if unit else words
