"""How many particles of the emulated world the analysis gives back, to the last hit, and at which rate.

    python bench/scene.py [--picture docs/images/scene.png]

Each kind of particle alone, no noise, 150 V, all thresholds equalised at 1000 electrons, clusters with the
default window of 200 ns. A particle is recovered when one cluster has exactly its hits: then size, ToT sum,
centroid, extents, first and last time are those of the truth, all compared as whole numbers. Efficiency:
recovered particles over those with a hit. Purity: such clusters over all. Writes bench/results/scene.json.
"""

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from hitline.analysis.kernels.cluster import Clusterer
from hitline.ioc.emulators.world.particles import PRESETS
from hitline.ioc.emulators.world.truth import Truth
from hitline.ioc.emulators.world.view import View
from hitline.ioc.emulators.world.world import World
from lib.station import machine

RESULTS = Path(__file__).parent / "results" / "scene.json"
WINDOW = 128
"""Ticks of 1.5625 ns: 200 ns."""
RATES = (1e3, 1e4, 1e5, 3e5, 1e6)
PARTICLES, MOST_S = 20_000, 4.0
TICKS_PER_S = 640e6


def by_particle(hits: Truth) -> np.ndarray:
    """The table of clusters, int64[n, 11], that the truth makes: one row for each particle."""
    order = np.argsort(hits.particle, kind="stable")
    t, x, y, tot, key = (
        column[order].astype(np.int64) for column in (hits.t, hits.x, hits.y, hits.tot, hits.particle)
    )
    edges = np.flatnonzero(np.diff(key, prepend=-1 - abs(int(key[0]))))
    columns = [
        (np.add, np.ones_like(t)), (np.add, tot), (np.add, x * tot), (np.add, y * tot), (np.maximum, tot),
        (np.minimum, t), (np.maximum, t), (np.minimum, x), (np.maximum, x), (np.minimum, y), (np.maximum, y),
    ]  # fmt: skip
    return np.stack([join.reduceat(column, edges) for join, column in columns], axis=1)


def by_analysis(hits: Truth) -> np.ndarray:
    """The table that the analysis makes."""
    clusterer = Clusterer(256, 256, WINDOW)
    parts = clusterer.feed((hits.t, hits.x, hits.y, hits.tot), 1 << 62), clusterer.flush()
    return np.concatenate([part.table for part in parts])


def recovered(hits: Truth) -> tuple[float, float]:
    """Efficiency and purity."""
    truth, found = by_particle(hits), by_analysis(hits)
    wanted = set(map(bytes, truth))
    same = sum(row in wanted for row in map(bytes, found))
    return same / len(truth), same / len(found)


def figures() -> list[dict[str, Any]]:
    """Every kind at every rate."""
    rows = []
    for kind, source in PRESETS.items():
        for rate in RATES:
            view = View(World(sources=(replace(source, rate_hz=rate),)), noise=False)
            hits = view.hits(0, int(min(PARTICLES / rate, MOST_S) * TICKS_PER_S))
            efficiency, purity = recovered(hits)
            row = {"kind": kind, "particles_per_s": rate, "efficiency": efficiency, "purity": purity}
            row |= {"hits": len(hits), "hits_a_particle": round(len(hits) / len(np.unique(hits.particle)), 2)}
            rows.append(row)
            print(f"{kind:9} {rate:9,.0f}/s  efficiency {efficiency:.4f}  purity {purity:.4f}", flush=True)
    return rows


def picture(path: Path, rows: list[dict[str, Any]]) -> None:
    """What each kind looks like, and how well it is found."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 7.6), layout="constrained")
    FigureCanvasAgg(figure)
    places = figure.subplots(2, 3).ravel()
    for axes, (kind, source) in zip(places, PRESETS.items(), strict=False):
        view = View(World(seed=4, sources=(replace(source, rate_hz=4e3),)), noise=False)
        hits = view.hits(0, int(0.015 * TICKS_PER_S))
        image = np.zeros((256, 256))
        np.add.at(image, (hits.y, hits.x), hits.tot * 25.0)
        shown = np.ma.masked_less(image[64:192, 64:192], 1)
        extent = (63.5, 191.5, 63.5, 191.5)
        seen = axes.imshow(shown, origin="lower", extent=extent, cmap="viridis", interpolation="nearest")
        axes.set_title(kind, fontsize=10)
        figure.colorbar(seen, ax=axes, label="ToT (ns)")
    axes = places[-1]
    for kind in PRESETS:
        mine = [row for row in rows if row["kind"] == kind]
        lost = [max(1 - row["efficiency"], 2e-5) for row in mine]
        axes.plot([row["particles_per_s"] for row in mine], lost, "o-", markersize=4, label=kind)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("particles per second on the chip")
    axes.set_ylabel("share not recovered to the last hit")
    axes.grid(alpha=0.2)
    axes.legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=110)


def main() -> int:
    """Measure and write the results."""
    parser = argparse.ArgumentParser(description="Efficiency and purity of clusters of the emulated world.")
    parser.add_argument("--picture", type=Path, help="PNG to draw")
    args = parser.parse_args()
    rows = figures()
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps({"window_ns": 200, "rows": rows, "machine": machine()}, indent=1) + "\n")
    if args.picture:
        picture(args.picture, rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
