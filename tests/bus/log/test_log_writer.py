"""The writer: nothing it takes is lost, what it drops it counts, and it never makes the producer wait."""

import errno
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hitline.bus.log.block import Condition, Format, Kind, LossMethod, decode_facts
from hitline.bus.log.reader import open_run
from hitline.bus.log.store import RESERVE_BYTES
from hitline.bus.log.verify import Quality, verify
from hitline.bus.log.writer import LogWriter
from kit.patience import WAIT_S
from log_tools import SickDisk, SickHandle, contents, fill

WORDS = {"format": Format.TPX3_WORDS, "method": LossMethod.SOURCE}


def test_a_run_is_its_marks_and_words_in_order(tmp_path):
    marks = []
    writer = LogWriter(tmp_path, "det1", on_marks=marks.append)
    writer.open("r1", station="test")
    writer.begin(1, cause="client", digest="abc", detector_ns=5)
    assert writer.data(b"12345678", words=1, hits=1, **WORDS)
    writer.end(1, {"hits_logged": 1})
    writer.values({"bias_v": -100.5})
    assert writer.wait(WAIT_S)
    assert writer.marks.hits == 1 and writer.marks.blocks == 5
    assert writer.close(Condition.DEGRADED, {"more": 1}) is Condition.DEGRADED
    run = open_run(tmp_path / "r1")
    blocks = list(run)
    assert [header.kind for header, _ in blocks] == [
        Kind.OPEN,
        Kind.BEGIN,
        Kind.DATA,
        Kind.END,
        Kind.VALUES,
        Kind.CLOSE,
    ]
    assert [header.exposure for header, _ in blocks] == [0, 1, 1, 1, 0, 0]
    facts = [decode_facts(payload) for header, payload in blocks if header.kind != Kind.DATA]
    assert facts[0]["station"] == "test" and facts[0]["source"] == "det1" and facts[0]["ordinal"] == 1
    assert {"cause": "client", "digest": "abc", "detector_ns": 5, "exposure": 1, "run": "r1"}.items() <= (
        facts[1].items()
    )
    assert facts[2]["counts"] == {"hits_logged": 1} and facts[3] == {"bias_v": -100.5}
    assert facts[4]["condition"] == "DEGRADED" and facts[4]["hits"] == 1 and facts[4]["lost"] == 0
    assert facts[4]["more"] == 1 and run.totals == facts[4]
    assert [m.written for m in marks] == sorted(m.written for m in marks)
    assert all(m.durable <= m.written for m in marks)
    assert marks[-1].closed and marks[-1].durable == marks[-1].written


def test_small_pieces_are_flushed_soon_and_large_ones_gathered(tmp_path):
    seen = threading.Event()
    writer = LogWriter(tmp_path, "det1", flush_s=0.02, on_marks=lambda m: seen.set() if m.hits else None)
    writer.open("r1")
    writer.data(bytes(8), words=1, hits=1, **WORDS)
    assert seen.wait(WAIT_S), "a single hit is in the file after the flush time"
    for _ in range(1000):
        writer.data(bytes(8000), words=1000, hits=1000, **WORDS)
    writer.close()
    sizes = [len(payload) for header, payload in open_run(tmp_path / "r1") if header.kind == Kind.DATA]
    assert sum(sizes) == 8_000_008
    assert len(sizes) < 100 and max(sizes) <= 2**20


def test_not_counted_is_not_zero(tmp_path):
    writer = LogWriter(tmp_path, "det1")
    writer.open("r1")
    writer.data(bytes(8), words=1, format=Format.TPX3_WORDS)
    writer.close()
    totals = open_run(tmp_path / "r1").totals
    assert totals["hits"] is None and totals["lost"] is None and totals["words"] == 1


class SlowHandle(SickHandle):
    def write(self, data):
        self.disk.gate.wait()
        super().write(data)


class SlowDisk(SickDisk):
    """Writes only while its gate is open."""

    def __init__(self, root):
        super().__init__(root)
        self.gate = threading.Event()

    def create(self, path):
        return SlowHandle(path, self)


