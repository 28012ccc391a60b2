"""Figures of the run log and the feed, with plain PUSH/PULL as the peer in the same run.

    python bench/log.py [--mib 512] [--runs 5] [--folder DIR]

Writes blocks of 1 MiB that carry running numbers into a log on a real disk (append, CRC-32C, fdatasync),
reads them in another process through the feed, and moves the same bytes to another process by PUSH/PULL,
which loses them when that process dies. Every block is checked for its number and its bytes; a wrong or
missing one ends the run with exit code 1. Prints one JSON object and writes it to bench/results/log.json.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from pathlib import Path

import numpy as np
import zmq
from hitline.bus.log.block import Format, Kind, LossMethod
from hitline.bus.log.feed import Cursor, FeedClient, FeedServer
from hitline.bus.log.verify import Quality, verify
from hitline.bus.log.writer import LogWriter

RESULTS = Path(__file__).parent / "results" / "log.json"
MIB = 2**20
WORDS = MIB // 8
BASE = np.random.default_rng(1).integers(0, 2**63, WORDS, dtype=np.uint64)
CHECK = zlib.crc32(memoryview(BASE[1:]).cast("B"))


def block(number: int) -> bytes:
    """1 MiB whose first word is its number."""
    BASE[0] = number
    return BASE.tobytes()


def checked(payload: memoryview, number: int) -> None:
    """End the run when a block is not the one that it should be."""
    found = int.from_bytes(payload[:8], "little")
    if found != number or len(payload) != MIB or (number % 16 == 0 and zlib.crc32(payload[8:]) != CHECK):
        sys.exit(f"block {number}: got number {found}, {len(payload)} bytes")


def read_feed(address: str, blocks: int) -> None:
    """In the other process: everything of the run, through the feed."""
    number, start = 0, 0.0
    for _, header, payload in FeedClient(address, "bench").follow(Cursor("run"), threading.Event()):
        start = start or time.perf_counter()
        if header.kind == Kind.DATA:
            checked(payload, number)
            number += 1
        if header.kind == Kind.CLOSE:
            break
    if number != blocks:
        sys.exit(f"{number} of {blocks} blocks came")
    print(blocks / (time.perf_counter() - start), flush=True)


def read_pull(address: str, blocks: int) -> None:
    """In the other process: as many blocks, by PULL."""
    with zmq.Context() as context, context.socket(zmq.PULL) as pull:
        pull.connect(address)
        start = 0.0
        for number in range(blocks):
            frame = pull.recv(copy=False)
            start = start or time.perf_counter()
            checked(frame.buffer, number)
    print(blocks / (time.perf_counter() - start), flush=True)


def child(what: str, address: str, blocks: int) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, __file__, "--child", what, address, str(blocks)], text=True, stdout=subprocess.PIPE
    )


def result(process: "subprocess.Popen[str]") -> float:
    out, _ = process.communicate(timeout=300)
    if process.returncode:
        sys.exit(f"reader failed: {out}")
    return float(out)


def append(root: Path, blocks: int) -> dict[str, float]:
    """Write one run as fast as the disk takes it."""
    marks = []
    writer = LogWriter(root, "bench", on_marks=lambda m: marks.append(time.perf_counter()))
    payloads = [block(number) for number in range(blocks)]
    start, cpu = time.perf_counter(), time.process_time()
    writer.open("run")
    for payload in payloads:
        while not writer.data(
            payload,
            words=WORDS,
            hits=WORDS,
            format=Format.TPX3_WORDS,
            method=LossMethod.SOURCE,
            drop=False,
        ):
            writer.wait_room(1.0)
    writer.close()
    took, cpu = time.perf_counter() - start, time.process_time() - cpu
    verdict = verify(root / "run" / "bench")
    if verdict.quality is not Quality.GOOD or verdict.bytes != blocks * MIB:
        sys.exit(f"the log is {verdict}")
    return {
        "mib_per_s": blocks / took,
        "mib_per_cpu_s": blocks / cpu,
        "longest_pause_ms": 1e3 * max(np.diff(marks), default=0.0),
    }


def push(blocks: int) -> float:
    with zmq.Context() as context, context.socket(zmq.PUSH) as socket:
        port = socket.bind_to_random_port("tcp://127.0.0.1")
        reader = child("pull", f"tcp://127.0.0.1:{port}", blocks)
        for number in range(blocks):
            socket.send(block(number), copy=False)
        return result(reader)


def latency(root: Path, rate_hz: float, size: int, count: int) -> dict[str, float]:
    """From the arrival of words in the writer to their reader, at a steady rate; flush time included."""
    server = FeedServer(root, "bench")
    server.start()
    writer = LogWriter(root, "bench", block_bytes=size, on_marks=server.notify)
    delays: list[float] = []
    opened, stop = threading.Event(), threading.Event()

    def follow() -> None:
        client = FeedClient(f"tcp://127.0.0.1:{server.port}", "bench")
        for _, header, _ in client.follow(None, stop):
            opened.set()
            if header.kind == Kind.DATA:
                delays.append((time.monotonic_ns() - header.mono_last_ns) / 1e6)
            if header.kind == Kind.CLOSE:
                return

    reader = threading.Thread(target=follow)
    reader.start()
    writer.open(f"latency_{size}")
    opened.wait(5)
    payload, pause = bytes(size), threading.Event()
    start = time.perf_counter()
    for number in range(count):
        writer.data(payload, words=size // 8, format=Format.TPX3_WORDS)
        pause.wait(max(0.0, start + (number + 1) / rate_hz - time.perf_counter()))
    writer.close()
    reader.join(10)
    stop.set()
    server.stop()
    if len(delays) != count:
        sys.exit(f"{len(delays)} of {count} blocks came")
    p50, p99 = np.percentile(delays, (50, 99))
    return {
        "blocks": count,
        "bytes": size,
        "rate_hz": rate_hz,
        "p50_ms": float(p50),
        "p99_ms": float(p99),
        "max_ms": max(delays),
    }


def figures(args: argparse.Namespace) -> dict[str, object]:
    appends, feeds, pushes = [], [], []
    for _ in range(args.runs):
        root = Path(tempfile.mkdtemp(dir=args.folder, prefix="bench-log-"))
        try:
            appends.append(append(root, args.mib))
            server = FeedServer(root, "bench")
            server.start()
            feeds.append(result(child("feed", f"tcp://127.0.0.1:{server.port}", args.mib)))
            server.stop()
            pushes.append(push(args.mib))
        finally:
            shutil.rmtree(root)
    root = Path(tempfile.mkdtemp(dir=args.folder, prefix="bench-log-"))
    try:
        delays = {
            "full blocks of 256 KiB at 50 MB/s": latency(root, 190.0, 256 * 1024, 2000),
            "full blocks of 64 KiB at 6.5 MB/s": latency(root, 100.0, 64 * 1024, 1000),
        }
    finally:
        shutil.rmtree(root)
    feed, plain = statistics.median(feeds), statistics.median(pushes)
    return {
        "machine": {
            "cpus": os.cpu_count(),
            "python": platform.python_version(),
            "zmq": zmq.zmq_version(),
            "system": platform.platform(),
            "load": os.getloadavg()[0],
        },
        "mib": args.mib,
        "runs": args.runs,
        "append_crc_sync": {key: statistics.median(run[key] for run in appends) for key in appends[0]},
        "append_crc_sync_all_mib_per_s": [run["mib_per_s"] for run in appends],
        "feed_mib_per_s": feed,
        "feed_all": feeds,
        "push_pull_mib_per_s": plain,
        "push_pull_all": pushes,
        "feed_to_push_pull": feed / plain,
        "latency": delays,
        "exact": True,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mib", type=int, default=512, help="blocks of 1 MiB per run")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--folder", help="on the disk that is to be measured (default: the temporary folder)")
    parser.add_argument("--child", nargs=3, metavar=("WHAT", "ADDRESS", "BLOCKS"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        what, address, blocks = args.child
        {"feed": read_feed, "pull": read_pull}[what](address, int(blocks))
        return
    found = figures(args)
    text = json.dumps(found, indent=1, default=float)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
