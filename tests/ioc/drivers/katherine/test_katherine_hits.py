"""Every hit that the readout sent stands in the log, with each field that its mode carries."""

import numpy as np
import pytest
from hitline.bus.log.verify import Quality, verify

MODES = [(mode, fast) for mode in ("ToA+ToT", "ToA", "Events+iToT") for fast in (True, False)]
PERIOD = 16384 * 16
"""Ticks of 1.5625 ns in 409.6 us."""


def compare(found, frames, mode, fast, sequential):
    """All columns of the log against the words that were sent, frame by frame, in their order."""
    sent = {name: np.concatenate([getattr(f.hits, name) for f in frames]) for name in ("x", "y")}
    numbers = np.concatenate([np.full(len(f.hits), n) for n, f in enumerate(frames, 1)])
    assert len(numbers) > 500, "enough to tell something"
    assert np.array_equal(found["frame"], numbers)

    def column(name):
        return np.concatenate([getattr(f.hits, name) for f in frames])

    for name in ("x", "y"):
        assert np.array_equal(found[name], sent[name]), name
    if mode == "Events+iToT":
        assert np.array_equal(found["itot"], column("itot"))
        assert np.array_equal(found["events"], column("events"))
        assert column("itot").max() > 0 and column("events").max() > 0
        if not fast:
            assert np.array_equal(found["hit_count"], column("hit_count"))
        return
    assert np.array_equal(found["toa"], column("toa"))
    if mode == "ToA+ToT":
        assert np.array_equal(found["tot"], column("tot")) and column("tot").max() > 0
    if fast:
        assert np.array_equal(found["ftoa"], column("ftoa")) and len(set(column("ftoa").tolist())) == 16
    else:
        assert np.array_equal(found["extra"], column("hit_count"))
    coarse = (0 if sequential else column("window") << 14) + column("toa").astype(np.int64)
    ticks = coarse * 16 - (column("ftoa") if fast else 0)
    times = found["t_unwrapped"] - ticks
    assert np.all(times % PERIOD == 0 if sequential else times == 0)
    if not sequential:
        assert column("window").max() > 100, "the time went over many turns of the counter"


@pytest.mark.parametrize("mode, fast", MODES)
async def test_data_driven(make, mode, fast):
    async with make() as b:
        await b.set("acquire_time", 0.25)
        await b.set("mode", mode)
        await b.set("fast", fast)
        await b.run()
        await b.acquire()
        await b.satellite.move("stop")
        log = b.log()
        (frame,) = b.truth
        compare(log.decoded(), [frame], mode, fast, False)
        assert b["condition"] == "GOOD" and b["hits_lost"] == 0 and b["loss_method"] == "FRAME_COUNT"
        assert b["hits_sent"] == b["hits_logged"] == len(frame.hits) == log.totals["hits_logged"]
        assert log.opened["order_checked"] is False and log.opened["format"] == "KATHERINE"
        assert verify(b.root / "r1").quality is Quality.GOOD
        end = log.ends[0]
        assert end["frames_finished"] == 1 and end["frame_end"] - end["frame_start"] == 10_000_000
        assert (end["frame_start"], end["frame_end"]) == (frame.start >> 4, frame.end >> 4)
        assert (b["frame_start"], b["frame_end"]) == (frame.start >> 4, frame.end >> 4)
        assert end["detector_ns"] == (frame.end >> 4) * 25


@pytest.mark.parametrize("mode, fast", MODES)
async def test_frames(make, mode, fast):
    async with make(emulator={"rate_hz": 5e4}) as b:
        await b.set("acquire_time", 0.02)
        await b.set("readout", "Sequential")
        await b.set("frames", 7)
        await b.set("mode", mode)
        await b.set("fast", fast)
        await b.run()
        await b.acquire()
        await b.satellite.move("stop")
        log = b.log()
        assert len(b.truth) == 7 == log.ends[0]["frames_finished"] == b["frame"]
        compare(log.decoded(), b.truth, mode, fast, True)
        assert b["condition"] == "GOOD" and b["hits_lost"] == 0
        assert [f["sent"] for f in log.ends[0]["frames"]] == [len(f.hits) for f in b.truth]
        assert [f["start"] for f in log.ends[0]["frames"]] == [f.start >> 4 for f in b.truth]


async def test_second_generation(make):
    async with make(emulator={"gen": 2}) as b:
        assert b["generation"] == 2 and b["current_measured"] is not None
        await b.set("acquire_time", 0.25)
        await b.run()
        await b.acquire()
        await b.satellite.move("stop")
        compare(b.log().decoded(), b.truth, "ToA+ToT", True, False)
        assert b.log().begins[0]["generation"] == 2 and b["condition"] == "GOOD"


async def test_exposures_of_a_run_may_differ_in_mode(make):
    async with make() as b:
        await b.set("acquire_time", 0.25)
        await b.run()
        for mode, fast in MODES[::-1]:
            await b.set("mode", mode)
            await b.set("fast", fast)
            await b.acquire()
        await b.satellite.move("stop")
        log, total = b.log(), 0
        for number, (mode, fast) in enumerate(MODES[::-1], 1):
            frame = b.truth[number - 1]
            compare(log.decoded(number), [frame], mode, fast, False)
            assert log.ends[number - 1]["counts"]["hits_logged"] == len(frame.hits)
            total += len(frame.hits)
        assert log.totals["hits_logged"] == total == b["hits_logged"]


async def test_other_clocks_and_phases_stand_in_the_facts(make):
    async with make() as b:
        await b.set("fast", False)
        await b.set("clock", "160")
        await b.set("phases", "16")
        await b.set("acquire_time", 0.1)
        await b.run()
        await b.acquire()
        await b.satellite.move("stop")
        assert b.log().begins[0]["coarse_ticks"] == 4 and b.log().begins[0]["phases"] == 4
        assert b["hits_lost"] == 0 and b["condition"] == "GOOD"


async def test_the_clients_own_way_of_coding_the_mode(make):
    """With libkatherine 1.0.1's coding a readout as that client believes it to be gets every mode."""
    async with make(profile="libkatherine-1", emulator={"mode_latch": "immediate"}) as b:
        assert b["link_rate"] == 800.0
        await b.set("acquire_time", 0.25)
        await b.set("fast", False)
        await b.set("mode", "ToA")
        await b.run()
        await b.acquire()
        await b.satellite.move("stop")
        compare(b.log().decoded(), b.truth, "ToA", False, False)


async def test_large_datagrams(make):
    async with make(emulator={"datagram_bytes": 65502, "rate_hz": 2e5}) as b:
        await b.set("acquire_time", 0.25)
        await b.run()
        await b.acquire()
        await b.satellite.move("stop")
        compare(b.log().decoded(), b.truth, "ToA+ToT", True, False)
        assert b["hits_lost"] == 0 and b["datagrams"] < 40
