"""The axis does what the motor record's documentation says, on a rail with a controller."""

import contextlib

import pytest
from hitline.ioc.axis.actions import Home, MoveTo, SetLimits, SetPosition, Stop
from hitline.ioc.axis.core import Denied, Phase
from hitline.ioc.axis.shown import HOMED, MOVING, PROBLEM, alarm, shown, status_word
from hypothesis import given, settings
from hypothesis import strategies as st
from rail import rail


def moves(r):
    return [action.steps for action in r.log if isinstance(action, MoveTo)]


def ask(r, name, value):
    r.axis.set(name, value, r.now)


@pytest.mark.parametrize(
    ("name", "value"), [("target", 2.0), ("target_dial", 2.0), ("target_raw", 2000), ("relative", 2.0)]
)
def test_any_target_sets_the_others_and_moves(name, value):
    r = rail()
    ask(r, name, value)
    values = shown(r.axis)
    assert (values["target"], values["target_dial"], values["target_raw"]) == (2.0, 2.0, 2000)
    assert not values["done"], "at once"
    r.settle()
    values = shown(r.axis)
    assert values["done"] and values["position"] == 2.0 and values["position_raw"] == 2000
    assert values["relative"] == 0.0 and values["difference"] == 0.0 and not values["moving"]


def test_frames():
    r = rail(resolution=-0.01, offset=5.0, direction="Neg")
    ask(r, "target", 7.0)
    r.settle()
    values = shown(r.axis)
    assert values["target_dial"] == -2.0 and values["position_raw"] == 200
    assert values["position"] == 7.0 and values["travel_direction"] == "Pos"
    ask(r, "offset", 6.0)
    values = shown(r.axis)
    assert values["position"] == values["target"] == 8.0 and values["position_dial"] == -2.0
    ask(r, "direction", "Pos")
    assert shown(r.axis)["position"] == 4.0 and r.axis.phase is Phase.REST


def test_a_move_of_no_length_is_a_pulse_of_done():
    r = rail()
    ask(r, "target", 0.0)
    assert not shown(r.axis)["done"]
    r.tick()
    assert shown(r.axis)["done"] and not moves(r)


def test_an_old_reading_ends_no_move():
    r = rail()
    ask(r, "target", 1.0)
    old = r.reading()
    r.axis.take()
    r.axis.update(old, r.now)
    assert r.axis.active


def test_a_new_target_on_the_way_stops_first_and_done_stays_false():
    r = rail()
    ask(r, "target", 5.0)
    r.tick(20)
    ask(r, "target", -1.0)
    for _ in range(3000):
        r.tick()
        if not r.axis.active:
            break
        assert not shown(r.axis)["done"]
    assert r.axis.position == -1.0 and [type(a) for a in r.log[-3:]] == [MoveTo, Stop, MoveTo]


def test_stop_makes_the_position_the_target():
    r = rail()
    ask(r, "target", 5.0)
    r.tick(20)
    r.axis.stop()
    r.settle()
    assert 0 < r.axis.position < 5.0 and r.axis.target == r.axis.position and not r.axis.missed


@pytest.mark.parametrize("direction", ["Pos", "Neg"])
def test_soft_limits(direction):
    r = rail(direction=direction)
    for name, value in (("high", 3.0), ("low", -2.0)):
        ask(r, name, value)
    values = shown(r.axis)
    assert (values["high"], values["low"]) == (3.0, -2.0)
    assert {values["high_dial"], values["low_dial"]} == ({3.0, -2.0} if direction == "Pos" else {2.0, -3.0})
    r.tick()
    assert r.limits == ((-2000, 3000) if direction == "Pos" else (-3000, 2000)), "the controller has them"
    with pytest.raises(Denied, match="4 is outside of the soft limits -2 to 3"):
        ask(r, "target", 4.0)
    values = shown(r.axis)
    assert values["limit_violation"] and values["target"] == 0.0 and values["done"] and not moves(r)
    ask(r, "target", 3.0)
    assert not shown(r.axis)["limit_violation"]
    r.settle()
    ask(r, "high", 1.0)
    assert alarm(r.axis)[0] == "HIGH", "it is outside now"
    with pytest.raises(Denied):
        ask(r, "target", 3.5)
    ask(r, "target", 2.0)
    r.settle()
    assert r.axis.settings.user(r.axis.position) == pytest.approx(1.0), (
        "back towards the range, which the controller ends at"
    )


