"""Exposures per second of a whole station, with what each part takes.

A replay of a generated file, its run log, a worker, the conductor and the CA face run as processes; exposures
of 2000 hits, flat out, so that the way of an exposure through the parts is measured and not its length.

`python bench/exposures.py [--exposures N] [--layer pyepics|caproto]` writes bench/results/exposures.json.
"""

import argparse
import itertools
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from lib.station import HITLINE, entry, machine, spread, timed, up

RESULTS = Path(__file__).parent / "results" / "exposures.json"
AIM_PER_S = 20.0
HITS = 2000
STATION = {
    "conductor": {},
    "instruments": {
        "det1": entry("replay", file="scene.tpx3", speed="flat", slice="Hits", slice_hits=HITS),
    },
    "workers": {"ana1": {"source": "det1"}},
}


def bus_parts(group: str, count: int) -> dict[str, Any]:
    """Times over CSCP alone: a get, a set, an exposure (replay and log), and until the worker shows it."""
    import threading

    from hitline.bus.sync import Client

    with Client(group, "bench") as client:
        client.instruments(2.0)
        client.command("det1", "rewind")
        client.command("run", "launch", "bench", wait_s=10.0)
        client.command("run", "start", "bench", wait_s=10.0)
        news = threading.Condition()
        seen = {"exposure": 0}

        def changed(name: str, update: Any) -> None:
            if name == "exposure":
                with news:
                    seen["exposure"] = update.value or 0
                    news.notify_all()

        stop = client.watch("ana1", changed)
        analysed: list[float] = []

        def expose() -> None:
            before = client.get("det1", "exposure").value
            begin = time.perf_counter()
            client.set("det1", "acquire", "Acquire", wait_s=10.0)
            with news:
                if not news.wait_for(lambda: seen["exposure"] == before + 1, 10):
                    raise TimeoutError("the worker did not show the exposure")
            analysed.append(1e3 * (time.perf_counter() - begin))

        def put() -> None:
            client.set("det1", "acquire", "Acquire", wait_s=10.0)

        parts = {
            "CSCP get": timed(lambda: client.get("det1", "exposure"), count),
            "CSCP set": timed(lambda: client.set("ana1", "update_rate", 10.0), count),
            "CSCP acquire (replay, log on disk)": timed(put, count),
            "CSCP acquire until the worker shows it": timed(expose, count),
        }
        stop()
        client.command("run", "stop", wait_s=10.0)
        client.command("run", "land", wait_s=10.0)
    return parts


def ca_parts(station: Path, layer: str, count: int) -> dict[str, Any]:
    """Times through the CA face: a get, a put with completion, an ophyd trigger, a RunEngine event."""
    from hitline.devices import make_devices

    devices = make_devices(station, layer)
    det = devices.det1
    for device in (devices.station, devices.run, det):
        device.wait_for_connection(timeout=20)

    from bluesky import RunEngine, plans

    def put() -> None:
        det.ana1.update_rate.set(10.0).wait(10)

    def expose() -> None:
        det.trigger().wait(60)

    parts = {
        "CA get": timed(det.exposure.sample, count),
        "ophyd set (CA put, completion, readback)": timed(put, count),
    }
    det.cmd_rewind.set(1).wait(10)
    det.stage()
    expose()  # starts the run
    parts["ophyd trigger (CA acquire, log, worker, results read)"] = timed(expose, count)
    parts["ophyd read"] = timed(det.read, count)
    det.unstage()
    engine = RunEngine({})
    events: list[float] = []
    engine.subscribe(lambda name, document: events.append(time.perf_counter()), "event")
    det.cmd_rewind.set(1).wait(10)
    begin = time.perf_counter()
    engine(plans.count([det], num=count))
    whole_s = time.perf_counter() - begin
    steps = [1e3 * (b - a) for a, b in itertools.pairwise(events)]
    parts["RunEngine count, per event"] = spread(steps)
    rate = (len(events) - 1) / (events[-1] - events[0])
    return {"parts": parts, "exposures_per_s": round(rate, 2), "launch_to_land_s": round(whole_s, 2)}


def main() -> int:
    """Measure and write the results."""
    parser = argparse.ArgumentParser(description="Exposures per second, and what each part takes.")
    parser.add_argument("--exposures", type=int, default=100)
    parser.add_argument("--layer", choices=("pyepics", "caproto"), default="pyepics")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        total = HITS * 4 * (args.exposures + 10)
        scene = str(folder / "scene.tpx3")
        subprocess.run(
            [*HITLINE, "scene", scene, "--hits", str(total), "--rate", "1e6"],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        with up(folder, STATION) as station:
            parts = bus_parts(station.table["name"], args.exposures)
            found = ca_parts(station.file, args.layer, args.exposures)
    report = {
        "what": "exposures through replay, log, worker, CA face, ophyd and RunEngine, one machine",
        "exposures": args.exposures,
        "hits_per_exposure": HITS,
        "control_layer": args.layer,
        "aim_per_s": AIM_PER_S,
        "exposures_per_s": found["exposures_per_s"],
        "launch_to_land_s": found["launch_to_land_s"],
        "parts": {**parts, **found["parts"]},
        "machine": machine(),
    }
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(report, indent=1) + "\n")
    for name, part in report["parts"].items():
        print(f"{name:55} {part['median_ms']:9.2f} ms   p90 {part['p90_ms']:9.2f} ms")
    print(f"{report['exposures_per_s']} exposures/s (aim {AIM_PER_S:g}) over {args.layer}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
