"""A replay on the bus, as a client sees it: exposures, runs, counts, refusals."""

import asyncio
import errno
import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hitline.analysis.loss import Loss
from hitline.analysis.marks import facts_of
from hitline.bus.attribute import Refused, Severity
from hitline.bus.log.account import lost
from hitline.bus.log.block import Condition, Kind, decode_facts
from hitline.bus.log.feed import Cursor, FeedClient
from hitline.bus.log.reader import open_run
from hitline.bus.log.store import RESERVE_BYTES
from hitline.bus.log.verify import Quality, verify
from hitline.bus.states import State
from kit.patience import WAIT_S
from log_tools import SickDisk
from replay_tools import decoded, recording


def blocks(bench, run):
    return list(open_run(bench.root / run / "det1"))


def hits_of(bench, run):
    data = (bytes(payload) for header, payload in blocks(bench, run) if header.kind == Kind.DATA)
    return decoded(b"".join(data))


async def test_acquire_without_a_run_opens_one_and_closes_it(bench, tpx3):
    b = await bench(tpx3(5000))
    assert b["detector_state"] == "Idle" and b["manufacturer"] == "hitline" and b["at_end"] is False
    await b.acquire()
    assert b["hits_sent"] == b["hits_logged"] == 5000 and b["hits_lost"] == 0 and b["exposure"] == 1
    assert b["loss_method"] == "SOURCE" and b["at_end"] is True and b["position"] == 100.0
    assert b.satellite.state is State.INIT and b["acquire"] == "Done" and b["detector_state"] == "Idle"
    assert b["run"].endswith("-det1") and b["log_folder"] == str(b.root / b["run"] / "det1")
    verdict = verify(b.root / b["run"])
    assert verdict.quality is Quality.GOOD and verdict.hits == 5000 and verdict.exposures == 1
    assert hits_of(b, b["run"]).x.tolist() == [n % 256 for n in range(5000)]
    with pytest.raises(Refused, match="rewind") as refused:
        await b.acquire()
    assert refused.value.code == "failed" and b.satellite.state is State.INIT
    first = b["run"]
    await b.proxy.command("rewind")
    await b.acquire()
    assert b["run"] != first and b["hits_logged"] == 5000, "two runs in one second have different names"


async def test_exposures_of_one_run_have_their_own_counts(bench, tpx3):
    b = await bench(tpx3(50_000), slice="Hits")
    await b.run("run_1")
    sizes = [1 + 37 * n % 991 for n in range(30)]
    for number, size in enumerate(sizes, 1):
        await b.proxy.set("slice_hits", size)
        await b.acquire()
        assert b["exposure"] == number and b["hits_logged"] == sum(sizes[:number])
        assert b["detector_state"] == "Idle"
    await b.move("stop")
    assert b.satellite.state is State.ORBIT
    facts = [(h.exposure, decode_facts(p)) for h, p in blocks(b, "run_1") if h.kind == Kind.END]
    assert [(n, f["counts"]["hits_logged"]) for n, f in facts] == list(enumerate(sizes, 1))
    assert hits_of(b, "run_1").x.tolist() == [n % 256 for n in range(sum(sizes))]
    run = open_run(b.root / "run_1" / "det1")
    assert run.totals["hits_sent"] == run.totals["hits"] == sum(sizes) and run.totals["condition"] == "GOOD"
    await b.move("start", "run_2")
    await b.until(lambda: b["run"] == "run_2")
    assert b["exposure"] == 0 and b["hits_logged"] == 0
    await b.acquire()
    assert b["exposure"] == 1


async def test_news_come_in_the_order_that_devices_rely_on(bench, tpx3):
    b = await bench(tpx3(3000))
    news = []
    forget = b.proxy.listen(lambda name, update: news.append((name, update.value)))
    await b.move("launch")
    news.clear()
    await b.move("start", "r1")
    await b.acquire()
    forget()
    at = {item: news.index(item) for item in news}
    assert at["exposure", 0] < at["run", "r1"] < at["acquiring", True] < at["exposure", 1]
    assert max(at["hits_sent", 3000], at["hits_logged", 3000], at["at_end", True]) < at["acquiring", False]
    assert news.count(("acquiring", False)) == 1