def test_a_target_is_held_against_the_limits_once_more_when_the_move_begins():
    r = rail(low_dial=-5.0, high_dial=5.0)
    ask(r, "mode", "Pause")
    ask(r, "target", 4.0)
    ask(r, "high", 3.0)
    ask(r, "mode", "Go")
    r.settle()
    values = shown(r.axis)
    assert not moves(r) and values["limit_violation"] and "outside of the soft limits" in values["problem"]
    assert values["done"] and values["target"] == values["position"] == 0.0
    ask(r, "target", 2.0)
    r.settle()
    assert shown(r.axis)["position"] == 2.0 and not shown(r.axis)["limit_violation"]


def test_both_limits_zero_are_none_and_crossed_ones_hold_everything():
    r = rail()
    ask(r, "target", 9.0)
    r.settle()
    ask(r, "low", 5.0)
    ask(r, "high", -5.0)
    with pytest.raises(Denied):
        ask(r, "target", 0.0)


def test_backlash_is_approached_from_one_side():
    r = rail(backlash=0.5, backlash_velocity=0.2)
    ask(r, "target", 2.0)
    r.settle()
    ask(r, "target", 1.0)
    r.settle()
    ask(r, "target", 1.2)
    r.settle()
    assert moves(r) == [1500, 2000, 500, 1000, 1200], "short moves in its direction go straight"
    speeds = [action.speed_hz for action in r.log if isinstance(action, MoveTo)]
    assert speeds == [1000.0, 200.0, 1000.0, 200.0, 200.0]


def test_the_overshoot_stays_inside_of_the_limits():
    r = rail(backlash=0.5, low_dial=-1.0, high_dial=1.0)
    ask(r, "target", -0.8)
    r.settle()
    assert moves(r) == [-1000, -800] and r.reached[0] == -1000


def test_calibration_moves_nothing():
    r = rail()
    ask(r, "target", 2.0)
    r.settle()
    before = len(r.log)
    ask(r, "calibrate", True)
    ask(r, "target", 10.0)
    values = shown(r.axis)
    assert (values["position"], values["target"], values["offset"]) == (10.0, 10.0, 8.0) and not values[
        "done"
    ]
    r.settle()
    assert shown(r.axis)["done"], "when a reading has shown it"
    ask(r, "offset_frozen", True)
    ask(r, "target", 11.0)
    r.settle()
    assert shown(r.axis)["position"] == 11.0 and shown(r.axis)["position_dial"] == 3.0
    ask(r, "target_dial", -1.0)
    r.settle()
    assert shown(r.axis)["position_raw"] == -1000
    assert [type(a) for a in r.log[before:]] == [SetPosition, SetPosition] and r.steps == 2000


def test_a_position_that_the_controller_did_not_get_is_told(monkeypatch):
    r = rail(rail_start=500)
    with monkeypatch.context() as lost:
        lost.setattr(r, "_act", lambda action: None)
        r.axis.load(3.0)
        r.settle()
    assert alarm(r.axis) == ("STATE", "the controller has not taken the position 3: load it again")
    assert shown(r.axis)["target"] == shown(r.axis)["position"] == 0.5
    r.axis.load(3.0)
    r.settle()
    assert shown(r.axis)["position"] == 3.0 and alarm(r.axis)[0] == "NO_ALARM"


@pytest.mark.parametrize(("button", "way"), [("home_forward", 1), ("home_reverse", -1)])
def test_homing(button, way):
    r = rail(low_dial=-5.0, high_dial=5.0)
    ask(r, button, True)
    assert shown(r.axis)[button] and not shown(r.axis)["done"]
    r.settle()
    values = shown(r.axis)
    assert values["homed"] and not values[button] and values["position"] == values["target"] == 0.0
    assert status_word(r.axis) >> HOMED & 1
    kinds = [type(action) for action in r.log[-3:]]
    assert kinds == [SetLimits, Home, SetLimits] or kinds == [Home, SetLimits] or Home in kinds
    r.tick()
    assert r.limits == (-5000, 5000), "the limits are back"
    assert r.log[-2].direction == way


def test_homing_is_refused_on_the_switch_of_that_side():
    r = rail()
    ask(r, "target", 10.0)
    r.settle()
    assert alarm(r.axis) == ("HIGH", "on the upper limit switch")
    with pytest.raises(Denied, match="home the other way"):
        ask(r, "home_forward", True)


