"""The world as an instrument: what is set holds for every detector that looks at it."""

import time
from pathlib import Path

import numpy as np
import pytest
from hitline.bus.attribute import Refused
from hitline.bus.node import Node
from hitline.bus.satellite import Satellite
from hitline.bus.station import Station
from hitline.ioc.emulators.phytron.instrument import PhyMotionEmulator, PhyMotionEmulatorOptions
from hitline.ioc.emulators.world.instrument import WorldInstrument, WorldOptions
from hitline.ioc.emulators.world.particles import SLICE
from hitline.ioc.emulators.world.view import View
from hitline.ioc.emulators.world.world import world_of
from kit.until import heard, until


@pytest.fixture
async def world(group):
    made = WorldInstrument("world", WorldOptions(source_rate=1e6))
    made.station = Station(group, Path("station.toml"))
    async with Node(group, "backend") as node:
        satellite = Satellite(made)
        node.add(satellite)
        await satellite.start()
        yield made


async def test_what_is_set_holds_for_the_detectors_of_the_station(world):
    seen = world_of(world.station)
    assert seen is world.world
    assert len(seen.particles(0, SLICE)) == pytest.approx(1e6 * SLICE * 1.5625e-9, rel=0.1)
    await world.set_source_rate(1e5)
    assert len(seen.particles(0, SLICE)) == pytest.approx(1e5 * SLICE * 1.5625e-9, rel=0.2)
    await world.set_shutter("Closed")
    await world.set_muon_rate(1e4)
    muons = len(seen.particles(0, SLICE))
    assert muons == pytest.approx(1e4 * SLICE * 1.5625e-9, rel=0.4), "they go through a closed shutter"
    await world.set_muon_rate(0.0)
    assert len(seen.particles(0, SLICE)) == 0


async def test_the_stage_moves_the_spot_on_the_detector(world):
    await world.set_beam_energy(30.0)
    await world.set_source("Beam")
    await world.set_spot_size(1.0)
    centres = []
    for x in (0.0, 2.0):
        await world.set_stage_x(x)
        hits = View(world_of(world.station), noise=False).hits(0, SLICE)
        assert len(hits) > 1000 and np.ptp(hits.x) < 1000 / 55 + 8
        centres.append(hits.x.mean())
    assert centres[0] - centres[1] == pytest.approx(2000 / 55, abs=1.0), "pixels of 55 um, the other way"


async def test_what_cannot_be_is_refused_and_changes_nothing(world):
    with pytest.raises(Refused, match=r"world\.source_rate.*must be 0 to 1e\+08"):
        world.change("source_rate", 1e9)
    assert world.value("source_rate") == 1e6 and world.world.sources[0].rate_hz == 1e6


async def test_a_seed_makes_the_same_world_again(world):
    other = WorldInstrument("world", WorldOptions(source_rate=1e6))
    await other.connect()
    one, two = (w.particles(SLICE // 2, 3 * SLICE) for w in (world.world, other.world))
    assert np.array_equal(one.t, two.t) and np.array_equal(one.x, two.x)
    other.world.seed = 2
    assert not np.array_equal(one.t, other.world.particles(SLICE // 2, 3 * SLICE).t)


async def test_the_carriages_of_an_emulated_controller_are_the_stage(group):
    """Driven by whoever drives them; they cannot be set by hand then."""
    rails = PhyMotionEmulator("rails", PhyMotionEmulatorOptions(port=0, axes=("1.1", "1.2")))
    world = WorldInstrument("world", WorldOptions(stage="rails", stage_step_mm=0.01))
    world.station = Station(group, Path("station.toml"))
    world.neighbours = {"rails": rails}
    await world.connect()
    try:
        rails.rails["1.1"].put(250)
        rails.rails["1.2"].put(-100)
        await until(lambda: world.value("stage_y") == -1.0, listen=heard(world))
        assert world.value("stage_x") == 2.5 and world.world.carriages(time.monotonic()) == (2.5, -1.0)
        rail, begun_s = rails.rails["1.1"], time.monotonic()
        rail.move(1000, 1.0, 1e4, 1e9)
        assert world.world.carriages(begun_s - 1.0)[0] == 2.5, "before it moved, whoever asks late"
        assert world.world.carriages(begun_s + 0.05)[0] == pytest.approx(7.5, abs=0.2)
        assert world.world.carriages(begun_s + 9.0)[0] == 12.5
        with pytest.raises(Refused, match="move its axes"):
            await world.set_stage_x(1.0)
    finally:
        await world.disconnect()


async def test_a_stage_that_is_not_in_the_process_is_refused_by_name(group):
    world = WorldInstrument("world", WorldOptions(stage="rails"))
    with pytest.raises(Refused, match="no emulated controller 'rails' in its process"):
        await world.connect()