async def test_what_is_published_at_the_end_is_in_the_log(bench, tpx3):
    """When `acquiring` falls, END is in the file, and a reader of the feed gets it."""
    b = await bench(tpx3(3000))
    await b.run("r1")
    await b.acquire()
    kinds = [header.kind for header, _ in blocks(b, "r1")]
    assert kinds[0] == Kind.OPEN and kinds[1] == Kind.BEGIN and kinds[-1] == Kind.END
    port = b.proxy.description["feed"]
    client, stop = FeedClient(f"tcp://127.0.0.1:{port}", "det1"), threading.Event()

    def read():
        seen = []
        for _, header, _ in client.follow(Cursor("r1"), stop):
            seen.append(header.kind)
            if header.kind == Kind.END:
                return seen
        return seen

    with ThreadPoolExecutor(1) as pool:
        assert await asyncio.get_running_loop().run_in_executor(pool, read) == kinds


async def test_stop_ends_the_exposure_and_leaves_the_rest_for_the_next(bench, tpx3):
    b = await bench(tpx3(400_000, spacing_ns=1e6, per_chunk=500), speed="recorded")
    await b.run("r1")
    reply = await b.proxy.set("acquire", "Acquire")
    assert b["acquiring"] is True
    with pytest.raises(Refused, match="exposure 1 is going on"):
        await b.proxy.set("acquire", "Acquire")
    for action in (b.proxy.command("rewind"), b.proxy.set("file", "x.tpx3")):
        with pytest.raises(Refused):
            await action
    await b.proxy.command("stop")
    await b.proxy.wait_idle("acquire", reply, WAIT_S)
    first = b["hits_logged"]
    assert b["hits_sent"] == first < 50_000
    end = [decode_facts(p) for h, p in blocks(b, "r1") if h.kind == Kind.END]
    assert end[0]["ended"] == "stopped" and end[0]["counts"]["hits_logged"] == first
    await b.proxy.set("speed", "flat")
    await b.acquire()
    assert b["hits_logged"] == 400_000 and b["hits_lost"] == 0
    await b.move("stop")
    assert hits_of(b, "r1").x.tolist() == [n % 256 for n in range(400_000)]


async def test_acquire_done_and_acquire_time_stop_it_too(bench, tpx3):
    b = await bench(tpx3(200_000, spacing_ns=1e6), speed="recorded")
    await b.run("r1")
    await b.proxy.set("acquire_time", 0.05)
    await b.acquire()
    await b.proxy.set("acquire_time", 0)
    reply = await b.proxy.set("acquire", "Acquire")
    await b.proxy.set("acquire", "Done")
    await b.proxy.wait_idle("acquire", reply, WAIT_S)
    assert b["exposure"] == 2 and 0 < b["hits_logged"] < 200_000


async def test_a_soft_stop_of_the_run_drains_and_ends_good(bench, tpx3):
    b = await bench(tpx3(400_000, spacing_ns=1e6, per_chunk=500), speed="recorded")
    await b.run("r1")
    await b.proxy.set("acquire", "Acquire")
    await b.move("stop")
    assert b["acquiring"] is False and b["condition"] == "GOOD"
    verdict = verify(b.root / "r1")
    assert verdict.quality is Quality.GOOD and verdict.hits == b["hits_logged"]


async def test_a_hard_stop_ends_interrupted(bench, tpx3):
    b = await bench(tpx3(400_000, spacing_ns=1e6, per_chunk=500), speed="recorded")
    await b.run("r1")
    await b.proxy.set("acquire", "Acquire")
    await b.move("interrupt")
    assert b.satellite.state is State.SAFE and b["condition"] == "INTERRUPTED"
    assert b["detector_state"] == "Aborted"
    assert verify(b.root / "r1").quality is Quality.INCOMPLETE
    await b.move("initialize", {})
    assert b["detector_state"] == "Idle"
    await b.proxy.set("speed", "flat")
    await b.acquire()
    assert b["condition"] == "GOOD"


@pytest.mark.parametrize(("data_s", "speed"), [(0.4, "recorded"), (20.0, "50")])
async def test_speed_is_that_of_the_data_or_a_multiple(bench, tpx3, data_s, speed):
    b = await bench(tpx3(20_000, spacing_ns=data_s / 20_000 * 1e9), speed=speed)
    loop = asyncio.get_running_loop()
    start = loop.time()
    await b.acquire()
    assert 0.38 < loop.time() - start < 19.0


