"""A stage that flies: readings with true times, pulses at the edges, refusals before anything moves."""

import asyncio
import errno
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
import pytest
from hitline.bus.attribute import Refused
from hitline.bus.log.block import Kind, decode_facts
from hitline.bus.log.reader import open_run
from hitline.ioc.drivers.stage.stage import Stage, StageOptions
from kit.until import heard, until
from log_tools import SickDisk
from motion_bench import Bench


@asynccontextmanager
async def stage_on(b: Bench) -> AsyncIterator[Stage]:
    """A stage of the axis of a bench."""
    stage = Stage("stage", StageOptions(axes=("x",), ring_mib=16))
    stage.station, stage.neighbours = b.axis.station, {"x": b.axis}
    await stage.connect()
    try:
        await until(lambda: "positions" in stage.board.updates, listen=heard(stage))
        yield stage
    finally:
        await stage.disconnect()


async def fly(stage: Stage, start: float, stop: float, points: int, rate: float) -> float:
    """Fly, and give when it began."""
    for name, value in {"start": start, "stop": stop, "points": points, "rate": rate}.items():
        await getattr(stage, f"set_fly_{name}")(value)
    begun_s = time.monotonic()
    await stage.do_fly()
    await until(lambda: not stage.value("flying"), listen=heard(stage))
    return begun_s


def blocks(stage: Stage, run: str = "r1") -> dict[int, list[dict]]:
    """Facts of the blocks of a run, by kind."""
    found: dict[int, list[dict]] = {kind: [] for kind in Kind}
    for header, payload in open_run(stage.root / run / "stage"):
        found[header.kind].append(decode_facts(bytes(payload)))
    return found


@pytest.mark.parametrize(
    ("kind", "setting", "way"),
    [
        ("pi", {}, 1),
        ("pi", {"direction": "Neg", "offset": 3.0}, -1),
        ("pi", {"resolution": -0.001}, 1),
        ("phymotion", {}, -1),
    ],
)
async def test_readings_are_where_the_carriage_was_and_pulses_come_at_the_edges(make, kind, setting, way):
    async with make(kind=kind, velocity=10.0, **setting) as b, stage_on(b) as stage:
        await stage.start("r1")
        begun_s = await fly(stage, 1.0 * way, 3.0 * way, 40, 100.0)
        pulses = b.emulator.compare.pulses(begun_s, time.monotonic())
        assert stage.value("fly_phase") == "Done" and stage.value("fly_problem") == ""
        assert stage.value("pulses") is (kind == "pi") and b["velocity"] == 10.0
        assert stage.value("fly_velocity") == pytest.approx(5.0)
        await stage.stop()
    found = blocks(stage)
    (begin,), (end,) = found[Kind.BEGIN], found[Kind.END]
    assert (begin["start"], begin["stop"], begin["points"], begin["axis"]) == (way, 3.0 * way, 40, "x")
    at_s = np.concatenate([v["mono_ns"] for v in found[Kind.VALUES]]) * 1e-9
    error_s = np.concatenate([v["error_ns"] for v in found[Kind.VALUES]]) * 1e-9
    position = np.concatenate([v["position"] for v in found[Kind.VALUES]])
    assert len(at_s) == end["counts"]["readings"] == stage.value("readings") and len(at_s) > 20
    travel, _ = b.rail.travels[-1]
    s = b.axis.axis.settings
    true = np.array([s.user(travel.at(t)[0] * s.resolution) for t in at_s])
    assert np.all(np.abs(position - true) <= 5.0 * error_s + 0.0011)
    if kind == "pi":
        edges = [s.user(travel.at(t)[0] * s.resolution) for t in pulses]
        assert np.allclose(edges, np.linspace(way, 3.0 * way, 41), atol=0.0012)
    else:
        assert pulses == []


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ((-9.99, 5.0, 10, 10.0), "soft limits, -10 to 12"),
        ((0.0, 11.99, 10, 10.0), "soft limits, -10 to 12"),
        ((0.0, 1.0, 2000, 10.0), "less than a step"),
        ((0.0, 5.0, 10, 1000.0), "which can"),
        ((1.0, 1.0, 10, 10.0), "no way to fly"),
    ],
)
async def test_what_cannot_be_flown_is_refused_before_anything_moves(make, asked, text):
    async with make(velocity=10.0, velocity_max=20.0, low=-10.0, high=12.0) as b, stage_on(b) as stage:
        telegrams = b.emulator.device.telegrams
        with pytest.raises(Refused, match=text):
            await fly(stage, *asked)
        assert b.rail.place == 0 and b["target"] == 0.0 and not stage.value("flying")
        assert b.emulator.device.telegrams - telegrams < 20 and b["velocity"] == 10.0