def test_a_move_ends_on_the_limit_switch():
    r = rail()
    ask(r, "target", 12.0)
    r.settle()
    assert r.axis.position == 10.0 == r.axis.target and r.axis.missed
    ask(r, "target", 0.0)
    r.settle()
    assert r.axis.position == 0.0 and not r.axis.missed


def test_jog_runs_while_held_and_ends_short_of_the_limit():
    r = rail(low_dial=-5.0, high_dial=5.0, jog_velocity=1.0)
    ask(r, "jog_forward", True)
    r.tick(20)
    assert shown(r.axis)["jog_forward"] and 0.5 < r.axis.position < 1.5
    ask(r, "jog_forward", False)
    r.settle()
    at = r.axis.position
    assert r.axis.target == at and at < 2.0
    ask(r, "jog_reverse", True)
    r.settle()
    assert r.axis.position == pytest.approx(-4.0) and not shown(r.axis)["jog_reverse"]


def test_a_long_jog_is_asked_for_in_bounded_pieces():
    r = rail(jog_velocity=0.2, rail_ends=(-(10**6), 10**6))
    ask(r, "jog_forward", True)
    r.tick(500)
    assert len(moves(r)) >= 2 and all(b - a <= 2001 for a, b in zip([0, *moves(r)], moves(r), strict=False))


def test_tweak_and_modes():
    r = rail(tweak_size=0.25)
    ask(r, "tweak_forward", True)
    r.settle()
    ask(r, "tweak_reverse", True)
    assert shown(r.axis)["tweak_reverse"] is False
    r.settle()
    assert r.axis.position == 0.0
    ask(r, "mode", "Stop")
    with pytest.raises(Denied, match="mode is Stop"):
        ask(r, "target", 1.0)
    ask(r, "mode", "Go")
    ask(r, "target", 3.0)
    r.tick(10)
    ask(r, "mode", "Pause")
    r.settle()
    assert 0 < r.axis.position < 3.0 and r.axis.target == 3.0
    ask(r, "mode", "Go")
    r.settle()
    assert r.axis.position == 3.0
    ask(r, "mode", "Move")
    ask(r, "target", 0.0)
    r.settle()
    assert r.axis.position == 0.0 and shown(r.axis)["mode"] == "Pause"


def test_retries_and_settling():
    r = rail(use_encoder=True, encoder_resolution=0.001, retries=3, retry_deadband=0.002, settle_time=0.2)
    ask(r, "target", 1.0)
    r.tick(10)
    r.encoder_off = -20  # the carriage slips by 20 steps
    r.settle()
    assert r.axis.position == pytest.approx(1.0, abs=0.002) and r.axis.retry_count == 1 and not r.axis.missed


@pytest.mark.parametrize("fault", ["following", "slip", "restart", "stuck"])
def test_a_position_that_is_not_to_be_trusted(fault):
    """Alarm, homed falls, no further move until it is referenced anew."""
    r = rail(following_error_limit=0.05)
    ask(r, "home_reverse", True)
    r.settle()
    assert r.axis.homed
    ask(r, "target", 3.0)
    r.tick(20)
    if fault == "following":
        r.encoder_off = -100
    elif fault == "slip":
        r.slip = True
    elif fault == "restart":
        r.boots += 1
    else:
        r.stuck_plus = True
        r.settle()
        ask(r, "target", 0.0)
    r.settle()
    r.slip = False
    assert not r.axis.homed and alarm(r.axis)[0] == "STATE" and r.axis.health.fault
    assert r.axis.position < 3.0
    with pytest.raises(Denied, match="home the axis"):
        ask(r, "target", 1.0)
    r.stuck_plus, r.encoder_off = False, 0
    ask(r, "home_reverse", True)
    r.settle()
    assert r.axis.homed and not r.axis.health.fault
    ask(r, "target", 1.0)
    r.settle()
    assert r.axis.position == 1.0


def test_a_lost_link_is_unknown_and_the_move_goes_on():
    r = rail()
    ask(r, "target", 3.0)
    r.tick(10)
    r.axis.lost("no answer")
    values = shown(r.axis)
    assert values["position"] is None and values["moving"] is None and not values["done"]
    assert alarm(r.axis) == ("COMM", "no answer")
    r.settle()
    assert r.axis.position == 3.0 and shown(r.axis)["done"]


def test_an_axis_that_moves_when_it_is_met_is_waited_for():
    r = rail()
    r.goal, r.step = 4000, 1000.0
    r.axis.__init__(r.axis.settings)
    r.axis._issued = r.acted = 0
    r.tick()
    assert r.axis.active and not shown(r.axis)["done"] and not r.log[2:]
    r.settle()
    assert r.axis.target == r.axis.position == 4.0


