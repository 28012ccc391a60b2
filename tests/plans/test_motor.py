"""An axis on an emulated phyMOTION as a motor record: stock clients cannot tell it from the real one."""

import tomllib
from collections.abc import Iterator

import pytest
import tango
from kit.until import wait_until
from motor_station import CLIENT, STATION
from station_rig import Running, Session, ask, session_on, station_up

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def station(tmp_path_factory, free_ports) -> Iterator[Running]:
    text = STATION.format(*free_ports(2))
    with station_up(tmp_path_factory.mktemp("motor"), free_ports(2), text) as station:
        yield station


@pytest.fixture
def device(station) -> tango.DeviceProxy:
    told = tomllib.loads(station.file.read_text())
    port, name = told["faces"]["tango"]["port"], told["name"]
    return tango.DeviceProxy(f"tango://127.0.0.1:{port}/hitline/{name}/x#dbase=no")


def reaches(device, state):
    return wait_until(lambda: device.state() == state, what=f"the device in {state}")


@pytest.fixture(scope="module", params=["pyepics", "caproto"])
def session(station, request) -> Iterator[Session]:
    with session_on(station, request.param, CLIENT) as session:
        yield session


def test_limits_unit_and_digits_are_those_of_the_record(session):
    assert ask(session, "set_limits", low=-10.0, high=12.0) == [-10.0, 12.0]
    assert ask(session, "limits") == {"limits": [-10.0, 12.0], "egu": "mm", "units": "mm", "precision": 4}
    assert ask(session, "set_limits", low=-9.0, high=11.0) == [-9.0, 11.0]


def test_moves_end_where_and_when_they_should(session):
    ask(session, "move", to=0.0)
    found = ask(session, "move", to=3.0)
    assert found["position"] == 3.0 and found["success"] and 0.5 < found["took_s"] < 3.0
    assert found["dmov"][:1] == [0] and found["dmov"][-1] == 1
    again = ask(session, "move", to=3.0)
    assert again["success"] and again["dmov"][0] == 0 and again["dmov"][-1] == 1, "of no length: a pulse"


def test_a_put_with_completion_ends_with_the_motion(session):
    ask(session, "move", to=0.0)
    found = ask(session, "completion", to=3.0)
    assert found["took_s"] > 0.5 and found["done"] == 1 and found["position"] == pytest.approx(3.0)


def test_stop_in_flight(session):
    ask(session, "move", to=-8.0)
    found = ask(session, "stop", to=8.0)
    assert -8.0 < found["position"] < 0.0 and found["target"] == pytest.approx(found["position"])
    assert found["done"]


def test_beyond_a_limit_nothing_moves_and_the_put_completes(session):
    ask(session, "move", to=1.0)
    found = ask(session, "beyond", to=50.0)
    assert found["refused"] and found["took_s"] < 2.0
    assert (found["val"], found["lvio"], found["position"]) == (1.0, 1, 1.0)


def test_done_falls_at_each_put_that_asks_for_a_move_and_at_no_stop_at_rest(session):
    ask(session, "move", to=1.0)
    here = [
        ("VAL", 1.0),
        ("RLV", 0.0),
        ("VAL", 500.0),
        ("RLV", 500.0),
        ("DVAL", 1.0),
        ("RVAL", 1000),
        ("TWF", 1),
    ]
    found = ask(session, "edges", puts=[put for one in here for put in (("STOP", 1), one, ("STOP", 1))])
    assert found["dmov"] == [[], [0, 1], []] * len(here)
    assert found["stop"] == 0, "but for the moment of the put"


def test_a_new_target_on_the_way(session):
    ask(session, "move", to=-5.0)
    found = ask(session, "retarget", first=8.0, second=-4.0)
    assert found["success"] and found["position"] == pytest.approx(-4.0), found
    assert set(found["dmov"]) == {1}, f"never done in between: {found}"


def test_set_current_position_moves_nothing(session):
    ask(session, "move", to=2.0)
    found = ask(session, "calibrate", to=7.0)
    assert (
        found["position"] == pytest.approx(7.0)
        and not found["moved"]
        and found["offset"] == pytest.approx(5.0)
    )
    assert ask(session, "calibrate", to=2.0)["offset"] == pytest.approx(-5.0)


def test_home(session):
    found = ask(session, "home")
    assert found == {"success": True, "dial": 0.0, "homed": 1}


def test_a_link_that_is_lost_in_a_move(session):
    """Nothing is claimed while nothing is known; the client sees the end when the link is back."""
    ask(session, "move", to=-6.0)
    found = ask(session, "lost_link", to=6.0)
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
    found = ask(session, "scans", count=3, start=-1.0, stop=1.0, num=9)
    for places in found:
        assert places == pytest.approx([n / 4 for n in range(-4, 5)])


def test_moves_that_begin_right_after_a_stop_end_at_their_target(session):
    assert ask(session, "stops", count=20, seed=1) == []


def test_the_motor_of_pyepics(station):
    with session_on(station, "pyepics", CLIENT) as session:
        found = ask(session, "pyepics")
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
        found = ask(session, "ophyd_async")
    assert found["at"] == pytest.approx(-2.0) and found["refused"] == "MotorLimitsError"
    assert -2.0 < found["stopped"] < 9.0 and not found["success"]
    assert found["target"] == pytest.approx(found["stopped"])
