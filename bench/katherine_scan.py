"""What a point of a step scan of a Katherine costs beyond its exposure, and how long a whole chip takes.

    python bench/katherine_scan.py [--points 1000] [--layer pyepics|caproto]

A station of an emulated readout, its driver and run log, a worker, the conductor and the CA face runs as
processes; a RunEngine scans the threshold, one exposure of 10 ms a point. Every point is checked: the setting
in the document, the number of the exposure, and hits sent = hits analysed = hits in the documents; the exit
code is 1 otherwise. The parts are timed one by one. Writes bench/results/katherine_scan.json.
"""

import argparse
import itertools
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from lib.station import Table, katherine, machine, spread, timed, up

RESULTS = Path(__file__).parent / "results" / "katherine_scan.json"
EXPOSURE_S = 0.01
AIM_MS, AIM_CONFIGURE_S = 50.0, 1.0
FIRST = 1500
"""Threshold of the first point, steps."""


def station() -> Table:
    """An emulated readout, its driver, a worker, the conductor."""
    kat1, emu = katherine("127.0.0.2", process="emulated", emulated={"rate_hz": 2e4})
    return {
        "conductor": {},
        "instruments": {"kat1": kat1, "emu": emu},
        "workers": {"ana1": {"source": "kat1"}},
    }


def bus_parts(group: str, count: int) -> tuple[dict[str, Any], list[float]]:
    """Times over CSCP alone; and of whole configurations, s."""
    from hitline.bus.sync import Client

    thresholds = itertools.cycle((1700, 1800))
    with Client(group, "bench") as client:
        client.instruments(2.0)
        configure = []
        for _ in range(5):
            begin = time.perf_counter()
            client.command("kat1", "configure", wait_s=20.0)
            if not client.get("kat1", "configured").value:
                raise RuntimeError("the chip is not configured")
            configure.append(round(time.perf_counter() - begin, 4))
        client.set("kat1", "acquire_time", EXPOSURE_S, wait_s=10.0)
        client.command("run", "launch", "bench", wait_s=10.0)
        client.command("run", "start", "bench", wait_s=10.0)

        def acquire() -> None:
            client.set("kat1", "acquire", "Acquire", wait_s=10.0)

        parts = {
            "CSCP set threshold, chip has it": timed(
                lambda: client.set("kat1", "threshold", next(thresholds), wait_s=10.0), count
            ),
            "CSCP acquire (10 ms, frame count, log on disk)": timed(acquire, count),
        }
        client.command("run", "stop", wait_s=10.0)
        client.command("run", "land", wait_s=10.0)
    return parts, configure


def scan(station: Path, layer: str, points: int) -> dict[str, Any]:
    """The parts of a point over Channel Access, then the scan itself, checked."""
    from hitline.devices import make_devices

    devices = make_devices(station, layer)
    det = devices.kat1
    for device in (devices.station, devices.run, det):
        device.wait_for_connection(timeout=20)

    from bluesky import RunEngine
    from hitline.plans import threshold_scan

    thresholds = itertools.cycle((1700, 1800))
    parts = {
        "ophyd set threshold (CA put, chip, readback)": timed(
            lambda: det.threshold.set(next(thresholds)).wait(10), 50
        )
    }
    det.stage()
    parts["ophyd trigger (CA acquire, log, worker, results read)"] = timed(lambda: det.trigger().wait(60), 50)
    parts["ophyd read"] = timed(det.read, 50)
    det.unstage()
    engine, events, times = RunEngine({}), [], []

    def keep(name: str, document: dict[str, Any]) -> None:
        if name == "event":
            times.append(time.perf_counter())
            events.append(document["data"])

    cpu = time.process_time()
    last = FIRST + points - 1
    engine(threshold_scan(det, FIRST, last, points, exposure=EXPOSURE_S, of=""), keep)
    cpu = time.process_time() - cpu
    steps = [1e3 * (b - a) for a, b in itertools.pairwise(times)]
    parts["a point of the scan, all in all"] = spread(steps)
    hits = [event["kat1_ana1_exposure_hits"] for event in events]
    right = (
        [event["kat1_threshold"] for event in events] == list(range(FIRST, last + 1))
        and [event["kat1_exposure"] for event in events] == list(range(1, points + 1))
        and sum(hits) == det.hits_sent.get() == det.hits_logged.get() == det.ana1.hits.get()
        and det.hits_lost.get() == 0
    )
    mean = statistics.fmean(steps)
    return {
        "parts": parts,
        "right": bool(right),
        "hits": int(sum(hits)),
        "mean_ms_a_point": round(mean, 3),
        "mean_ms_over_the_exposure": round(mean - 1e3 * EXPOSURE_S, 3),
        "client_cpu_ms_a_point": round(1e3 * cpu / points, 3),
    }


def main() -> int:
    """Measure and write the results."""
    parser = argparse.ArgumentParser(description="The cost of a point of a step scan, and its parts.")
    parser.add_argument("--points", type=int, default=1000)
    parser.add_argument("--layer", choices=("pyepics", "caproto"), default="pyepics")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, up(Path(folder), station()) as running:
        parts, configure = bus_parts(running.table["name"], 100)
        found = scan(running.file, args.layer, args.points)
    report = {
        "what": "step scan of a threshold: emulated Katherine, driver, log, worker, CA, ophyd, RunEngine",
        "points": args.points,
        "exposure_s": EXPOSURE_S,
        "control_layer": args.layer,
        "aim_ms_over_the_exposure": AIM_MS,
        **{name: value for name, value in found.items() if name != "parts"},
        "parts": {**parts, **found["parts"]},
        "whole_chip": {
            "aim_s": AIM_CONFIGURE_S,
            "median_s": statistics.median(configure),
            "runs_s": configure,
        },
        "machine": machine(),
    }
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(report, indent=1) + "\n")
    for name, part in report["parts"].items():
        print(f"{name:55} {part['median_ms']:9.2f} ms   p90 {part['p90_ms']:9.2f} ms")
    print(f"{found['mean_ms_over_the_exposure']} ms a point over the exposure (aim {AIM_MS:g})")
    print(f"whole chip {statistics.median(configure)} s (aim {AIM_CONFIGURE_S:g})")
    print("every point right" if found["right"] else "NOT RIGHT")
    return 0 if found["right"] else 1


if __name__ == "__main__":
    sys.exit(main())
