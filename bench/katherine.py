"""The full rate of a Katherine through driver and run log, with everything else going on.

    python bench/katherine.py [--seconds 6] [--runs 5] [--mhit-s 16] [--folder DIR]

An emulated readout on one core sends 16 Mhit/s (96 MB/s in datagrams of 1356 bytes) over UDP to a backend
process on the other, which logs them on a real disk. Meanwhile the backend is polled 100 times a second,
encodes the pixel configuration into a file every second, and another process reads all blocks through the
feed. Then the same with a thread of plain Python that never rests in the backend. At last the rate rises
until something gives way. Every run is checked: hits sent by the readout = hits logged = pixel words in the
log = hits read through the feed, and the log verifies as good; all runs together are what the emulator itself
counted. Otherwise the exit code is 1. CPU time is that of the backend process alone. Writes
bench/results/katherine.json.
"""

import argparse
import json
import os
import shutil
import signal
import statistics
import sys
import tempfile
import threading
import time
import uuid
from pathlib import Path
from typing import Any

from lib.process import child, cpu_s
from lib.station import HITLINE, free_port, machine

RESULTS = Path(__file__).parent / "results" / "katherine.json"
POLLS_PER_S = 100.0
CEILING = (20, 25, 30, 35, 40, 45, 50, 55, 60, 70, 80, 100)
"""Mhit/s, one after the other until hits are lost or the emulator cannot send them."""
STATION = """
name = "{name}"
prefix = "B:"
[instruments.kat1]
type = "katherine"
[instruments.kat1.options]
address = "127.0.0.2"
control_port = {control}
local_control_port = {local}
data_port = {data}
"""


def readout(station: str, busy: bool) -> int:
    """In the backend's process: the backend, and maybe a thread that never rests."""
    from hitline.ioc.backend import main

    def never_rest() -> None:
        numbers = list(range(1000))
        while True:
            sorted(numbers, key=lambda n: -n)

    if busy:
        threading.Thread(target=never_rest, daemon=True).start()
    return main([station, "kat1"])


def follow(address: str, runs: int) -> int:
    """In the reader's process: all blocks of so many runs; tell the hits of each."""
    from hitline.bus.log.block import Kind
    from hitline.bus.log.feed import FeedClient

    hits = 0
    for _, header, payload in FeedClient(address, "kat1").follow(None, threading.Event()):
        hits += header.hits if header.kind == Kind.DATA and len(payload) else 0
        if header.kind == Kind.CLOSE:
            print(hits, flush=True)
            hits, runs = 0, runs - 1
            if not runs:
                return 0
    return 1


class Polls:
    """Asks 100 times a second, and takes the time of each answer."""

    def __init__(self, client: Any) -> None:
        self._client, self._stop = client, threading.Event()
        self.took_ms: list[float] = []
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Polls":
        self._begun = time.perf_counter()
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            begin = time.perf_counter()
            self._client.get("kat1", "hits_logged")
            self.took_ms.append(1e3 * (time.perf_counter() - begin))
            due = self._begun + len(self.took_ms) / POLLS_PER_S
            self._stop.wait(max(0.0, due - time.perf_counter()))


