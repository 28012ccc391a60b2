"""The pictures of a run as PNG files: hit image, ToT spectrum, cluster-size spectrum."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .writer import TOT_NS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DPI = 120


def plot(folder: Path, results: Mapping[str, Any], *, title: str = "") -> list[Path]:
    """Draw what is in `results` (by attribute name) into `folder`; give the files that were written.

    `image` int[height, width] with row 0 at the bottom; `tot_spectrum` and `size_spectrum` int[bins].
    """
    folder.mkdir(parents=True, exist_ok=True)
    drawn = []
    for name, draw in DRAWINGS.items():
        if results.get(name) is not None:
            drawn.append(_save(folder / f"{name}.png", draw, np.asarray(results[name]), title))
    return drawn


def overview(path: Path, results: Mapping[str, Any], more: Sequence[Callable[["Axes"], None]] = ()) -> Path:
    """Draw all of them side by side into one file, and what `more` draws, each on axes of its own."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    drawn = {name: draw for name, draw in DRAWINGS.items() if results.get(name) is not None}
    count = len(drawn) + len(more)
    columns = count if count < 4 else 2
    rows = -(-count // columns)
    figure = Figure(figsize=(5.6 * columns, 4.6 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    places = iter(figure.subplots(rows, columns, squeeze=False).ravel())
    for name, draw in drawn.items():
        draw(next(places), np.asarray(results[name]))
    for draw_more in more:
        draw_more(next(places))
    for unused in places:
        unused.set_axis_off()
    figure.savefig(path, dpi=DPI)
    return path


def _save(path: Path, draw: Any, values: np.ndarray, title: str) -> Path:
    # Not pyplot: it keeps figures alive, and its backend belongs to the program that we are in.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 5.6), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    draw(axes, values)
    if title:
        axes.set_title(title)
    figure.savefig(path, dpi=DPI)
    return path


def _image(axes: "Axes", image: np.ndarray) -> None:
    from matplotlib.colors import LogNorm

    # A pixel without hits has no place on a log scale: it stays white, on which one hit stands out.
    shown = np.ma.masked_less(image, 1)
    # A single hot pixel would take the whole scale: the brightest in a thousand may be off it.
    brightest = np.percentile(image[image > 0], 99.9) if image.any() else 1
    picture = axes.imshow(
        shown,
        origin="lower",
        cmap="viridis",
        interpolation="nearest",
        norm=LogNorm(1, max(10, float(brightest))),
    )
    axes.set_xlabel("x (pixel)")
    axes.set_ylabel("y (pixel)")
    axes.figure.colorbar(picture, ax=axes, label="hits per pixel", extend="max")


def _tot_spectrum(axes: "Axes", spectrum: np.ndarray) -> None:
    used = int(np.flatnonzero(spectrum).max(initial=1)) + 2
    axes.stairs(spectrum[:used], (np.arange(len(spectrum[:used]) + 1) - 0.5) * TOT_NS, fill=True)
    _log_counts(axes, spectrum, "hits per 25 ns")
    axes.set_xlabel("time over threshold (ns)")


def _size_spectrum(axes: "Axes", spectrum: np.ndarray) -> None:
    used = int(np.flatnonzero(spectrum).max(initial=1)) + 2
    axes.stairs(spectrum[:used], np.arange(len(spectrum[:used]) + 1) - 0.5, fill=True)
    _log_counts(axes, spectrum, "clusters")
    axes.set_xlabel("cluster size (pixel hits)")


def _log_counts(axes: "Axes", spectrum: np.ndarray, label: str) -> None:
    if spectrum.any():
        axes.set_yscale("log")
        axes.set_ylim(0.5, 2 * int(spectrum.max()))
    axes.set_ylabel(label)


DRAWINGS = {"image": _image, "tot_spectrum": _tot_spectrum, "size_spectrum": _size_spectrum}