def test_a_full_ring_drops_and_counts_to_the_word(tmp_path):
    disk = SlowDisk(tmp_path)
    writer = LogWriter(tmp_path, "det1", ring_bytes=4 * 2**20, disk=disk)
    writer.open("r1")
    taken = [writer.data(bytes([n]) * 80_000, words=10_000, hits=9_000, lost=1, **WORDS) for n in range(100)]
    assert taken[0] and not taken[-1]
    assert writer.dropped == 10_000 * taken.count(False)
    assert writer.ring_fill > 0.9
    assert not writer.data(bytes(80_000), words=1, **WORDS, drop=False)
    assert not writer.wait_room(0.01)
    disk.gate.set()
    assert writer.wait_room(5)
    assert writer.data(b"\xff" * 8, words=1, hits=1, **WORDS), "taken again when there is room"
    assert writer.close() is Condition.INCOMPLETE
    run = open_run(tmp_path / "r1")
    data = [(header, payload) for header, payload in run if header.kind == Kind.DATA]
    assert sum(len(payload) for _, payload in data) == 80_000 * taken.count(True) + 8
    assert sum(header.dropped for header, _ in data) == writer.dropped == run.totals["dropped_words"]
    assert run.totals["dropped_hits"] == 9_000 * taken.count(False)
    assert sum(header.lost for header, _ in data) == run.totals["lost"] == 100, (
        "also what was lost before a drop"
    )
    assert verify(tmp_path / "r1").quality is Quality.INCOMPLETE


def test_marks_wait_for_room_instead_of_getting_lost(tmp_path):
    disk = SlowDisk(tmp_path)
    writer = LogWriter(tmp_path, "det1", ring_bytes=4 * 2**20, disk=disk)
    writer.open("r1")
    while writer.data(bytes(80_000), words=10_000, **WORDS):
        pass
    while writer.data(bytes(8), words=1, **WORDS):
        pass
    ended = threading.Thread(target=writer.end, args=(1, {"hits": 3}))
    ended.start()
    ended.join(0.05)
    assert ended.is_alive()
    disk.gate.set()
    ended.join(WAIT_S)
    writer.close()
    assert Kind.END in [kind for kind, _, _ in contents(tmp_path / "r1" / "det1")]


def test_a_slow_sync_does_not_hold_up_the_writing(tmp_path):
    class Handle(SickHandle):
        def sync(self):
            self.disk.began.set()
            self.disk.gate.wait()
            super().sync()

    class Lazy(SickDisk):
        gate, began = threading.Event(), threading.Event()

        def create(self, path):
            return Handle(path, self)

    disk = Lazy(tmp_path)
    writer = LogWriter(tmp_path, "det1", sync_s=0.01, disk=disk)
    writer.open("r1")
    writer.data(bytes(8), words=1, hits=1, **WORDS)
    assert disk.began.wait(WAIT_S)
    before = writer.written
    writer.data(bytes(8), words=1, hits=1, **WORDS)
    assert writer.wait(WAIT_S), "written while the disk still syncs"
    assert writer.written > before and writer.durable == 0
    disk.gate.set()
    writer.close()
    assert writer.durable == writer.written


def test_a_failed_sync_taints_the_run_and_loses_nothing(tmp_path):
    disk = SickDisk(tmp_path)
    disk.fail_sync = [errno.EIO]
    writer = LogWriter(tmp_path, "det1", sync_s=0.005, disk=disk)
    writer.open("r1")
    for number in range(40):
        writer.data(bytes([number]) * 800, words=100, hits=100, **WORDS)
        writer.wait(WAIT_S)
    assert writer.close() is Condition.TAINTED
    run = open_run(tmp_path / "r1")
    assert b"".join(bytes(p) for h, p in run if h.kind == Kind.DATA) == b"".join(
        bytes([n]) * 800 for n in range(40)
    )
    assert "raw-" in run.totals["failures"][0]
    verdict = verify(tmp_path / "r1")
    assert verdict.quality is Quality.TAINTED and verdict.condition == "TAINTED"


