"""The growing end of a run on disks that fail."""

import errno
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hitline.bus.log.block import HEADER_BYTES, Condition, Format, Header, Kind
from hitline.bus.log.disk import Disk
from hitline.bus.log.identity import Identity
from hitline.bus.log.reader import open_run
from hitline.bus.log.recover import recover
from hitline.bus.log.store import RESERVE_BYTES, DiskFull, Store
from hitline.bus.log.verify import Quality, verify
from hypothesis import given, settings
from hypothesis import strategies as st
from log_tools import CutDisk, PowerCut, SickDisk, contents


def put(store, payload, kind=Kind.DATA):
    header = Header(
        kind, Format.TPX3_WORDS, words=len(payload), hits=len(payload), method=3, payload=len(payload)
    )
    memory = memoryview(bytearray(header.size))
    memory[HEADER_BYTES : HEADER_BYTES + len(payload)] = payload
    store.append(memory, [header])


def opened(root, disk=None, segment_bytes=2**30):
    store = Store(Identity(root, "r1", "det1", 1), disk or Disk(), segment_bytes)
    store.open()
    return store


def names(root):
    return sorted(path.name for path in (root / "r1" / "det1").iterdir())


def test_segments_roll_and_read_as_one(tmp_path):
    store = opened(tmp_path, segment_bytes=600)
    for number in range(10):
        if store.rolls:
            store.roll()
        put(store, bytes([number]) * 100)
    store.close()
    assert len(names(tmp_path)) == 4
    assert [payload[0] for _, _, payload in contents(tmp_path / "r1" / "det1")] == list(range(10))


def test_a_failed_sync_ends_the_segment_and_keeps_the_promise(tmp_path):
    disk = SickDisk(tmp_path)
    store = opened(tmp_path, disk)
    put(store, b"a" * 100)
    store.sync()
    put(store, b"b" * 100)
    mark = store.durable
    disk.fail_sync = [errno.EIO]
    store.sync()
    assert store.durable == store.written > mark
    assert store.condition is Condition.TAINTED
    put(store, b"c" * 100)
    store.sync()
    store.close()
    assert names(tmp_path) == ["raw-0000000000000000.seg", f"raw-{mark:016d}.seg"]
    # Never again on the failed file: after the failure only the new one is synced.
    failed = disk.syncs.index("raw-0000000000000000.seg", 1)
    assert "raw-0000000000000000.seg" not in disk.syncs[failed + 1 :]
    # What the failed segment holds beyond its end is not needed any more.
    (tmp_path / "r1" / "det1" / "raw-0000000000000000.seg").write_bytes(
        (tmp_path / "r1" / "det1" / "raw-0000000000000000.seg").read_bytes()[:mark]
    )
    assert [payload[:1] for _, _, payload in contents(tmp_path / "r1" / "det1")] == [b"a", b"b", b"c"]


def test_a_failed_sync_of_a_young_segment_replaces_it(tmp_path):
    disk = SickDisk(tmp_path)
    store = opened(tmp_path, disk)
    put(store, b"a" * 100)
    disk.fail_sync = [errno.EIO]
    store.sync()
    put(store, b"b" * 100)
    store.sync()
    store.close()
    assert names(tmp_path) == ["raw-0000000000000000.seg"]
    assert [payload[:1] for _, _, payload in contents(tmp_path / "r1" / "det1")] == [b"a", b"b"]


def test_a_sync_that_fails_in_its_thread_counts_the_same(tmp_path):
    disk = SickDisk(tmp_path)
    store = opened(tmp_path, disk)
    put(store, b"a" * 100)
    disk.fail_sync = [errno.EIO]
    store.start_sync(lambda: None)
    put(store, b"b" * 100)
    assert store.settle()
    assert store.durable == store.written
    assert store.condition is Condition.TAINTED
    store.close()
    assert [payload[:1] for _, _, payload in contents(tmp_path / "r1" / "det1")] == [b"a", b"b"]


def test_a_failed_write_goes_to_a_new_segment_whole(tmp_path):
    disk = SickDisk(tmp_path)
    store = opened(tmp_path, disk)
    put(store, b"a" * 100)
    store.sync()
    disk.fail_write = [errno.EIO]
    put(store, b"b" * 100)
    store.close()
    assert store.condition is Condition.TAINTED
    assert len(names(tmp_path)) == 2
    run = open_run(tmp_path / "r1" / "det1")
    assert [bytes(payload[:1]) for _, payload in run] == [b"a", b"b"]
    assert not run.flaws.gaps and not run.flaws.tail_bytes


def test_a_second_failure_in_a_row_is_the_end(tmp_path):
    disk = SickDisk(tmp_path)
    store = opened(tmp_path, disk)
    disk.fail_write = [errno.EIO, 0, errno.EIO]
    with pytest.raises(OSError):
        put(store, b"a" * 100)
    store.close()


