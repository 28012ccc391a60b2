"""Child processes of the kill tests: a writer with its feed, and a reader with its saved state.

Blocks carry running numbers, so that each is known by its content and none can stand in for another.
"""

import sys
import threading
from pathlib import Path

import numpy as np
from hitline.bus.log.block import Format, Kind, LossMethod
from hitline.bus.log.cursor import load_state, save_state
from hitline.bus.log.feed import FeedClient, FeedServer
from hitline.bus.log.recover import recover
from hitline.bus.log.verify import verify
from hitline.bus.log.writer import LogWriter
from kit.patience import WAIT_S

WORDS = 2000
"""Per block: 16 kB."""
SAVE_EVERY = 7
"""Blocks: a prime, so that saves and anything else in powers of two do not fall together."""


def write(root: Path, run: str, blocks: int, port: int, block_delay_s: float) -> None:
    """Recover, serve, write one run of `blocks` blocks of running numbers, close it, serve until killed."""
    for found in recover(root, "det1"):
        print(f"recovered {found.run.run} {found.words} {found.cut_bytes}", flush=True)
    server = FeedServer(root, "det1", port=port)
    server.start()
    print(f"port {server.port}", flush=True)
    writer = LogWriter(root, "det1", block_bytes=WORDS * 8, segment_bytes=2**20, on_marks=server.notify)
    writer.open(run)
    pause = threading.Event()
    for number in range(blocks):
        payload = np.arange(number * WORDS, (number + 1) * WORDS, dtype="<u8").tobytes()
        while not writer.data(
            payload,
            words=WORDS,
            hits=WORDS,
            format=Format.TPX3_WORDS,
            method=LossMethod.SOURCE,
            drop=False,
        ):
            writer.wait_room(1)
        if number % 20 == 0:
            writer.wait(WAIT_S)
            print(f"written {writer.marks.words}", flush=True)
            pause.wait(block_delay_s)
    writer.close()
    print("closed", flush=True)
    sys.stdin.read()
    server.stop()


def read(address: str, state: Path, runs: int) -> None:
    """Count each number that comes; save place and counts together; end after `runs` runs."""
    saved = load_state(state)
    cursor = saved.cursor if saved else None
    words = {name: saved.arrays[name] for name in saved.arrays} if saved else {}
    closed = int(saved.facts["closed"]) if saved else 0
    print("ready", flush=True)
    if closed == runs:  # killed just before it could say so
        print("done", flush=True)
        return
    client = FeedClient(address, "det1")
    for index, (place, header, payload) in enumerate(client.follow(cursor, threading.Event())):
        if header.kind == Kind.DATA:
            numbers = np.frombuffer(payload, "<u8").astype(np.int64)
            counts = words.get(place.run, np.zeros(0, np.int64))
            size = max(len(counts), int(numbers.max()) + 1)
            words[place.run] = np.pad(counts, (0, size - len(counts)))
            np.add.at(words[place.run], numbers, 1)
        closed += header.kind == Kind.CLOSE
        if index % SAVE_EVERY == 0 or header.kind == Kind.CLOSE:
            save_state(state, place, words, {"closed": closed})
        if closed == runs:
            break
    counts_ = client.counts
    assert counts_.gaps == counts_.missing_blocks == counts_.bad_payloads == counts_.lost_runs == 0, counts_
    print("done", flush=True)


def fill(root: Path) -> None:
    """Write until the disk is full, make room, write on; say how each run ended."""
    writer = LogWriter(root, "det1", segment_bytes=2**20)
    for run in ("r1", "r2"):
        writer.open(run)
        for _ in range(20 if run == "r2" else 1000):
            if not writer.data(
                bytes(80_000),
                words=10_000,
                hits=10_000,
                format=Format.TPX3_WORDS,
                method=LossMethod.SOURCE,
                drop=False,
            ):
                writer.wait_room(1)
            writer.wait(WAIT_S)
            if writer.marks.failed:
                break
        condition = writer.close()
        verdict = verify(root / run)
        print(
            f"{run} {condition.text} {verdict.quality.value} {verdict.hits == writer.marks.hits}", flush=True
        )
        for segment in (root / run / "det1").glob("raw-*"):
            segment.unlink()


if __name__ == "__main__":
    if sys.argv[1] == "fill":
        fill(Path(sys.argv[2]))
    elif sys.argv[1] == "write":
        write(Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]), int(sys.argv[5]), float(sys.argv[6]))
    else:
        read(sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]))
