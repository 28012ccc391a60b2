"""Hits per second and core from raw words to clusters, with the answer checked in the same run.

    python bench/clusters.py [--hits 2000000] [--runs 7] [--peer]

A seeded scene at 5 and 40 Mhit/s is read out as a quad's chunk stream. Each stage is timed by the CPU time of
this process, wall time beside it, over at least five runs; figures are medians. The clusters of a part are
compared with those found by testing every pair. `--peer` installs rustpix (PyPI) into a throw-away venv and
lets it do its nearest equivalent with the same file; its clusters are approximate by design, so the counts
differ.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from hitline.analysis.blocks.base import make
from hitline.analysis.kernels.cluster import Clusterer
from hitline.analysis.kernels.decode import Decoder
from hitline.analysis.kernels.layout import QUAD
from hitline.analysis.kernels.sort import TimeSort
from hitline.analysis.pipeline import DISORDER_NS, Pipeline
from hitline.bus.formats.hits import TICK_NS
from hitline.bus.log.block import Format, Header, Kind, LossMethod
from hitline.ioc.emulators.scene import Scene
from hitline.ioc.emulators.spidr import Spidr, exposures

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "analysis"))
from brute import components, ordered  # noqa: E402

WINDOW = 128
BOUND = int(DISORDER_NS / TICK_NS)
END = 1 << 62
PEER = """
import json, sys, time, rustpix
times = []
for _ in range(int(sys.argv[2])):
    cpu, wall = time.process_time(), time.perf_counter()
    found = rustpix.process_tpx3_neutrons(sys.argv[1], collect=True)
    times.append((time.process_time() - cpu, time.perf_counter() - wall))
print(json.dumps([times, len(found) if hasattr(found, "__len__") else found.len()]))
"""


def pieces(raw: bytes, size: int) -> list[memoryview]:
    return [memoryview(raw)[at : at + size] for at in range(0, len(raw), size)]


def decode(raw: list[memoryview]) -> int:
    decoder = Decoder(QUAD, chunks=True)
    return sum(len(decoder.decode(piece)) for piece in raw)


def sort(raw: list[memoryview], take: Callable[..., Any] = lambda hits, horizon: None) -> int:
    decoder, sorter, hits = Decoder(QUAD, chunks=True), TimeSort(BOUND), 0
    for piece in raw:
        batch = decoder.decode(piece)
        hits += len(batch)
        released = sorter.feed(batch.t, batch.x, batch.y, batch.tot)
        if released is not None:
            take(released, sorter.horizon)
    take(sorter.flush(), END)
    assert sorter.late == 0
    return hits


def cluster(raw: list[memoryview], keep: list[np.ndarray] | None = None) -> int:
    clusterer = Clusterer(QUAD.width, QUAD.height, WINDOW)

    def take(hits: Any, horizon: int) -> None:
        found = clusterer.feed(hits, horizon).table
        if keep is not None:
            keep.append(found.copy())

    return sort(raw, take)


def pipeline(raw: list[memoryview]) -> int:
    line = Pipeline(make(("counts", "image", "spectra")))
    line.reset("bench")
    line.block(Header(Kind.BEGIN, exposure=1), b"")
    header = Header(Kind.DATA, Format.TPX3_CHUNKS, exposure=1, method=LossMethod.SOURCE)
    for piece in raw:
        line.block(header, piece)
    line.block(Header(Kind.END, exposure=1), b"")
    return int(line.results()["exposure_hits"])


STAGES = {"decode": decode, "decode_sort": sort, "decode_sort_cluster": cluster, "pipeline": pipeline}


def timed(job: Callable[[], int], runs: int) -> dict[str, Any]:
    """Median rates over `runs`; the first call is not counted."""
    hits = job()
    cpu, wall = [], []
    for _ in range(runs):
        start = time.process_time(), time.perf_counter()
        job()
        cpu.append(time.process_time() - start[0])
        wall.append(time.perf_counter() - start[1])
    return rates(hits, cpu, wall)


def rates(hits: int, cpu: list[float], wall: list[float]) -> dict[str, Any]:
    return {
        "mhit_per_cpu_s": round(hits / statistics.median(cpu) / 1e6, 1),
        "mhit_per_cpu_s_best": round(hits / min(cpu) / 1e6, 1),
        "mhit_per_wall_s": round(hits / statistics.median(wall) / 1e6, 1),
        "runs": len(cpu),
    }


def exact(rate_hz: float, hits: int) -> int:
    """Number of clusters of a stream of its own; AssertionError when they are not those of brute force."""
    ((raw, truth),) = exposures(Scene(seed=7, rate_hz=rate_hz), (hits,), readout=Spidr(seed=7))
    found: list[np.ndarray] = []
    cluster(pieces(raw, 1 << 19), found)
    wanted = components((truth.t, truth.x, truth.y, truth.tot), WINDOW)
    assert np.array_equal(ordered(np.concatenate(found)), wanted), "clusters differ from brute force"
    return len(wanted)


def peer(raw: bytes, hits: int, runs: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        venv.create(Path(folder) / "venv", with_pip=True)
        python = str(Path(folder) / "venv" / "bin" / "python")
        subprocess.run([python, "-m", "pip", "install", "-q", "rustpix", "numpy"], check=True)
        file = Path(folder) / "beam.tpx3"
        file.write_bytes(raw)
        done = subprocess.run([python, "-c", PEER, str(file), str(runs)], check=True, capture_output=True)
        times, found = json.loads(done.stdout)
    cpu, wall = (list(column) for column in zip(*times, strict=True))
    return {**rates(hits, cpu, wall), "name": "rustpix, default algorithm", "clusters": found}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--hits", type=int, default=2_000_000)
    parser.add_argument(
        "--checked", type=int, default=1_000_000, help="hits of the comparison with brute force"
    )
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--block", type=int, default=1 << 18, help="bytes per block")
    parser.add_argument("--peer", action="store_true")
    args = parser.parse_args()
    report: dict[str, Any] = {
        "hits": args.hits,
        "block_bytes": args.block,
        "window_ns": WINDOW * TICK_NS,
        "rates": {},
    }
    for rate_hz in (5e6, 40e6):
        ((raw, _),) = exposures(Scene(seed=1, rate_hz=rate_hz), (args.hits,), readout=Spidr(seed=1))
        blocks = pieces(raw, args.block)
        found: dict[str, Any] = {
            name: timed(lambda j=job, b=blocks: j(b), max(5, args.runs)) for name, job in STAGES.items()
        }
        found["exact_clusters"] = exact(rate_hz, args.checked)
        if args.peer:
            found["peer"] = peer(raw, args.hits, max(5, args.runs))
            ours = found["decode_sort_cluster"]["mhit_per_cpu_s"]
            found["ratio_to_peer"] = round(ours / found["peer"]["mhit_per_cpu_s"], 2)
        report["rates"][f"{rate_hz / 1e6:g} Mhit/s"] = found
        for name, figures in found.items():
            print(f"{rate_hz / 1e6:4g} Mhit/s  {name:20s} {figures}")
    out = ROOT / "bench" / "results" / "clusters.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