async def test_a_stop_in_flight_ends_it_with_its_reason(make):
    async with make(kind="pi") as b, stage_on(b) as stage:
        await stage.start("r1")
        flight = asyncio.create_task(fly(stage, 0.0, 5.0, 50, 10.0))
        await until(lambda: stage.value("fly_phase") == "Flight" and b.rail.place > 200, listen=heard(stage))
        with pytest.raises(Refused, match="a flight goes on"):
            await stage.set_fly_rate(1.0)
        with pytest.raises(Refused, match="a flight goes on"):
            await stage.do_fly()
        await stage.do_stop()
        await flight
        assert stage.value("fly_phase") == "Failed" and "stopped on the way" in stage.value("fly_problem")
        assert b["velocity"] == 20.0 and 200 < b.rail.place < 4000 and stage.value("active") is False
        await stage.stop()
    (end,) = blocks(stage)[Kind.END]
    assert "stopped on the way" in end["error"]


async def test_the_end_of_a_run_ends_the_flight(make):
    async with make() as b, stage_on(b) as stage:
        await stage.start("r1")
        flight = asyncio.create_task(fly(stage, 0.0, 5.0, 50, 10.0))
        await until(lambda: stage.value("fly_phase") == "Flight", listen=heard(stage))
        await stage.stop()
        await flight
        assert stage.value("fly_phase") == "Failed" and b["done"]
    found = blocks(stage)
    assert len(found[Kind.END]) == len(found[Kind.CLOSE]) == 1 and found[Kind.CLOSE][0]["flights"] == 1


async def test_a_link_that_is_lost_in_flight(make):
    async with make() as b, stage_on(b) as stage:
        flight = asyncio.create_task(fly(stage, 0.0, 2.0, 20, 10.0))
        await until(lambda: stage.value("fly_phase") == "Flight", listen=heard(stage))
        await b.emulator.set_silent(True)
        await until(lambda: stage.board.updates["positions"].severity.name == "INVALID", listen=heard(stage))
        await b.emulator.set_silent(False)
        await flight
        assert stage.value("exposure") == 0, "outside of a run nothing is numbered"
        await until(lambda: stage.board.updates["positions"].severity.name == "OK", listen=heard(stage))


async def test_a_flight_whose_readings_cannot_be_written_has_failed(make):
    async with make() as b, stage_on(b) as stage:
        stage.log._disk = disk = SickDisk(stage.root)
        await stage.start("r1")
        disk.fail_write = [errno.EIO] * 100
        await fly(stage, 0.0, 1.0, 10, 10.0)
        assert stage.value("fly_phase") == "Failed"
        assert "not on disk" in stage.value("fly_problem")
        disk.fail_write = []
        await stage.stop()


async def test_an_axis_that_is_not_there(make, tmp_path):
    async with make() as b:
        stage = Stage("stage", StageOptions(axes=("x", "y")))
        stage.station, stage.neighbours = b.axis.station, {"x": b.axis}
        with pytest.raises(Refused, match="no axis 'y'"):
            await stage.connect()