def expose(client: Any, pid: int, seconds: float, folder: Path) -> dict[str, Any]:
    """One exposure in a run of its own; what it cost and what came."""
    client.set("kat1", "acquire_time", seconds, wait_s=30.0)
    encoded, rest = 0, threading.Event()
    with Polls(client) as polls:
        cpu, begin = cpu_s(pid), time.perf_counter()
        client.set("kat1", "acquire", "Acquire", wait_s=0)
        while time.perf_counter() - begin < seconds:
            client.command("kat1", "save_pixels", str(folder / "pixels.txt"), wait_s=10.0)
            encoded += 1
            rest.wait(1.0)
        while client.get("kat1", "acquiring").value or client.get("kat1", "acquire").value != "Done":
            rest.wait(0.02)
        took, cpu = time.perf_counter() - begin, cpu_s(pid) - cpu
    names = ("hits_sent", "hits_logged", "hits_lost", "kernel_drops", "ring_dropped", "condition", "run")
    found = {name: client.get("kat1", name).value for name in names}
    took_ms = sorted(polls.took_ms)
    return {
        **found,
        "seconds": seconds,
        "wall_s": round(took, 3),
        "backend_cpu_s": round(cpu, 3),
        "cores": round(cpu / seconds, 4),
        "mhit_s": round((found["hits_sent"] or 0) / seconds / 1e6, 3),
        "polls_per_s": round(len(took_ms) / took, 1),
        "poll_median_ms": round(statistics.median(took_ms), 3),
        "poll_p99_ms": round(took_ms[int(0.99 * len(took_ms))], 3),
        "configurations_encoded": encoded,
    }


def words_in(folder: Path) -> tuple[int, int, bool]:
    """Pixel words of a log, counted in its bytes; the hits of its last frame; whether it verifies."""
    from hitline.bus.formats.katherine_scan import scan
    from hitline.bus.formats.katherine_words import Header
    from hitline.bus.log.block import Kind
    from hitline.bus.log.reader import open_run
    from hitline.bus.log.verify import Quality, verify

    pixels = counted = 0
    for header, payload in open_run(folder):
        if header.kind == Kind.DATA:
            found = scan(payload)
            pixels += found.pixels
            counted += int(found.value[found.header == Header.FINISHED].sum())
    return pixels, counted, verify(folder).quality is Quality.GOOD


def series(args: argparse.Namespace, mhit_s: float, runs: int, seconds: float, *, busy: bool) -> list[dict]:
    """Runs at one rate, each checked; `ok` says whether everything was there."""
    from hitline.bus.sync import Client

    folder = Path(tempfile.mkdtemp(dir=args.folder, prefix="bench-katherine-"))
    ports = {"control": free_port(), "local": free_port(), "data": free_port()}
    group = f"bench{uuid.uuid4().hex[:8]}"
    station = folder / "station.toml"
    station.write_text(STATION.format(name=group, **ports))
    emulate = [*HITLINE, "emulate", "katherine", "--control-port", str(ports["control"]), "--data-port", "0"]
    emulate += ["--client-data-port", str(ports["data"]), "--loop-mhit-s", str(mhit_s)]
    backend = [sys.executable, __file__, "--readout", str(station), *(["--busy"] if busy else [])]
    rows = []
    try:
        with child(emulate, 1) as emulator, child(backend, 0) as process:
            assert emulator.stdout and process.stdout
            emulator.stdout.readline()
            ready = json.loads(process.stdout.readline().removeprefix("ready "))
            feed = f"tcp://127.0.0.1:{ready['feeds']['kat1']}"
            reader_args = [sys.executable, __file__, "--follow", feed, "--runs", str(runs)]
            with Client(group, "bench") as client, child(reader_args, None) as reader:
                client.instruments(2.0)
                for _ in range(runs):
                    row = expose(client, process.pid, seconds, folder)
                    assert reader.stdout
                    row["hits_through_feed"] = int(reader.stdout.readline())
                    log = folder / "runs" / row.pop("run") / "kat1"
                    row["pixel_words_in_log"], row["hits_by_frame_count"], good = words_in(log)
                    shutil.rmtree(log)
                    counts = ("hits_sent", "hits_logged", "pixel_words_in_log", "hits_by_frame_count")
                    same = {row[name] for name in (*counts, "hits_through_feed")}
                    row["ok"] = good and len(same) == 1 and row["hits_lost"] == 0
                    rows.append(row)
                    print(told(row), flush=True)
            emulator.send_signal(signal.SIGTERM)
            counted = int(emulator.communicate()[0].split("hits_sent ")[1].split(",")[0])
            if counted != sum(row["hits_sent"] or 0 for row in rows):
                print(f"  NOT OK: the emulator counted {counted} hits", flush=True)
                rows[-1]["ok"] = False
    finally:
        shutil.rmtree(folder)
    return rows


