"""An axis on an emulated phyMOTION over TCP: moves, stops, limits, references, faults."""

import asyncio

import pytest
from hitline.bus.attribute import Refused
from hitline.ioc.drivers.axis_memory import load
from hitline.ioc.protocols.phytron.status import P
from hitline.ioc.protocols.phytron.telegram import encode
from motion_bench import axis_on


async def test_nothing_but_the_limits_is_written_before_something_is_asked(make):
    async with make(low=-5.0, high=5.0) as b:
        motor = b.emulator.motor
        await b.turns(lambda: motor.parameters[P.SOFT_PLUS] == 5000)
        assert motor.parameters[P.SOFT_MINUS] == -5000 and motor.parameters[P.SPEED] == 4000
        assert b["position"] == 0.0 and b["done"] and not b["homed"] and b.controller.value("identity")


async def test_moves_arrive_at_the_step(make):
    async with make() as b:
        for target in (3.0, -2.5, 0.001, 0.001):
            await b.go(target)
            assert b["position"] == pytest.approx(target) and b.rail.place == round(target * 1000)
            assert b["encoder"] == b.rail.place and not b["missed"]
        assert b.emulator.motor.parameters[P.SPEED] == 20_000


async def test_a_stop_overtakes_and_the_target_becomes_the_position(make):
    async with make(velocity=2.0) as b:
        await b.set("target", 15.0)
        await b.until(lambda: b["moving"] and b["position"] > 0.2)
        await b.axis.do_stop()
        await b.rest()
        assert 0.2 < b["position"] < 5.0 and b["target"] == b["position"] and not b.rail.moving


async def test_a_new_target_on_the_way(make):
    async with make(velocity=5.0) as b:
        await b.set("target", 15.0)
        await b.until(lambda: b["moving"])
        await b.set("target", -1.0)
        assert not b["done"]
        await b.rest()
        assert b["position"] == pytest.approx(-1.0)


async def test_soft_limits_live_in_the_controller_too(make):
    async with make(low=-1.0, high=2.0) as b:
        with pytest.raises(Refused, match=r"x\.target: 3 is outside of the soft limits -1 to 2") as refused:
            await b.set("target", 3.0)
        assert refused.value.code == "limit" and b["limit_violation"] and b["done"]
        await b.turns(lambda: b.emulator.motor.parameters[P.SOFT_PLUS] == 2000)
        b.emulator.motor.go(9000)  # somebody else's client
        await b.until(lambda: b["moving"])
        await b.until(lambda: not b["moving"])
        assert b["position"] == pytest.approx(2.0)


async def test_a_limit_switch_ends_a_move_and_latches(make):
    async with make() as b:
        await b.set("target", 30.0)
        await b.rest()
        assert b["limit_high"] and b["missed"] and b.quality("position")[0] == "MINOR"
        assert 20.0 <= b["position"] < 20.1
        await b.go(10.0)
        assert b["position"] == pytest.approx(10.0) and not b["limit_high"], "the latched error was cleared"


@pytest.mark.parametrize(("button", "end"), [("home_reverse", -20_000), ("home_forward", 20_000)])
async def test_homing_to_a_switch(make, button, end):
    async with make() as b:
        await b.set(button, True)
        assert b[button] and not b["done"]
        await b.rest(20)
        assert b["homed"] and b["position"] == 0.0 and not b[button]
        assert abs(b.rail.place - end) == b.rail.width


async def test_homing_to_the_centre(make):
    async with make(controller={"homing": "centre"}) as b:
        await b.go(5.0)
        await b.set("home_reverse", True)
        await b.rest(20)
        assert b["homed"] and b["position"] == 0.0 and b.rail.place == 0 and b["at_home"]


async def test_calibration_changes_the_counter_and_moves_nothing(make):
    async with make() as b:
        await b.go(2.0)
        place = b.rail.place
        await b.set("offset_frozen", True)
        await b.set("calibrate", True)
        await b.set("target", 7.0)
        await b.rest()
        assert b["position"] == pytest.approx(7.0) and b["position_raw"] == 7000 and b.rail.place == place