async def test_wrong_speeds_are_refused(bench, tpx3):
    b = await bench(tpx3(1000))
    for bad in ("fast", "0", "-1", "nan", "inf", ""):
        with pytest.raises(Refused, match="recorded, flat"):
            await b.proxy.set("speed", bad)


async def test_slices_of_time_and_marks(bench, tpx3):
    b = await bench(tpx3(10_000, spacing_ns=100_000), slice="Time", slice_s=0.25)
    with pytest.raises(Refused, match="only a run log has marks"):
        await b.proxy.set("slice", "Mark")
    await b.run("r1")
    counts = []
    while not b["at_end"]:
        await b.acquire()
        counts.append(b["hits_logged"] - sum(counts))
    await b.move("stop")
    assert counts == [2500, 2500, 2500, 2500]
    await b.move("land")
    await b.proxy.set("file", str(b.root / "r1"))
    await b.proxy.set("slice", "Mark")
    await b.run("r2")
    for expected in (2500, 5000, 7500, 10_000):
        await b.acquire()
        assert b["hits_logged"] == expected
    assert b["at_end"] is True
    await b.move("stop")
    assert hits_of(b, "r2").x.tolist() == hits_of(b, "r1").x.tolist()


async def test_a_file_that_cannot_be_played_is_an_error_with_the_reason(bench, tpx3, tmp_path):
    b = await bench(tmp_path / "none.tpx3", initialize=False)
    assert b.proxy.updates["file"].severity is Severity.INVALID
    with pytest.raises(Refused, match="no such file"):
        await b.move("initialize", {})
    assert b.satellite.state is State.ERROR
    tpx3(100, "none.tpx3")
    await b.move("initialize", {})
    (tmp_path / "garbage.tpx3").write_bytes(b"garbage!" * 10)
    with pytest.raises(Refused, match="not with a TPX3 chunk"):
        await b.proxy.set("file", str(tmp_path / "garbage.tpx3"))
    await b.acquire()
    assert b["hits_logged"] == 100, "the refused file changed nothing"


async def test_a_truncated_file_says_so_in_its_status(bench, tmp_path):
    path = tmp_path / "cut.tpx3"
    path.write_bytes(recording(1000)[:-12])
    b = await bench(path)
    await b.acquire()
    update = b.proxy.updates["file"]
    assert update.severity is Severity.MINOR and "cut.tpx3" in update.status
    assert b["hits_logged"] == 998


async def test_names_of_runs_that_are_taken_are_refused(bench, tpx3):
    b = await bench(tpx3(100))
    await b.run("r1")
    await b.move("stop")
    with pytest.raises(Refused, match="choose another id"):
        await b.move("start", "r1")
    assert b.satellite.state is State.ORBIT


async def test_a_full_ring_makes_the_file_wait(bench, tpx3):
    b = await bench(tpx3(3_000_000, per_chunk=5000), ring_mib=16)
    await b.acquire()
    assert b["hits_sent"] == b["hits_logged"] == 3_000_000
    assert b["ring_dropped"] == 0 and b["condition"] == "GOOD"


async def test_a_full_disk_ends_the_run_with_exact_counts(bench, tpx3):
    b = await bench(tpx3(1_000_000, per_chunk=5000))
    b.replay.log._disk = SickDisk(b.root, quota=RESERVE_BYTES + 2 * 2**20)
    await b.run("r1")
    await b.proxy.set("acquire", "Acquire")
    await b.proxy.wait_state(State.ERROR, timeout_s=WAIT_S)
    assert "disk full" in b.proxy.status and "make room" in b.proxy.status
    await b.until(lambda: b["acquiring"] is False and b["detector_state"] == "Error" and b["hits_lost"])
    await b.until(lambda: not b.replay.log.is_open)
    verdict = verify(b.root / "r1")
    assert verdict.quality is Quality.INCOMPLETE and verdict.condition == "INCOMPLETE|INTERRUPTED"
    assert verdict.hits == b["hits_logged"] and b["hits_lost"] == b["hits_sent"] - verdict.hits > 0
    assert verdict.lost == b["hits_lost"] == lost(open_run(b.root / "r1").totals), "one account"
    assert [reason for reason in verdict.reasons if "did not end" in reason] == [], (
        "its END is in the reserve"
    )
    (end,) = (decode_facts(p) for h, p in blocks(b, "r1") if h.kind == Kind.END)
    assert end["ended"] == "failed" and "disk full" in end["error"]
    assert end["counts"]["hits_lost"] == b["hits_lost"] and end["counts"]["hits_logged"] == verdict.hits
    assert b["exposure_end"] == "Failed" and b["exposure_condition"] == "INCOMPLETE|INTERRUPTED"
    loss = Loss()
    for header, payload in blocks(b, "r1"):
        loss.note(header, facts_of(header, payload))
    assert loss.total([]) == b["hits_lost"], "as a worker shows it"
    assert b.proxy.updates["hits_lost"].severity is Severity.MAJOR
    assert b["condition"] == "INCOMPLETE|INTERRUPTED" and b["detector_state"] == "Error"
    b.replay.log._disk.quota = None
    await b.move("initialize", {})
    await b.proxy.command("rewind")
    await b.acquire()
    assert b["hits_logged"] == 1_000_000 and b["condition"] == "GOOD"