def test_a_full_disk_leaves_room_for_the_end(tmp_path):
    disk = SickDisk(tmp_path, quota=RESERVE_BYTES + 2000)
    store = opened(tmp_path, disk)
    put(store, b"a" * 1000)
    with pytest.raises(DiskFull):
        put(store, b"b" * 1000)
    store.emergency()
    store.mark(Kind.CLOSE, {"condition": "INTERRUPTED"}, 0, 0)
    store.sync()
    store.close()
    assert not (tmp_path / ".reserve-det1").exists()
    run = open_run(tmp_path / "r1" / "det1")
    assert [header.kind for header, _ in run] == [Kind.DATA, Kind.CLOSE]
    assert run.totals == {"condition": "INTERRUPTED"}


STEPS = st.lists(st.tuples(st.integers(0, 2000), st.booleans()), max_size=25)


@settings(max_examples=150, deadline=None)
@given(fuse=st.integers(1, 60), seed=st.integers(0, 2**32), steps=STEPS)
def test_a_power_cut_takes_nothing_durable_and_invents_nothing(fuse, seed, steps):
    """At any moment, whatever sectors the disk kept: all up to `durable` is there, and a true prefix."""
    with TemporaryDirectory() as folder:
        cut_the_power(Path(folder), fuse, seed, steps)


@pytest.mark.faults
@pytest.mark.timeout(600)
@settings(max_examples=10_000, deadline=None)
@given(fuse=st.integers(1, 60), seed=st.integers(0, 2**32), steps=STEPS)
def test_ten_thousand_power_cuts(fuse, seed, steps):
    """The same, often."""
    with TemporaryDirectory() as folder:
        cut_the_power(Path(folder), fuse, seed, steps)


def cut_the_power(root, fuse, seed, steps):
    disk = CutDisk(fuse, seed)
    put_in: list[bytes] = []
    durable_blocks = 0
    store = None
    try:
        store = Store(Identity(root, "r1", "det1", 1), disk, 4000)
        store.open()
        for number, (size, sync) in enumerate(steps):
            payload = bytes([number]) * size
            if store.rolls:
                store.roll()
                durable_blocks = len(put_in)
            put_in.append(payload)
            put(store, payload)
            if sync:
                store.sync()
                durable_blocks = len(put_in)
    except PowerCut:
        pass
    finally:
        if store:
            store.close()
    disk.crash()
    if not (root / "r1" / "det1").is_dir():
        assert durable_blocks == 0
        return
    found = recover(root, "det1")
    assert len(found) == 1 or not list((root / "r1" / "det1").iterdir())
    run = open_run(root / "r1" / "det1")
    blocks = list(run)
    payloads = [bytes(payload) for header, payload in blocks if header.kind == Kind.DATA]
    assert payloads == put_in[: len(payloads)]
    assert len(payloads) >= durable_blocks
    assert blocks[-1][0].kind == Kind.CLOSE
    verdict = verify(root / "r1" / "det1")
    assert verdict.quality is Quality.INCOMPLETE, verdict.reasons
    assert recover(root, "det1") == [], "once is enough"


def test_what_a_dead_writer_held_in_reserve_takes_the_end_of_its_run(tmp_path):
    disk = SickDisk(tmp_path, quota=RESERVE_BYTES + 2000)
    store = opened(tmp_path, disk)
    put(store, b"a" * 1700)
    with pytest.raises(DiskFull):
        put(store, b"b" * 1000)
    store.close()  # as if it had been killed here
    (found,) = recover(tmp_path, "det1", disk=disk)
    assert found.words == 1700 and not store.identity.reserve.exists()
    assert [kind for kind, _, _ in contents(tmp_path / "r1" / "det1")] == [Kind.DATA, Kind.CLOSE]


@pytest.mark.parametrize("kept", range(0, 700, 7))
def test_a_run_cut_anywhere_opens(tmp_path, kept):
    cut_the_file(tmp_path, kept)


@pytest.mark.faults
def test_a_run_cut_at_every_byte_opens():
    for kept in range(700):
        with TemporaryDirectory() as folder:  # each with its reserve, which is large
            cut_the_file(Path(folder), kept)


def cut_the_file(tmp_path, kept):
    store = opened(tmp_path)
    starts = [0]
    for number in range(3):
        put(store, bytes([number]) * 60)
        starts.append(store.written)
    store.close()
    file = tmp_path / "r1" / "det1" / "raw-0000000000000000.seg"
    file.write_bytes(file.read_bytes()[:kept])
    whole = sum(start <= kept for start in starts[1:])
    assert len(contents(tmp_path / "r1" / "det1")) == whole
    (found,) = recover(tmp_path, "det1")
    assert found.cut_bytes == min(kept, starts[-1]) - starts[whole]
    assert [kind for kind, _, _ in contents(tmp_path / "r1" / "det1")] == [Kind.DATA] * whole + [Kind.CLOSE]
