"""Scans of a whole station with an emulated Katherine: driver, run log, worker, CA face, libca, Bluesky."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from guide import examples, run
from hitline.ioc.emulators.katherine.answers import MONITOR_V
from hitline.ioc.emulators.katherine.source import E_PER_MV
from hitline.ioc.emulators.world.pixels import FrontEnd
from hitline.ioc.emulators.world.sensor import Sensor
from kit.session import Session, session_on
from kit.station import HITLINE, Running, Table, entry, katherine, station_up
from kit.until import wait_until

pytestmark = pytest.mark.timeout(120)

CLIENT = Path(__file__).parent / "katherine_client.py"
SEED = 7


def katherine_station() -> Table:
    holes = {"polarity": "Holes", "bias_low": 0.0, "bias_high": 200.0}
    kat1, emu = katherine("127.0.0.2", process="emulators", emulated={"seed": SEED}, **holes)
    world = entry("world", "emulators", source_rate=0.0)
    return {
        "conductor": {},
        "instruments": {"world": world, "emu": emu, "kat1": kat1},
        "workers": {"ana1": {"source": "kat1"}},
        "faces": {"tango": {"port": 0}},
    }


@pytest.fixture(scope="module")
def station(tmp_path_factory) -> Iterator[Running]:
    """A station with one Katherine."""
    with station_up(tmp_path_factory.mktemp("katherine"), katherine_station()) as station:
        yield station


@pytest.fixture(scope="module")
def session(station) -> Iterator[Session]:
    """A session over libca."""
    with session_on(station, "pyepics", CLIENT) as session:
        yield session


@pytest.fixture
def hitline(station):
    """`hitline set`, carried out."""

    def call(*words):
        command = [*HITLINE, "set", *words, "-s", str(station.file)]
        return subprocess.run(command, env=station.env, capture_output=True, text=True)

    return call


def test_a_setting_that_is_unknown_can_be_set(session):
    found = session.ask("unknown")
    assert np.isnan(found["before"]) and found["after"] == 20.0


def test_stock_ophyd_classes_work(session):
    """EpicsSignal with put completion on bias, mode and threshold."""
    found = session.ask("stock")
    assert found["voltage"] == 40 and found["ramping"] in (0, "No")
    assert found["measured"] == pytest.approx(40, abs=1.0)
    assert found["mode"] == "ToA" and found["threshold"] == 1700
    assert 160 * found["coarse"] + found["fine"] == 1700


def test_dac_scan_finds_the_line_of_the_monitor(session):
    found = session.ask("dac", dac="VTP_fine", start=0, stop=500, num=11)
    assert found["after"] == found["before"] and not found["events"][0].get("kat1_exposure")
    assert found["columns"]["kat1_dac_vtp_fine"] == list(range(0, 501, 50))
    line = found["fits"]["VTP_fine output"]["values"]
    assert line["slope"]["value"] == pytest.approx(MONITOR_V / 511, rel=1e-5)
    assert line["offset"]["value"] == pytest.approx(0.0, abs=1e-6)
    assert (line["slope"]["unit"], line["offset"]["unit"]) == ("V", "V")


@pytest.fixture(scope="module")
def front():
    """The pixels as the emulator has them: the truth."""
    return FrontEnd(seed=SEED)


def fitted(found):
    assert not found["problems"], (found["problems"], found["columns"])
    return found["fits"]


def agrees(found, truth, beyond):
    """A fitted value against the truth: within four of its errors and a stated systematic part."""
    assert abs(found["value"] - truth) < 4 * found["error"] + beyond, (found, truth)


def test_threshold_scan_of_pulses_finds_amplitude_and_noise(session, front):
    """The S-curve's middle is the amplitude above the pixels' baselines; its width their noise and spread."""
    pixels = [(x, y) for x in range(8, 256, 32) for y in range(8, 256, 32)]
    x, y = np.array(pixels).T
    trims = front.best_trim()
    made = session.ask("pulse", pixels=pixels, trims=trims[y, x].tolist(), millivolts=80, count=200)
    assert made == {"amplitude": pytest.approx(80.0), "pulsed": 64}
    charge = 80.0 * E_PER_MV * front.gain[y, x]
    middles = front.centre_step(trims)[y, x] + charge / front.e_per_step
    widths = front.noise_e[y, x] / front.e_per_step
    found = session.ask("threshold", start=1745, stop=1865, num=31, exposure=0.05, of="pulses")
    values = fitted(found)["hits"]["values"]
    agrees(values["midpoint"], middles.mean(), 0.5)
    agrees(values["width"], np.sqrt(middles.var() + (widths**2).mean()), 0.5)
    assert max(found["columns"]["kat1_ana1_exposure_hits"]) == 200 * 64, "every pulse in every pixel"
    assert found["after"] == found["before"] and found["lost"] == 0
    assert (found["condition"], found["state"]) == ("GOOD", "Idle")
    session.ask("tune", pulses="Off")


def test_threshold_scan_finds_the_noise(session, front):
    """Of one pixel: the middle of its noise and its width, from the edge alone."""
    x, y = 100, 60
    session.ask("only", pixels=[(x, y)])
    middle, width = front.centre_step()[y, x], front.noise_e[y, x] / front.e_per_step
    found = session.ask(
        "threshold",
        start=round(middle + 3.2 * width),
        stop=round(middle + 5.4 * width),
        num=15,
        exposure=0.5,
        of="noise",
    )
    values = fitted(found)["hits"]["values"]
    agrees(values["centre"], middle, 1.0)
    agrees(values["width"], width, 0.3)


@pytest.mark.parametrize(
    ("source", "quantity"),
    [
        ({"source": "Beam", "beam_energy": 25.0, "source_rate": 2e4}, "clusters"),
        pytest.param({"muon_rate": 4e3}, "mean ToT of a cluster", marks=pytest.mark.faults),
    ],
    ids=("x-rays", "muons"),
)
def test_bias_scan_finds_the_depletion_voltage(session, front, source, quantity):
    """Below depletion, X-rays in the far side of the sensor make nothing, and muons leave less."""
    session.ask("world", **{f"world__{name}": value for name, value in source.items()})
    session.ask("open_all", trims=front.best_trim().tolist())
    session.ask("tune", threshold=1800, voltage_set=10.0)
    found = session.ask("bias", start=5, stop=120, num=24, exposure=0.25)
    session.ask("world", world__source_rate=0.0, world__muon_rate=0.0)
    assert found["lost"] == 0 and found["after"] == found["before"]
    assert quantity in found["fits"], (found["problems"], found["columns"])
    agrees(found["fits"][quantity]["values"]["voltage"], Sensor().depletion_v, 4.0)


def test_a_fault_that_is_set_by_command_is_counted_to_the_hit(session, station):
    """`hitline set emu drop 0.5`: what the readout says it sent, less what came, on every PV."""

    def drop(share):
        command = [*HITLINE, "set", "emu", "drop", str(share), "-s", str(station.file)]
        subprocess.run(command, check=True, env=station.env, capture_output=True)

    session.ask("open_all", trims=FrontEnd(seed=SEED).best_trim().tolist())
    session.ask("world", world__muon_rate=4e3)
    drop(0.5)
    found = session.ask("exposure", seconds=0.3)
    drop(0.0)
    assert found["hits_lost"] == found["dropped"] > 100
    assert found["hits_sent"] - found["hits_lost"] == found["hits_logged"] == found["analysed"]
    assert found["loss_method"] == "FRAME_COUNT"
    again = session.ask("exposure", seconds=0.3)
    session.ask("world", world__muon_rate=0.0)
    assert again["hits_lost"] == 0 and again["hits_logged"] == again["analysed"] > 100


def test_an_exposure_that_somebody_stops_is_no_point_of_a_plan_that_does_not_say_so(session):
    """Another client stops it in mid-scan: the plan fails, or keeps the point, marked."""
    found = session.ask("cut", words=["kat1", "stop"], keep=False)
    assert "was stopped by " in found["outcome"] and "last value Stopped" in found["outcome"]
    assert found["events"] == []
    found = session.ask("cut", words=["kat1", "acquire", "Done"], keep=True)
    # Its counts are not known: the readout ends what is stopped by 0xE, without one.
    assert found == {"outcome": "success", "events": [["Stopped", "INCOMPLETE"]]}
    found = session.ask("cut", words=["run", "stop"], keep=False)
    assert "was stopped by " in found["outcome"] and "has stopped the run" in found["outcome"]


def test_a_command_that_waits_for_an_exposure_tells_who_stopped_it(hitline, station):
    hitline("kat1", "acquire_time", "20")
    command = [*HITLINE, "set", "kat1", "acquire", "Acquire", "-s", str(station.file)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, env=station.env, text=True) as waiting:
        wait_until(lambda: hitline("kat1", "stop") and waiting.poll() is not None, what="its end")
        assert waiting.returncode == 1
        assert re.search(r"exposure 1 was stopped: \S+@\S+", waiting.stderr.read())
    hitline("kat1", "acquire_time", "0.1")


def test_an_exposure_that_fails_is_told_to_whoever_waits(session, hitline):
    """The readout falls silent in the middle: a Bluesky plan, `hitline set` and its configure say so."""
    assert hitline("emu", "stall", "1").returncode == 0
    done = hitline("kat1", "configure")
    assert done.returncode == 1 and "configure has failed: no answer" in done.stderr and not done.stdout
    assert hitline("emu", "stall", "0").returncode == 0
    session.ask("back")
    assert "no answer from 127.0.0.2" in session.ask("silenced", seconds=20.0)
    assert hitline("emu", "stall", "0").returncode == 0
    session.ask("back")
    assert session.ask("exposure", seconds=0.1)["hits_lost"] == 0


@pytest.mark.faults  # for its time
def test_the_examples_of_the_guide_run(station):
    """All Python of docs/how-to/katherine.md, in order, in the folder of a station file."""
    run(examples("katherine.md", 4), station)
    for picture in ("vtp_fine.png", "pulses.png"):
        assert (station.file.parent / picture).stat().st_size > 10_000, "a curve was drawn"