def told(row: dict[str, Any]) -> str:
    """A run in one line."""
    lost = f"lost {row['hits_lost']} (kernel {row['kernel_drops']}, ring {row['ring_dropped']})"
    poll = f"poll median {row['poll_median_ms']} ms"
    end = "ok" if row["ok"] else "NOT OK"
    return f"  {row['mhit_s']:6.2f} Mhit/s, {row['cores']:.3f} cores, {lost}, {poll}, {end}"


def ceiling(args: argparse.Namespace) -> dict[str, Any]:
    """Raise the rate until something gives way; say what."""
    best, cause = 0.0, "nothing up to the highest rate tried"
    steps = []
    for rate in CEILING:
        (row,) = series(args, rate, 1, 3.0, busy=False)
        steps.append({"asked_mhit_s": rate, **row})
        if row["mhit_s"] < 0.97 * rate:
            cause = f"the emulator sends no more than {row['mhit_s']:.1f} Mhit/s on its core"
        elif row["kernel_drops"]:
            cause = "the kernel's receive buffer overflows: the backend's core is full"
        elif row["ring_dropped"]:
            cause = "the ring before the log overflows: the disk is too slow"
        elif not row["ok"]:
            cause = "hits are missing"
        else:
            best = row["mhit_s"]
            continue
        break
    return {"mhit_s": best, "cause": cause, "steps": steps}


def summary(rows: list[dict]) -> dict[str, Any]:
    """Medians of runs, and the runs."""
    return {
        "median_cores": statistics.median(row["cores"] for row in rows),
        "worst_cores": max(row["cores"] for row in rows),
        "lost": sum(row["hits_lost"] or 0 for row in rows),
        "all_ok": all(row["ok"] for row in rows),
        "runs": rows,
    }


def main() -> int:
    """Measure and write the results."""
    parser = argparse.ArgumentParser(description="The full rate of a Katherine into the run log.")
    parser.add_argument("--seconds", type=float, default=6.0, help="of an exposure (default 6)")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--mhit-s", type=float, default=16.0)
    parser.add_argument("--folder", help="where the logs go (default: the system's)")
    parser.add_argument("--readout", help=argparse.SUPPRESS)
    parser.add_argument("--busy", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--follow", help=argparse.SUPPRESS)
    args = parser.parse_args()
    os.environ.setdefault("HITLINE_LOG", "WARNING")
    if args.readout:
        return readout(args.readout, args.busy)
    if args.follow:
        return follow(args.follow, args.runs)
    print(f"{args.mhit_s:g} Mhit/s into the log, {args.runs} exposures of {args.seconds:g} s")
    plain = series(args, args.mhit_s, args.runs, args.seconds, busy=False)
    print("the same with a thread that never rests in the backend")
    busy = series(args, args.mhit_s, args.runs, args.seconds, busy=True)
    print("up to where it goes")
    report = {
        "what": "emulated Katherine over UDP on loopback -> driver -> run log on disk; polled, fed, encoding",
        "aim": {"mhit_s": 16, "cores": 0.5, "lost": 0},
        "ratio_to_aim_cores": round(statistics.median(row["cores"] for row in plain) / 0.5, 3),
        "plain": summary(plain),
        "busy_thread": summary(busy),
        "ceiling": ceiling(args),
        "machine": {
            **machine(),
            "rmem_max": int(Path("/proc/sys/net/core/rmem_max").read_text()),
        },
    }
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(report, indent=1) + "\n")
    top = report["ceiling"]
    print(f"{report['plain']['median_cores']:.3f} cores (aim 0.5)")
    print(f"ceiling {top['mhit_s']} Mhit/s: {top['cause']}")
    return 0 if report["plain"]["all_ok"] and report["busy_thread"]["all_ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
