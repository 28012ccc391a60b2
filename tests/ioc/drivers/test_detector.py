"""What every readout gets from its base: a source of a few lines whose losses nobody counts."""

import asyncio

import pytest
from hitline.bus.asker import asking
from hitline.bus.attribute import Severity
from hitline.bus.log.block import Format, Kind, LossMethod, decode_facts
from hitline.bus.log.reader import open_run
from hitline.bus.log.verify import Quality, verify
from hitline.bus.node import Node
from hitline.bus.satellite import Satellite
from hitline.bus.states import State
from hitline.bus.station import Station
from hitline.ioc.drivers.counts import Tally
from hitline.ioc.drivers.detector import Detector, LogOptions
from kit.patience import WAIT_S


class Blind(Detector):
    """Gives ten hits per exposure and cannot say what it missed; its third exposure fails."""

    MODEL = "Blind"
    sees = False
    """It can say what it missed,"""
    misses = 0
    """that is so many hits of each exposure."""
    waits, fails = 2, 3
    """Exposures that wait for a stop, and that fail."""

    def expose(self, halt):
        if self.value("exposure") == self.fails:
            raise OSError("link to 192.168.1.99 is silent for 3 s: check the cable")
        if self.value("exposure") == self.waits:
            halt.wait(WAIT_S)
        if self.sees:
            self.tally.sent += 10 + self.misses
            self.tally.lost += self.misses
        else:
            self.tally.sent = self.tally.lost = None
        assert self.log.data(
            bytes(80), words=10, hits=10, format=Format.TPX3_WORDS, method=LossMethod.UNKNOWN
        )
        self.tally.logged += 10
        return {"detector_ns": 12345}


@pytest.fixture
async def blind(tmp_path, group):
    detector = Blind("det2", LogOptions())
    detector.station = Station(group, tmp_path / "station.toml", data=tmp_path / "runs")
    async with Node(group, "backend") as node:
        satellite = Satellite(detector)
        node.add(satellite)
        await satellite.start()
        await satellite.move("initialize", {})
        yield detector, satellite


def shot(detector):
    """What is shown of the last exposure."""
    return tuple(detector.value(name) for name in ("exposure_end", "exposure_ended_by", "exposure_condition"))


async def exposure(detector):
    await detector.set_acquire("Acquire")
    await detector._work


async def test_a_loss_that_nobody_counts_is_unknown_and_the_run_incomplete(blind, tmp_path):
    detector, satellite = blind
    await satellite.move("launch")
    await satellite.move("start", "r1")
    await exposure(detector)
    updates = detector.board.updates
    assert updates["hits_logged"].value == 10
    for name in ("hits_lost", "hits_sent"):
        assert updates[name].value is None and updates[name].severity is Severity.INVALID
    await satellite.move("stop")
    assert detector.value("condition") == "INCOMPLETE"
    run = open_run(tmp_path / "runs" / "r1" / "det2")
    end = next(decode_facts(payload) for header, payload in run if header.kind == Kind.END)
    assert end["counts"] == {"hits_sent": None, "hits_logged": 10, "hits_lost": None}
    assert end["detector_ns"] == 12345
    assert run.totals["lost"] is None and run.totals["hits_lost"] is None and run.totals["hits"] == 10
    assert verify(tmp_path / "runs" / "r1").quality is Quality.INCOMPLETE


async def test_stop_reaches_a_source_that_waits_and_an_error_ends_the_run(blind, tmp_path):
    detector, satellite = blind
    await satellite.move("launch")
    await satellite.move("start", "r1")
    await exposure(detector)
    await detector.set_acquire("Acquire")
    work = detector._work
    with asking("alice@desk"):
        await detector.do_stop()
    await work
    assert shot(detector) == ("Stopped", "alice@desk", "INCOMPLETE")
    assert detector.value("hits_logged") == 20 and satellite.state is State.RUN
    await exposure(detector)
    assert satellite.state is State.ERROR and "check the cable" in satellite.machine.status
    await asyncio.wait_for(asyncio.gather(*satellite.turn.tasks), WAIT_S)
    assert detector.value("acquiring") is False and detector.value("detector_state") == "Error"
    await satellite.move("initialize", {})
    assert detector.value("detector_state") == "Idle"
    run = open_run(tmp_path / "runs" / "r1" / "det2")
    ends = [decode_facts(payload) for header, payload in run if header.kind == Kind.END]
    assert [end["ended"] for end in ends] == ["whole", "stopped", "failed"]
    assert [end["condition"] for end in ends] == ["INCOMPLETE", "INCOMPLETE", "INCOMPLETE|INTERRUPTED"]
    assert ends[1]["by"] == "alice@desk" and "check the cable" in ends[2]["error"]
    assert run.totals["condition"] == "INCOMPLETE|INTERRUPTED"


@pytest.mark.parametrize(
    ("cut", "shown", "condition"),
    [
        ("peer", ("Interrupted", "b is ERROR: tripped"), "INTERRUPTED"),
        ("abort", ("Aborted", "alice@desk"), "ABORTED"),
        ("run", ("Stopped", "alice@desk has stopped the run"), "GOOD"),
        ("failure", ("Interrupted", "det2 tripped"), "INTERRUPTED"),
    ],
)
async def test_end_says_how_and_by_whom(blind, tmp_path, cut, shown, condition):
    detector, satellite = blind
    detector.sees = True
    await satellite.move("launch")
    await satellite.move("start", "r1")
    await exposure(detector)
    assert shot(detector) == ("Whole", "", "GOOD")
    await detector.set_acquire("Acquire")
    assert shot(detector) == ("Going", "", "")
    work = detector._work
    if cut == "peer":
        satellite.interrupt("b is ERROR: tripped")
    elif cut == "failure":
        detector.on_failure("det2 tripped")
    else:
        with asking("alice@desk"):
            await satellite.machine.request("interrupt" if cut == "abort" else "stop")
    await work
    assert shot(detector) == (*shown, condition)
    busy = detector.board.updates["acquiring"]
    assert busy.severity is (Severity.OK if cut == "run" else Severity.MAJOR)
    assert busy.status == f"exposure 2 was {shown[0].lower()}: {shown[1]}"
    await asyncio.wait_for(asyncio.gather(*satellite.turn.tasks), WAIT_S)
    run = open_run(tmp_path / "runs" / "r1" / "det2")
    ends = [decode_facts(payload) for header, payload in run if header.kind == Kind.END]
    assert (ends[1]["ended"], ends[1]["by"], ends[1]["condition"]) == (shown[0].lower(), shown[1], condition)
    assert run.totals["condition"] == condition == detector.value("condition")


async def test_the_condition_of_an_exposure_and_of_its_run_are_right_at_its_end(blind):
    """Not first when the run is closed: an event has both beside its own loss."""
    detector, satellite = blind
    detector.waits = detector.fails = 0
    await satellite.move("launch")
    await satellite.move("start", "r1")
    for sees, lost, condition in ((True, 0, "GOOD"), (True, 57, "INCOMPLETE"), (False, None, "INCOMPLETE")):
        detector.sees, detector.misses = sees, lost or 0
        await exposure(detector)
        assert detector.value("exposure_condition") == detector.value("condition") == condition
        assert detector.value("hits_lost") == lost


def test_a_failed_disk_corrects_what_was_taken_for_logged():
    tally = Tally(100, 90, 10)
    tally.settle(60)
    assert (tally.logged, tally.lost) == (60, 40)
    tally = Tally(None, 90, None)
    tally.settle(60)
    assert (tally.logged, tally.lost) == (60, None)