async def test_a_jog_and_its_end(make):
    async with make(jog_velocity=10.0, jog_acceleration=100.0, low=-15.0, high=15.0) as b:
        await b.set("jog_forward", True)
        await b.until(lambda: b["position"] > 0.5)
        await b.set("jog_forward", False)
        await b.rest()
        assert 0.5 < b["position"] < 5.0 and b["target"] == b["position"]
        await b.set("jog_reverse", True)
        await b.rest()
        assert b["position"] == pytest.approx(-5.0), "a second of its speed before the limit"


@pytest.mark.parametrize("fault", ["lose", "step_loss", "stuck_minus", "reboot"])
async def test_a_position_that_is_not_to_be_trusted(make, fault):
    """R21: alarm, homed falls, no further move until it is referenced anew."""
    async with make(following_error_limit=0.05, velocity=10.0) as b:
        await b.set("home_reverse", True)
        await b.rest(20)
        if fault == "lose":
            await b.emulator.set_lose(100)
            await b.set("target", 2.0)
        elif fault == "step_loss":
            await b.set("target", 2.0)
            await b.emulator.set_step_loss(True)
        elif fault == "stuck_minus":
            await b.emulator.set_stuck_minus(True)
            await b.set("target", 5.0)
        else:
            await b.set("target", 8.0)
            await b.until(lambda: b["moving"])
            await b.emulator.do_reboot(0.3)
            await b.until(lambda: b.quality("position")[0] == "INVALID")
        await b.until(lambda: b["alarm"] == "STATE" and b["done"])
        assert not b["homed"] and b.quality("position")[0] == "MAJOR" and b["problem"]
        with pytest.raises(Refused, match="home the axis"):
            await b.set("target", 1.0)
        await b.emulator.set_step_loss(False)
        await b.emulator.set_stuck_minus(False)
        await b.until(lambda: not b["limit_low"])
        await b.set("home_reverse", True)
        await b.rest(20)
        await b.go(1.0)
        assert b["homed"] and b["position"] == pytest.approx(1.0) and b["alarm"] == "NO_ALARM"


async def test_silence_is_invalid_and_ends(make):
    async with make(velocity=5.0) as b:
        await b.set("target", 8.0)
        await b.until(lambda: b["moving"])
        await b.emulator.set_silent(True)
        await b.until(lambda: b.quality("position")[0] == "INVALID")
        assert "no answer" in b.quality("position")[1] and b["alarm"] == "COMM" and not b["done"]
        await b.emulator.set_silent(False)
        await b.rest()
        assert b["position"] == pytest.approx(8.0), "the bounded move went on"


@pytest.mark.parametrize("fault", ["garbage", "late", "cut"])
async def test_noise_late_answers_and_a_broken_link(make, fault):
    async with make(velocity=10.0) as b:
        await b.set("target", 6.0)
        await b.until(lambda: b["moving"])
        if fault == "garbage":
            await b.emulator.set_garbage(3)
        elif fault == "late":
            await b.emulator.set_late_ms(700.0)
            await b.until(lambda: b.quality("position")[0] == "INVALID")
            await b.emulator.set_late_ms(0.0)
        else:
            await b.emulator.do_cut()
        await b.rest(20)
        await b.until(lambda: b.quality("position")[0] == "OK")
        assert b["position"] == pytest.approx(6.0)


async def test_what_the_controller_refuses_ends_the_move_with_its_words(make):
    async with make() as b:
        await b.set("enabled", False)
        await b.set("target", 3.0)
        await b.until(lambda: b["done"] and b["alarm"] == "STATE")
        assert "does not take 'M1.1A+3000'" in b["problem"]
        await b.set("enabled", True)
        await b.go(1.0)
        assert b["position"] == pytest.approx(1.0)


async def test_the_position_is_remembered_and_restored_only_when_asked(make, tmp_path):
    async with make() as b:
        await b.go(3.0)
        path = tmp_path / "runs" / ".state" / "x.axis.json"
        await b.axis.disconnect()
        assert load(path).dial == pytest.approx(3.0) and not load(path).moving
        await b.emulator.do_reboot(0.0)
        b.emulator.motor.write(P.POSITION, 0)
        for _ in range(2):  # what it says then does not take the place of what is remembered
            b.axis = await axis_on(b.controller, tmp_path)
            await b.until(lambda: b.quality("position")[0] == "OK")
            assert b["position"] == 0.0, "start-up writes nothing"
            await b.axis.disconnect()
            assert load(path).dial == pytest.approx(3.0)
        b.axis = await axis_on(b.controller, tmp_path)
        await b.until(lambda: b.quality("position")[0] == "OK")
        await b.axis.do_restore()
        await b.rest()
        assert b["position"] == pytest.approx(3.0)