@pytest.mark.parametrize("kind", ["All", "Hits"])
async def test_a_file_that_shrinks_leaves_an_incomplete_exposure(kind, bench, tpx3):
    path = tpx3(400_000, per_chunk=500)
    b = await bench(path, slice=kind, slice_hits=150_000)
    await b.run("r1")
    if kind == "Hits":
        await b.acquire()
        assert b["exposure_condition"] == "GOOD" and b["hits_logged"] == 150_000
    size = path.stat().st_size
    os.truncate(path, 160 * 2**10 * 8 + 4)
    await b.acquire()
    assert b["exposure_end"] == "Whole" and b["exposure_condition"] == b["condition"] == "INCOMPLETE"
    why = b.proxy.updates["exposure_condition"].status
    assert f"{path} had {size} bytes and has {160 * 2**10 * 8 + 4} now" in why
    await b.move("stop")
    ends = [decode_facts(p) for h, p in blocks(b, "r1") if h.kind == Kind.END]
    assert ends[-1]["condition"] == "INCOMPLETE" and verify(b.root / "r1").quality is Quality.INCOMPLETE
    path.unlink()
    with pytest.raises(Refused, match="No such file"):
        await b.proxy.command("rewind")
    assert b["at_end"] is True


async def test_a_failed_sync_shows_in_the_condition(bench, tpx3):
    b = await bench(tpx3(100_000))
    b.replay.log._disk = disk = SickDisk(b.root)
    await b.run("r1")
    disk.fail_sync = [errno.EIO]
    await b.acquire()
    await b.until(lambda: b["condition"] == "TAINTED")
    assert b.satellite.state is State.RUN, "shown while the run goes on"
    await b.move("stop")
    assert b["condition"] == Condition.TAINTED.text and b["hits_lost"] == 0
    assert b.proxy.updates["condition"].severity is Severity.MINOR
    assert len(hits_of(b, "r1")) == 100_000


async def test_a_write_that_was_repeated_taints_its_exposure_alone(bench, tpx3):
    b = await bench(tpx3(100_000))
    b.replay.log._disk = disk = SickDisk(b.root)
    await b.run("r1")
    disk.fail_write = [errno.EIO]
    await b.acquire()
    assert b["exposure_condition"] == b["condition"] == "TAINTED"
    assert "was repeated" in b.proxy.updates["exposure_condition"].status
    await b.proxy.command("rewind")
    await b.acquire()
    assert (b["exposure_condition"], b["condition"]) == ("GOOD", "TAINTED")
    assert len(hits_of(b, "r1")) == 200_000


async def test_many_small_exposures_in_one_run(bench, tpx3):
    b = await bench(tpx3(20_000), slice="Hits", slice_hits=100)
    await b.run("r1")
    for _ in range(40):
        await b.acquire()
    assert b["exposure"] == 40 and b["hits_logged"] == 4000


async def test_a_preview_keeps_the_newest_part_only(bench, tpx3):
    b = await bench(tpx3(1_000_000, per_chunk=5000), preview_mib=1)
    await b.acquire()
    folder = b.root / b["run"] / "det1"
    assert sum(path.stat().st_size for path in folder.iterdir()) < 2 * 2**20
    assert open_run(folder).preview