def test_a_full_disk_ends_the_run_in_order_and_the_next_one_works(tmp_path):
    disk = SickDisk(tmp_path, quota=RESERVE_BYTES + 2 * 2**20)
    failed = threading.Event()
    writer = LogWriter(tmp_path, "det1", disk=disk, on_marks=lambda m: failed.set() if m.failed else None)
    writer.open("r1")
    writer.begin(1)
    sent = 0
    while writer.data(bytes(80_000), words=10_000, hits=10_000, **WORDS):
        sent += 10_000
        writer.wait(WAIT_S)
        assert sent < 1_000_000
    assert failed.wait(WAIT_S) and not writer.marks.closed
    assert "disk full" in writer.marks.failure
    writer.end(1, {"hits_lost": 7}, ended="failed")
    writer.begin(2)
    assert not writer.wait(1)
    assert writer.close() == Condition.INTERRUPTED | Condition.INCOMPLETE
    run = open_run(tmp_path / "r1")
    logged = sum(header.hits for header, _ in run if header.kind == Kind.DATA)
    assert run.totals["hits"] == logged == writer.marks.hits
    (end,) = (decode_facts(payload) for header, payload in run if header.kind == Kind.END)
    assert end["counts"] == {"hits_lost": 7}, "what came of the exposure stands in the reserve"
    # The last words came after the run had ended: they are in the live count, not in its marks. A hit a word.
    assert logged + writer.dropped == sent + 10_000, "each hit is in the log or counted as dropped"
    assert verify(tmp_path / "r1").quality is Quality.INCOMPLETE
    with pytest.raises(OSError, match=r"No space left on device: no room in .* for the 8 MiB .*: make room"):
        writer.open("r2")
    disk.quota = None
    writer.open("r2")
    fill(writer, [bytes(800)])
    assert writer.close() is Condition.GOOD
    assert verify(tmp_path / "r2").quality is Quality.GOOD


def test_a_run_whose_end_could_not_be_written_gets_it_before_the_next(tmp_path):
    disk = SickDisk(tmp_path)
    writer = LogWriter(tmp_path, "det1", disk=disk)
    writer.open("r1")
    writer.wait(WAIT_S)
    disk.fail_write = [errno.EIO] * 4
    writer.data(bytes(8), words=1, hits=1, **WORDS)
    assert writer.close() == Condition.TAINTED | Condition.INTERRUPTED | Condition.INCOMPLETE
    assert open_run(tmp_path / "r1").totals is None
    disk.fail_write = []
    writer.open("r2")
    assert open_run(tmp_path / "r1").totals["condition"] == "INCOMPLETE"
    writer.close()


def test_names_and_order_are_checked(tmp_path):
    writer = LogWriter(tmp_path, "det1")
    for bad in ("", "..", "a/b", ".hidden", "x" * 101, "a\0b", "-x"):
        with pytest.raises(ValueError, match="cannot name"):
            writer.open(bad)
        with pytest.raises(ValueError, match="cannot name"):
            LogWriter(tmp_path, bad)
    writer.open("r1")
    with pytest.raises(RuntimeError, match="r1 is still open"):
        writer.open("r2")
    writer.close()
    with pytest.raises(FileExistsError, match="r1"):
        writer.open("r1")
    assert writer.close() is Condition.GOOD
    assert not writer.data(bytes(8), words=1, format=2)
    with pytest.raises(ValueError, match="cap"):
        writer.open("r2", much="x" * 2**19)
    writer.close()


def test_a_preview_keeps_the_newest_part(tmp_path):
    writer = LogWriter(tmp_path, "det1", keep_bytes=2**20, block_bytes=2**16)
    writer.open("p1")
    fill(writer, [bytes([n % 256]) * 2**16 for n in range(64)])
    writer.close()
    run = open_run(tmp_path / "p1")
    kept = [bytes(p[:1])[0] for h, p in run if h.kind == Kind.DATA]
    assert kept == list(range(64))[-len(kept) :] and 16 <= len(kept) < 24
    assert run.preview and not run.flaws.gaps and not run.flaws.missing_blocks
    size = sum(path.stat().st_size for path in (tmp_path / "p1" / "det1").iterdir())
    assert size < 1.5 * 2**20


def test_a_real_disk_that_is_full(tmp_path):
    """The same on a file system of 16 MiB, in a mount namespace of its own."""
    child = f"{sys.executable} {Path(__file__).with_name('log_child.py')} fill {tmp_path}"
    script = f"mount -t tmpfs -o size=16m tmpfs {tmp_path} && {child}"
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", script], capture_output=True, text=True, timeout=1.5 * WAIT_S
    )
    if "unshare" in done.stderr or "mount:" in done.stderr:
        message = f"needs user namespaces (kernel.unprivileged_userns_clone=1): {done.stderr.strip()}"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(message)
    lines = ["r1 INCOMPLETE|INTERRUPTED incomplete True", "r2 GOOD good True"]
    assert done.stdout.splitlines() == lines, done