async def test_a_restart_of_the_controller_leaves_what_is_remembered(make, tmp_path):
    path = tmp_path / "runs" / ".state" / "x.axis.json"
    async with make() as b:
        await b.go(3.0)
        await b.emulator.do_reboot(0.0)
        b.emulator.motor.write(P.POSITION, 0)
        await b.until(lambda: b["alarm"] == "STATE")
        await b.axis.do_restore()
        await b.rest()
        assert b["position"] == pytest.approx(3.0) and b["alarm"] == "NO_ALARM"
    assert load(path).dial == pytest.approx(3.0)


async def test_where_an_axis_was_brought_by_others_is_remembered(make, tmp_path):
    """While the driver looks on, or after a move of its own: what it says then is more than what was left."""
    path = tmp_path / "runs" / ".state" / "x.axis.json"
    async with make() as b:
        await b.go(3.0)
        b.emulator.motor.write(P.POSITION, 4000)
        await b.until(lambda: b["position"] == pytest.approx(4.0))
    assert load(path).dial == pytest.approx(4.0)
    async with make() as b:
        await b.go(1.0)
    assert load(path).dial == pytest.approx(1.0)


async def test_a_backend_that_dies_leaves_a_bounded_move(make, tmp_path):
    """R20: the axis ends at its target, and whoever comes back reads before anything else."""
    async with make(velocity=5.0) as b:
        await b.set("target", 6.0)
        await b.until(lambda: b["moving"])
        b.axis._task.cancel()
        await asyncio.wait({b.axis._task})
        b.axis._keeper.close()
        telegrams = b.emulator.device.telegrams
        b.axis = await axis_on(b.controller, tmp_path)
        await b.until(lambda: b.quality("position")[0] == "OK")
        assert not b["done"], "it is under way"
        await b.rest()
        assert b["position"] == pytest.approx(6.0) == b["target"] and b.emulator.device.telegrams > telegrams
        assert b.rail.place == 6000


async def test_axes_of_a_controller_share_telegrams(make, tmp_path):
    names = tuple(f"1.{n}" for n in range(1, 9))
    async with make(emulator={"axes": names}, controller={"axes": names}) as b:
        more = [
            await axis_on(b.controller, tmp_path, f"y{n}", channel=name, poll_s=0.05)
            for n, name in enumerate(names[1:])
        ]
        await b.turns(lambda: all(axis.value("done") and axis.axis.reading for axis in more))
        before = b.emulator.device.telegrams
        for axis in more:
            await axis.set_target(1.0)
        await b.turns(lambda: all(axis.value("done") for axis in more))
        assert all(axis.value("position") == pytest.approx(1.0) for axis in more)
        assert b.emulator.device.telegrams - before < 120
        for axis in more:
            await axis.disconnect()


async def test_an_axis_that_is_not_there_is_refused_by_name(make, tmp_path):
    async with make() as b:
        with pytest.raises(Refused, match=r"no axis '2\.1'; it has 1\.1"):
            await axis_on(b.controller, tmp_path, "y", channel="2.1")


@pytest.mark.parametrize(
    ("telegram", "reply"),
    [
        (encode(["IM0"]), b"\x02\x06MCM01.01 V2.00:"),
        (encode(["M1.1P20R", "SE1.1"]), b"\x02\x060\x06524"),
        (b"\x020M1.1P20R:00\x03", b"\x02\x15"),
        (b"\x020M1.1P20R\x03", b"\x02\x15"),
        (b"\x020M1.1P20R:XX\x03", b"\x02\x060"),
        (encode(["M1.1Q"]), b"\x02\x15"),
        (encode(["M9.9A+1"]), b"\x02\x15"),
        (encode(["M1.1P99R"]), b"\x02\x15"),
        (encode(["IM0"], "@"), b""),
        (encode(["IM0"], "5"), b""),
    ],
)
async def test_what_the_emulator_takes_and_rejects(make, telegram, reply):
    """By the manual: checksums are not optional, other addresses and broadcasts are not answered."""
    async with make() as b:
        assert b"".join(b.emulator.device.receive(telegram)).startswith(reply)
        assert bool(b.emulator.device.receive(telegram)) is bool(reply)
