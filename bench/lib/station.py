"""Stations and timings for benchmarks."""

import contextlib
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[2] / "tests"))  # stations run as they do for tests

from kit.ports import free_port
from kit.station import HITLINE, Running, Table, axis, entry, katherine, station_up

__all__ = [
    "HITLINE", "Running", "Table", "axis", "entry", "free_port", "katherine",
    "machine", "spread", "timed", "up",
]  # fmt: skip

os.environ |= {"EPICS_CA_ADDR_LIST": "127.0.0.1", "EPICS_CA_AUTO_ADDR_LIST": "NO"}


@contextlib.contextmanager
def up(folder: Path, station: Table) -> Iterator[Running]:
    """A station that is up until the block ends, and this process a client of it."""
    with station_up(folder, {"prefix": "B:", **station}) as running:
        os.environ |= running.env
        yield running


def timed(work: Callable[[], Any], count: int) -> dict[str, float]:
    """Median and 90th percentile of `count` calls, in ms, and CPU time of this process per call."""
    spans, cpu = [], time.process_time()
    for _ in range(count):
        begin = time.perf_counter()
        work()
        spans.append(1e3 * (time.perf_counter() - begin))
    return {**spread(spans), "client_cpu_ms": round(1e3 * (time.process_time() - cpu) / count, 3)}


def spread(spans_ms: list[float]) -> dict[str, float]:
    """Median and 90th percentile."""
    ordered = sorted(spans_ms)
    return {
        "median_ms": round(statistics.median(ordered), 3),
        "p90_ms": round(ordered[int(0.9 * len(ordered))], 3),
    }


def machine() -> dict[str, Any]:
    """What the figures were taken on."""
    return {
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "load_average": [round(load, 1) for load in os.getloadavg()],
    }
