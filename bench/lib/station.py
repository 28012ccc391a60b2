"""Stations and timings for benchmarks."""

import contextlib
import os
import platform
import random
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

HITLINE = [sys.executable, "-c", "import sys; from hitline.cli.main import main; sys.exit(main())"]


def free_port() -> int:
    """A port, TCP and UDP, below the ephemeral range, free on every address."""
    while True:
        port = random.randrange(20_000, 32_000)
        with (
            socket.socket() as tcp,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
            contextlib.suppress(OSError),
        ):
            tcp.bind(("", port))
            udp.bind(("", port))
            return port


def ca_environment() -> int:
    """Point this process and its children at a Channel Access port of their own; give the port."""
    port = free_port()
    os.environ |= {
        "EPICS_CA_ADDR_LIST": "127.0.0.1",
        "EPICS_CA_AUTO_ADDR_LIST": "NO",
        "EPICS_CA_SERVER_PORT": str(port),
        "EPICS_CA_REPEATER_PORT": str(free_port()),
    }
    return port


@contextlib.contextmanager
def up(file: Path) -> Iterator[None]:
    """A station that is up until the block ends."""
    with subprocess.Popen([*HITLINE, "up", str(file)], stdout=subprocess.PIPE, text=True) as process:
        try:
            if not any("processes up" in line for line in process.stdout or ()):
                raise RuntimeError("the station did not come up")
            yield
        finally:
            process.terminate()
            process.wait(15)


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
