"""An axis on an emulated phyMOTION as a motor record: stock clients cannot tell it from the real one."""

import subprocess
import sys
from collections.abc import Iterator
from xml.etree import ElementTree

import pytest
import tango
from kit.patience import WAIT_S
from kit.session import Session, session_on
from kit.station import Running, station_up
from kit.until import wait_until
from motor_station import CLIENT, motor_station

pytestmark = pytest.mark.timeout(120)

OPHYDS = "XF:31IDA-OP{Tbl-Ax:X1}Mtr"
"""The motor of ophyd's own tests."""


@pytest.fixture(scope="module")
def station(tmp_path_factory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("motor")
    (folder / "site.db").write_text(f'alias("$(P)SLOW:M", "{OPHYDS}")\n')
    table = motor_station()
    table["faces"]["ca"] = {"overlays": ["site.db"]}
    with station_up(folder, table) as station:
        yield station


@pytest.fixture
def device(station) -> tango.DeviceProxy:
    port, name = station.table["faces"]["tango"]["port"], station.table["name"]
    return tango.DeviceProxy(f"tango://127.0.0.1:{port}/hitline/{name}/x#dbase=no")


def reaches(device, state):
    return wait_until(lambda: device.state() == state, what=f"the device in {state}")


@pytest.fixture(scope="module", params=["pyepics", "caproto"])
def session(station, request) -> Iterator[Session]:
    with session_on(station, request.param, CLIENT) as session:
        yield session


def test_limits_unit_and_digits_are_those_of_the_record(session):
    assert session.ask("set_limits", low=-10.0, high=12.0) == [-10.0, 12.0]
    assert session.ask("limits") == {"limits": [-10.0, 12.0], "egu": "mm", "units": "mm", "precision": 4}
    assert session.ask("set_limits", low=-9.0, high=11.0) == [-9.0, 11.0]


def test_moves_end_where_and_when_they_should(session):
    session.ask("move", to=0.0)
    found = session.ask("move", to=3.0)
    assert found["position"] == 3.0 and found["success"] and found["took_s"] > 0.5
    assert found["dmov"][:1] == [0] and found["dmov"][-1] == 1
    again = session.ask("move", to=3.0)
    assert again["success"] and again["dmov"][0] == 0 and again["dmov"][-1] == 1, "of no length: a pulse"


def test_a_put_with_completion_ends_with_the_motion(session):
    session.ask("move", to=0.0)
    found = session.ask("completion", to=3.0)
    assert found["took_s"] > 0.5 and found["done"] == 1 and found["position"] == pytest.approx(3.0)


def test_stop_in_flight(session):
    session.ask("move", to=-8.0)
    found = session.ask("stop", to=8.0)
    assert -8.0 < found["position"] < 0.0 and found["target"] == pytest.approx(found["position"])
    assert found["dmov"] == 1


def test_beyond_a_limit_nothing_moves_and_the_put_completes(session):
    session.ask("move", to=1.0)
    found = session.ask("beyond", to=50.0)
    assert found["refused"] and found["completed"]
    assert (found["val"], found["lvio"], found["position"]) == (1.0, 1, 1.0)


def test_done_falls_at_each_put_that_asks_for_a_move_and_at_no_stop_at_rest(session):
    session.ask("move", to=1.0)
    here = [
        ("VAL", 1.0),
        ("RLV", 0.0),
        ("VAL", 500.0),
        ("RLV", 500.0),
        ("DVAL", 1.0),
        ("RVAL", 1000),
        ("TWF", 1),
    ]
    found = session.ask("edges", puts=[put for one in here for put in (("STOP", 1), one, ("STOP", 1))])
    assert found["dmov"] == [[], [0, 1], []] * len(here)
    assert found["stop"] == 0, "but for the moment of the put"


def test_a_new_target_on_the_way(session):
    session.ask("move", to=-5.0)
    found = session.ask("retarget", first=8.0, second=-4.0)
    assert found["success"] and found["position"] == pytest.approx(-4.0), found
    assert set(found["dmov"]) == {1}, f"never done in between: {found}"


def test_set_current_position_moves_nothing(session):
    session.ask("move", to=2.0)
    found = session.ask("calibrate", to=7.0)
    assert (
        found["position"] == pytest.approx(7.0)
        and not found["moved"]
        and found["offset"] == pytest.approx(5.0)
    )
    assert session.ask("calibrate", to=2.0)["offset"] == pytest.approx(-5.0)


def test_home(session):
    found = session.ask("home")
    assert found == {"success": True, "dial": 0.0, "homed": 1}


def test_a_link_that_is_lost_in_a_move(session):
    """Nothing is claimed while nothing is known; the client sees the end when the link is back."""
    session.ask("move", to=-6.0)
    found = session.ask("lost_link", to=6.0)
    assert found == {
        "moved": True,
        "invalid": True,
        "done_while_lost": 0,
        "valid": True,
        "success": True,
        "position": 6.0,
    }


def test_bluesky_scans(session):
    """Three scans; two hundred are in test_motor_faults."""
    found = session.ask("scans", count=3, start=-1.0, stop=1.0, num=9)
    for places in found:
        assert places == pytest.approx([n / 4 for n in range(-4, 5)])


def test_moves_that_begin_right_after_a_stop_end_at_their_target(session):
    assert session.ask("stops", count=20, seed=1) == []


def test_the_motor_of_pyepics(station):
    with session_on(station, "pyepics", CLIENT) as session:
        found = session.ask("pyepics")
    assert found["rtyp"] == "motor" and found["after"] == pytest.approx(1.5) and found["desc"] == "Axis"
    assert found["outside"] in (-12, -1, -2), "outside of its limits"


def test_a_tango_client_moves_stops_and_is_refused(device):
    """Position is written to move; State is MOVING until it is over; limits are those of the record."""
    rest = tango.DevState.STANDBY
    assert reaches(device, rest)
    device.position = 1.0
    assert reaches(device, tango.DevState.MOVING) and reaches(device, rest)
    assert device.position == pytest.approx(1.0) and device.target == pytest.approx(1.0)
    with pytest.raises(tango.DevFailed, match="outside of the soft limits"):
        device.position = 500.0
    assert device.limit_violation and device.position == pytest.approx(1.0)
    device.position = device.high - 0.5
    assert reaches(device, tango.DevState.MOVING)
    device.command_inout("stop")
    assert reaches(device, rest)
    stopped = device.position
    assert 1.0 <= stopped < device.high - 0.5 and device.target == pytest.approx(stopped)
    device.offset = device.offset + 1.0
    assert device.position == pytest.approx(stopped + 1.0), "a frame, and no motion"
    assert device.position_dial == pytest.approx(stopped)
    device.offset = device.offset - 1.0


def test_the_motor_of_ophyd_async(station):
    with session_on(station, "pyepics", CLIENT) as session:
        found = session.ask("ophyd_async")
    assert found["at"] == pytest.approx(-2.0) and found["refused"] == "MotorLimitsError"
    assert -2.0 < found["stopped"] < 9.0 and not found["success"]
    assert found["target"] == pytest.approx(found["stopped"])


@pytest.mark.timeout(240)
def test_ophyds_own_tests_of_its_motor(station, tmp_path):
    """All of them, as ophyd ships them: outside of our settings of pytest, in a process of their own."""
    report = tmp_path / "ophyd.xml"
    argv = ["--pyargs", "ophyd.tests.test_epicsmotor", "-c", "/dev/null", "--rootdir", str(tmp_path), "-q",
            "-p", "no:cacheprovider", "-W", "ignore", f"--junitxml={report}"]  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *argv],
        cwd=tmp_path,
        env=station.env,
        capture_output=True,
        text=True,
        timeout=6 * WAIT_S,
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    ran = [case for case in ElementTree.parse(report).iter("testcase") if case.find("skipped") is None]
    for layer in ("caproto", "pyepics"):
        assert sum(f"[{layer}]" in case.get("name", "") for case in ran) >= 22, done.stdout
