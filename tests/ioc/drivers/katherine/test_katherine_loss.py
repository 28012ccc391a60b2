"""What gets lost, doubled or shuffled between readout and driver, and what the run says of it."""

import numpy as np
import pytest
from hitline.bus.log.verify import Quality, verify

DATA_DRIVEN, SEQUENTIAL = "Data driven", "Sequential"


async def taken(b, readout=DATA_DRIVEN, frames=1, seconds=0.2, **faults):
    """One run of one exposure with these faults."""
    await b.set("acquire_time", seconds)
    await b.set("readout", readout)
    await b.set("frames", frames)
    await b.run()
    for name, value in faults.items():
        await getattr(b.rig.emulator, f"set_{name}")(value)
    await b.acquire()
    for name, value in faults.items():
        await getattr(b.rig.emulator, f"set_{name}")(type(value)() if name != "drop_word" else "none")
    shown = b.quality("condition")
    await b.satellite.move("stop")
    return b.log(), shown


@pytest.mark.parametrize("readout, frames", [(DATA_DRIVEN, 1), (SEQUENTIAL, 5)])
@pytest.mark.parametrize("share", [0.03, 0.3, 1.0])
async def test_lost_hits_are_counted_to_the_hit(make, readout, frames, share):
    async with make(emulator={"rate_hz": 1e5, "datagram_bytes": 120}) as b:
        log, _ = await taken(b, readout, frames, 0.2 / frames, drop=share)
        counts = b.rig.emulator.counts
        assert counts.hits_dropped > 0 and b["hits_lost"] == counts.hits_dropped
        assert b["hits_sent"] == counts.hits_sent == sum(len(f.hits) for f in b.truth)
        assert b["hits_logged"] == counts.hits_sent - counts.hits_dropped == len(log.decoded()["x"])
        assert b["loss_method"] == "FRAME_COUNT" and b.quality("hits_lost")[0] == "MAJOR"
        assert log.ends[0]["counts"]["hits_lost"] == log.totals["lost"] == counts.hits_dropped
        assert b["condition"] == "INCOMPLETE" and not log.ends[0]["flaws"]
        assert verify(b.root / "r1").quality is Quality.INCOMPLETE


async def test_the_loss_of_one_exposure_is_not_that_of_the_next(make):
    async with make(emulator={"datagram_bytes": 120}) as b:
        await b.set("acquire_time", 0.1)
        await b.run()
        lost = []
        for share in (0.0, 0.2, 0.0):
            b.rig.emulator.knobs.drop = share
            await b.acquire()
            lost.append(b.rig.emulator.counts.hits_dropped)
        await b.satellite.move("stop")
        counts = [end["counts"]["hits_lost"] for end in b.log().ends]
        assert counts == [0, lost[-1], 0] and lost[-1] > 0 and b["hits_lost"] == lost[-1]


@pytest.mark.parametrize("readout, frames", [(DATA_DRIVEN, 1), (SEQUENTIAL, 4)])
async def test_a_lost_new_frame_word_taints_the_run(make, readout, frames):
    async with make() as b:
        log, (severity, reason) = await taken(b, readout, frames, 0.2 / frames, drop_word="new_frame")
        assert "has no new-frame word" in reason and severity == "MINOR"
        assert "TAINTED" in b["condition"] and "no new-frame word" in b.quality("condition")[1]
        assert "no new-frame word" in log.totals["flaws"][0] and "TAINTED" in log.totals["condition"]
        assert b["hits_lost"] == 0, "the count at the end of the frame holds without it"
        assert len(log.decoded()["x"]) == sum(len(f.hits) for f in b.truth)
        assert log.ends[0]["frames_finished"] == frames
        assert b.satellite.state.name == "ORBIT"
        assert verify(b.root / "r1").quality is not Quality.GOOD


@pytest.mark.parametrize("readout, frames", [(DATA_DRIVEN, 1), (SEQUENTIAL, 4)])
async def test_without_the_frame_finished_word_the_loss_is_unknown(make, readout, frames):
    async with make() as b:
        log, (_, reason) = await taken(b, readout, frames, 0.2 / frames, drop_word="frame_finished")
        assert "INCOMPLETE" in b["condition"]
        assert "count (0xC) is missing" in reason or "another new-frame word" in reason
        assert b["hits_lost"] is None and b.quality("hits_lost")[0] == "INVALID"
        assert log.ends[0]["counts"]["hits_lost"] is None and log.totals["lost"] is None
        assert len(log.decoded()["x"]) == sum(len(f.hits) for f in b.truth), "all is there, and nobody knows"
        assert log.ends[0]["frames_finished"] == 0
        assert b.satellite.state.name == "ORBIT", "a lost word is no failure of the readout"


@pytest.mark.parametrize("readout, frames", [(DATA_DRIVEN, 1), (SEQUENTIAL, 4)])
async def test_doubled_datagrams_taint_the_run_and_make_the_loss_unknown(make, readout, frames):
    async with make(emulator={"datagram_bytes": 120}) as b:
        log, (_, reason) = await taken(b, readout, frames, 0.2 / frames, duplicate=0.2)
        assert "TAINTED" in b["condition"] and "INCOMPLETE" in b["condition"] and reason
        assert b["hits_lost"] is None and b.quality("hits_lost")[0] == "INVALID"
        assert len(log.decoded()["x"]) > sum(len(f.hits) for f in b.truth)
        if frames == 1:
            assert "pixels came" in reason and "were sent" in reason
        assert b.satellite.state.name == "ORBIT"


