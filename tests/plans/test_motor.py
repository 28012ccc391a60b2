"""An axis on an emulated phyMOTION as a motor record: stock clients cannot tell it from the real one."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from station_rig import Running, Session, session_on, station_up

pytestmark = pytest.mark.timeout(120)
CLIENT = Path(__file__).parent / "motor_client.py"
STATION = """
name = "{{name}}"
prefix = "T:"
[conductor]
[instruments.box]
type = "phymotion"
process = "motion"
[instruments.box.options]
where = "tcp://127.0.0.1:{0}"
homing = "centre"
[instruments.x]
type = "axis"
process = "motion"
[instruments.x.options]
controller = "box"
low = -10.0
high = 12.0
velocity = 5.0
home_velocity = 50.0
acceleration_time = 0.05
[instruments.emu]
type = "phymotion_emulator"
[instruments.emu.options]
port = {0}
rail_steps = 20000
[faces.ca]
port = {{port}}
[faces.tango]
port = 0
"""


@pytest.fixture(scope="module")
def station(tmp_path_factory, free_ports) -> Iterator[Running]:
    text = STATION.format(*free_ports(1))
    with station_up(tmp_path_factory.mktemp("motor"), free_ports(2), text) as station:
        yield station


@pytest.fixture(scope="module", params=["pyepics", "caproto"])
def session(station, request) -> Iterator[Session]:
    with session_on(station, request.param, CLIENT) as session:
        yield session


def ask(session, do, **arguments):
    outcome, value = session.ask(do, **arguments)
    assert outcome == "done", value
    return value


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


def test_a_new_target_on_the_way(session):
    ask(session, "move", to=-5.0)
    found = ask(session, "retarget", first=8.0, second=-4.0)
    assert found["success"] and found["position"] == pytest.approx(-4.0)
    assert set(found["dmov"]) == {1}, "never done in between"


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


def test_the_motor_of_pyepics(station):
    with session_on(station, "pyepics", CLIENT) as session:
        found = ask(session, "pyepics")
    assert found["rtyp"] == "motor" and found["after"] == pytest.approx(1.5) and found["desc"] == "Axis"
    assert found["outside"] in (-12, -1, -2), "outside of its limits"
