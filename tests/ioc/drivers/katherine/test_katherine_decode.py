"""What is in the log of a Katherine comes out of `hitline decode` and of the analysis, to the hit."""

import json

import numpy as np
import pytest
from hitline.analysis.reader import analyse
from hitline.cli.main import main
from test_katherine_hits import MODES

SETUPS = [(mode, fast, readout, gen) for mode, fast in MODES for readout, gen in (
    ("Data driven", 1), ("Sequential", 1), ("Data driven", 2),
)]  # fmt: skip


async def taken(b, mode, fast, readout, exposures=2):
    """A run of two exposures."""
    for name, value in (("acquire_time", 0.05), ("readout", readout), ("mode", mode), ("fast", fast)):
        await b.set(name, value)
    if readout == "Sequential":
        await b.set("frames", 2)
    await b.run()
    for _ in range(exposures):
        await b.acquire()
    await b.satellite.move("stop")
    return b.root / "r1" / "kat1"


@pytest.mark.parametrize("mode, fast, readout, gen", SETUPS)
async def test_decode_gives_what_was_sent(make, tmp_path, mode, fast, readout, gen):
    async with make(emulator={"gen": gen, "rate_hz": 5e4}) as b:
        folder = await taken(b, mode, fast, readout)
        frames = list(b.truth)
        out = tmp_path / "out.npz"
        assert main(["decode", str(folder), str(out)]) == 0

    def sent(name):
        return np.concatenate([getattr(frame.hits, name) for frame in frames]).astype(np.int64)

    with np.load(out) as found:
        header = json.loads(str(found["header"]))
        counting = mode == "Events+iToT"
        prefix = "counted_" if counting else ""
        for name in ("x", "y", *(("itot", "events") if counting else ("toa",))):
            assert np.array_equal(found[prefix + name], sent(name)), name
        if mode == "ToA+ToT":
            assert np.array_equal(found["tot"], sent("tot"))
        if not counting:
            assert np.array_equal(
                found["ftoa" if fast else "hit_count"], sent("ftoa" if fast else "hit_count")
            )
            ticks = sent("t")
            wanted = ticks % (16384 * 16) if readout == "Sequential" else ticks
            assert np.array_equal(found["t_unwrapped"], wanted)
        assert np.array_equal(found["frame_sent"], [len(frame.hits) for frame in frames])
        assert not found["frame_missing"].any()
        assert np.array_equal(found["frame_start"], [frame.start >> 4 for frame in frames])
        exposures = [1, 2] if readout == "Data driven" else [1, 1, 2, 2]
        assert np.array_equal(found["frame_exposure"], exposures)
        image = np.zeros((256, 256), int)
        np.add.at(image, (sent("y"), sent("x")), 1)
        assert np.array_equal(found["image"], image)
    setup = header["setup"][0]
    assert setup["mode"] == {"ToA+ToT": "toa_tot", "ToA": "toa", "Events+iToT": "event_itot"}[mode]
    assert (setup["fast"], setup["generation"]) == (fast, gen)
    assert header["facts"]["pixels"] == len(sent("x")) and header["facts"]["log_blocks_damaged"] == 0


@pytest.mark.parametrize("mode, fast, readout, gen", SETUPS)
async def test_the_analysis_shows_what_was_sent(make, mode, fast, readout, gen):
    """Hits of each exposure, the image, and ToT; a second-generation chip is alone on a plane of four."""
    async with make(emulator={"gen": gen, "rate_hz": 5e4}) as b:
        found = analyse(await taken(b, mode, fast, readout))
        frames = list(b.truth)
    each = len(frames) // 2
    totals = [sum(len(frame.hits) for frame in part) for part in (frames[:each], frames[each:])]
    assert [row["exposure_hits"] for row in found.exposures] == totals
    assert found.results["hits"] == sum(totals) and found.lost == 0 and found.unknown_words == 0
    counting = mode == "Events+iToT"
    field = "itot" if counting else "tot"
    assert found.results["tot_sum"] == sum(int(getattr(frame.hits, field).sum()) for frame in frames)
    image = np.zeros((256, 256), int)
    for frame in frames:
        np.add.at(image, (frame.hits.y, frame.hits.x), frame.hits.events if counting else 1)
    assert np.array_equal(found.results["image"][:256, :256], image)
    assert (found.results["clusters"] > 0) is not counting


async def test_lost_frames_are_unknown_to_the_analysis_too(make):
    async with make(emulator={"rate_hz": 5e4}) as b:
        await b.rig.emulator.set_drop_word("frame_finished")
        found = analyse(await taken(b, "ToA+ToT", True, "Data driven", exposures=1))
    assert found.lost is None and found.results["hits"] == len(b.truth[0].hits)


async def test_lost_hits_are_counted_by_the_analysis_too(make, tmp_path):
    async with make(emulator={"rate_hz": 2e5, "drop": 0.3}) as b:
        folder = await taken(b, "ToA+ToT", True, "Data driven")
        dropped = b.rig.emulator.counts.hits_dropped
        assert main(["decode", str(folder), str(tmp_path / "out.npz")]) == 0
    assert analyse(folder).lost == dropped > 100
    with np.load(tmp_path / "out.npz") as found:
        assert found["frame_missing"].sum() == dropped