async def test_everything_doubled(make):
    async with make() as b:
        log, _ = await taken(b, SEQUENTIAL, 3, 0.05, duplicate=1.0)
        assert "TAINTED" in b["condition"] and b["hits_lost"] is None
        assert len(log.decoded()["x"]) >= 2 * sum(len(f.hits) for f in b.truth)
        await b.set("frames", 2)
        await b.satellite.move("start", "r2")
        await b.acquire()
        assert b["condition"] == "GOOD" and b["hits_lost"] == 0, "what came late is not in the next exposure"


async def test_shuffled_hits_cannot_be_seen_and_the_run_says_that_order_is_not_checked(make):
    """Datagrams with hits alone change places: all hits are there, so the count is right, and the run GOOD.

    Times of those that fell on the other side of an offset word are wrong by 409.6 us; nothing can tell.
    """
    async with make(emulator={"datagram_bytes": 120, "rate_hz": 1e5}) as b:
        await b.set("acquire_time", 0.5)
        await b.run()
        await b.begin()
        await b.until(lambda: b["hits_logged"] > 1000)
        await b.rig.emulator.set_reorder(0.3)
        await b.until(lambda: b["hits_logged"] > 20_000)
        await b.rig.emulator.set_reorder(0.0)
        await b.end()
        await b.satellite.move("stop")
        log = b.log()
        (frame,) = b.truth
        found = log.decoded()
        assert not np.array_equal(found["x"], frame.hits.x), "they were shuffled"
        assert sorted(zip(found["x"].tolist(), found["y"].tolist(), found["toa"].tolist(), strict=True)) == (
            sorted(zip(frame.hits.x.tolist(), frame.hits.y.tolist(), frame.hits.toa.tolist(), strict=True))
        )
        assert b["hits_lost"] == 0 and log.opened["order_checked"] is False
        assert b["order_checked"] is False and b["condition"] == "GOOD"


async def test_hits_behind_the_end_of_their_frame_taint_the_run(make):
    """When the end of a frame overtakes hits, the count at the end finds them missing, and then they come."""
    async with make(emulator={"datagram_bytes": 120, "rate_hz": 1e5}) as b:
        log, _ = await taken(b, reorder=1.0)
        assert sorted(log.decoded()["toa"].tolist()) == sorted(b.truth[0].hits.toa.tolist())
        assert "TAINTED" in b["condition"]


async def test_a_lost_offset_word_cannot_be_seen(make):
    """No hit is lost, no count is wrong, the run is GOOD: times are wrong by multiples of 409.6 us."""
    async with make() as b:
        log, _ = await taken(b, drop_word="offset")
        (frame,) = b.truth
        found = log.decoded()
        assert b["condition"] == "GOOD" and b["hits_lost"] == 0
        assert np.array_equal(found["x"], frame.hits.x) and np.array_equal(found["toa"], frame.hits.toa)
        true = ((frame.hits.window << 14) + frame.hits.toa.astype(np.int64)) * 16 - frame.hits.ftoa
        wrong = true - found["t_unwrapped"]
        assert wrong.max() > 0 and np.all(wrong % (16384 * 16) == 0)
        assert log.opened["order_checked"] is False


async def test_datagrams_cut_short_lose_a_hit_each_and_are_counted(make):
    async with make(emulator={"datagram_bytes": 120}) as b:
        await b.set("acquire_time", 0.5)
        await b.run()
        await b.rig.emulator.set_truncate(0.2)
        await b.begin()
        await b.until(lambda: b["datagrams_cut"] > 5)
        await b.rig.emulator.set_truncate(0.0)  # the end of the frame arrives: without it there is no count
        await b.end()
        await b.satellite.move("stop")
        log = b.log()
        sent = sum(len(f.hits) for f in b.truth)
        assert b["datagrams_cut"] > 0 and b.quality("datagrams_cut")[0] == "MINOR"
        assert len(log.decoded()["x"]) == b["hits_logged"] < sent
        assert b["hits_lost"] in (sent - b["hits_logged"], None), "None if the word of a mark was cut"
        assert "INCOMPLETE" in b["condition"]


async def test_what_the_readout_lost_itself_is_kept_apart(make):
    async with make(emulator={"lost_inside": 17}) as b:
        log, _ = await taken(b, SEQUENTIAL, 3, 0.05)
        assert b["pixels_lost_inside"] == 51 and b.quality("pixels_lost_inside")[0] == "MAJOR"
        assert b["hits_lost"] == 0 and log.ends[0]["pixels_lost_inside"] == 51
        assert [frame["lost_inside"] for frame in log.ends[0]["frames"]] == [17] * 3
        assert len(log.decoded()["x"]) == sum(len(f.hits) for f in b.truth)


async def test_words_of_a_trigger_are_kept_raw(make):
    async with make() as b:
        await b.set("acquire_time", 0.4)
        await b.run()
        await b.begin()
        await b.until(lambda: b["frame"] == 1)
        for _ in range(3):
            await b.rig.emulator.do_trigger()
        await b.end()
        await b.satellite.move("stop")
        assert b["trigger_words"] == 3 == b.log().ends[0]["trigger_words"] and b["condition"] == "GOOD"
        assert b["words_unknown"] == 0


async def test_hits_of_another_host_are_dropped_and_counted(make):
    async with make(emulator={"foreign": True}) as b:
        log, _ = await taken(b)
        (frame,) = b.truth
        assert b["datagrams_foreign"] > 0 and b.quality("datagrams_foreign")[0] == "MINOR"
        assert len(log.decoded()["x"]) == len(frame.hits) and b["condition"] == "GOOD"