def test_what_the_controller_turns_down_ends_the_move():
    r = rail()
    ask(r, "target", 3.0)
    r.axis.turned_down("power stage is off")
    r.settle()
    assert shown(r.axis)["done"] and alarm(r.axis) == ("STATE", "power stage is off")
    assert not status_word(r.axis) >> PROBLEM & 1 and not status_word(r.axis) >> MOVING & 1


def test_a_resolution_takes_speeds_and_limits_along():
    r = rail(low_dial=-5.0, high_dial=5.0)
    ask(r, "resolution", 0.002)
    values = shown(r.axis)
    assert (values["velocity"], values["high_dial"], values["units_per_revolution"]) == (2.0, 10.0, 0.4)
    ask(r, "units_per_revolution", 1.0)
    assert shown(r.axis)["resolution"] == 0.005
    with pytest.raises(Denied, match="resolution of 0"):
        ask(r, "resolution", 0.0)


def test_speeds_are_kept_between_base_and_maximum():
    r = rail()
    ask(r, "velocity_max", 2.0)
    ask(r, "velocity", 5.0)
    assert shown(r.axis)["velocity"] == 2.0
    ask(r, "velocity_base", 1.5)
    ask(r, "velocity", 0.1)
    assert shown(r.axis)["velocity"] == 1.5


STEPS = st.one_of(
    st.tuples(st.just("target"), st.floats(-12, 12)),
    st.tuples(st.just("relative"), st.floats(-3, 3)),
    st.tuples(st.sampled_from(["home_forward", "home_reverse", "jog_forward", "jog_reverse"]), st.booleans()),
    st.tuples(st.sampled_from(["tweak_forward", "tweak_reverse"]), st.just(True)),
    st.tuples(st.sampled_from(["high", "low"]), st.floats(-9, 9)),
    st.tuples(st.just("mode"), st.sampled_from(["Stop", "Pause", "Move", "Go", "Go", "Go"])),
    st.tuples(st.just("direction"), st.sampled_from(["Pos", "Neg"])),
    st.tuples(st.sampled_from(["backlash", "velocity", "settle_time"]), st.floats(0, 2)),
    st.tuples(st.sampled_from(["stop", "lost", "refuse", "reboot", "slip", "tick"]), st.integers(1, 60)),
)


FRAMES = ("high", "low", "direction", "home_forward", "home_reverse")
"""After these an axis may be outside of its limits at rest."""


def fault(r, name):
    if name == "stop":
        r.axis.stop()
    elif name == "lost":
        r.axis.lost("no answer")
    elif name == "refuse":
        r.axis.turned_down("no")
    elif name == "reboot":
        r.boots += 1
    elif name == "slip":
        r.slip = True
        r.tick()
        r.slip = False


def script(steps, resolution):
    """Any sequence of requests and faults: never past a limit, never done while it moves, always an end."""
    r = rail(resolution=resolution, low_dial=-8.0, high_dial=8.0)
    inside = True
    for name, value in steps:
        if name in FRAMES:
            inside = False
        if name in ("stop", "lost", "refuse", "reboot", "slip", "tick"):
            fault(r, name)
        else:
            with contextlib.suppress(Denied):
                ask(r, name, value)
        for _ in range(value if name == "tick" else 3):
            r.tick()
            s = r.axis.settings
            low, high = sorted((s.steps(s.low_dial), s.steps(s.high_dial)))
            valid = s.limited and s.low_dial <= s.high_dial
            here = valid and low - 1 <= r.counter <= high + 1
            assert here or not inside or not valid, (r.counter, low, high)
            if not r.axis.active:
                inside = inside or here
                assert not r.axis.reading.moving and r.goal is None and not r.homing
    for _ in range(2):
        r.axis.stop()
        r.settle()
    assert r.goal is None and not r.homing and shown(r.axis)["done"]


@settings(max_examples=100, deadline=None)
@given(st.lists(STEPS, max_size=25), st.sampled_from([0.001, -0.002]))
def test_random_scripts(steps, resolution):
    script(steps, resolution)


@pytest.mark.faults
@pytest.mark.timeout(600)
@settings(max_examples=10_000, deadline=None)
@given(st.lists(STEPS, max_size=25), st.sampled_from([0.001, -0.002]))
def test_ten_thousand_random_scripts(steps, resolution):
    script(steps, resolution)
