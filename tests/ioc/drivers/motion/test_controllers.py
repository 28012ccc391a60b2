"""What every controller must do under an axis: over TCP and over a serial line."""

import asyncio

import pytest
from hitline.bus.attribute import Refused
from hitline.ioc.axis.actions import MoveTo
from kit.until import heard, until
from motion_bench import KINDS

KIND = pytest.mark.parametrize("kind", KINDS)


@KIND
@pytest.mark.parametrize("pty", [False, True], ids=["tcp", "serial"])
async def test_moves_over_both_kinds_of_line(make, kind, pty):
    async with make(kind=kind, pty=pty, low=-15.0, high=15.0) as b:
        start = b.rail.place
        for target in (3.0, -2.5, -2.5, -2.499):
            await b.go(target)
            assert b["position"] == pytest.approx(target) and b.rail.place - start == round(target * 1000)
        assert not b["missed"] and b["alarm"] == "NO_ALARM" and b.controller.value("identity")


@KIND
async def test_a_stop_overtakes(make, kind):
    async with make(kind=kind, velocity=2.0) as b:
        await b.set("target", 15.0)
        await b.until(lambda: b["moving"] and b["position"] > 0.2)
        await b.axis.do_stop()
        await b.rest()
        assert 0.2 < b["position"] < 5.0 and b["target"] == b["position"] and not b.rail.moving
        assert b["alarm"] == "NO_ALARM", b["problem"]


@KIND
async def test_a_new_target_on_the_way(make, kind):
    async with make(kind=kind, velocity=5.0) as b:
        await b.set("target", 15.0)
        await b.until(lambda: b["moving"])
        await b.set("target", -1.0)
        assert not b["done"]
        await b.rest()
        assert b["position"] == pytest.approx(-1.0) and b["alarm"] == "NO_ALARM"


@KIND
@pytest.mark.parametrize(("button", "plus"), [("home_reverse", False), ("home_forward", True)])
async def test_a_reference_run(make, kind, button, plus):
    async with make(kind=kind, controller={"homing": "limit"} if kind == "pi" else {}) as b:
        await b.set(button, True)
        await b.until(lambda: b["moving"])
        await b.rest()
        assert b["homed"] and not b[button] and b["alarm"] == "NO_ALARM"
        place, end = b.rail.place, b.rail.ends[plus]
        assert abs(place - end) <= b.rail.width
        away = -1.0 if plus else 1.0
        at = b["position"]
        await b.go(at + away)
        assert b["position"] == pytest.approx(at + away) and b.rail.place == place + away * 1000


@KIND
async def test_a_limit_switch_ends_a_move_and_away_is_allowed(make, kind):
    async with make(kind=kind, emulator={"rail_steps": 4000}) as b:
        await b.set("target", 9.0)
        await b.rest()
        assert b["limit_high"] and b.rail.place < 4100 and b["missed"]
        await b.go(1.0)
        assert b["position"] == pytest.approx(1.0) and not b["limit_high"]


@KIND
async def test_a_restart_is_seen_also_when_it_breaks_the_link(make, kind):
    """R21: the position is not trusted any more, and the reason is told."""
    async with make(kind=kind) as b:
        await b.set("home_reverse", True)
        await b.rest()
        assert b["homed"]
        await b.emulator.do_reboot(0.3)
        await b.emulator.do_cut()
        await b.until(lambda: b.quality("position")[0] == "INVALID")
        await b.until(lambda: b["alarm"] == "STATE")
        assert not b["homed"] and b.controller.value("restarts_seen") == 1
        with pytest.raises(Refused, match="home the axis"):
            await b.set("target", b["position"] + 1.0)
        await b.set("home_reverse", True)
        await b.rest()
        assert b["homed"] and b["alarm"] == "NO_ALARM"


@KIND
async def test_a_broken_link_is_told_from_a_restart(make, kind):
    async with make(kind=kind) as b:
        await b.emulator.do_cut()
        await until(
            lambda: b.controller.board.updates["identity"].severity.name == "INVALID",
            listen=heard(b.controller),
        )
        await until(
            lambda: b.controller.board.updates["identity"].severity.name == "OK", listen=heard(b.controller)
        )
        await b.until(lambda: b.quality("position")[0] == "OK")
        assert b.controller.value("restarts_seen") == 0 and b["alarm"] == "NO_ALARM"


@KIND
@pytest.mark.parametrize("fault", ["garbage", "late", "refuse"])
async def test_noise_late_answers_and_refusals_are_outlived(make, kind, fault):
    async with make(kind=kind, velocity=10.0) as b:
        await b.set("target", 3.0)
        await b.until(lambda: b["moving"])
        if fault == "late":
            await b.emulator.set_late_ms(700.0)
            await b.until(lambda: b.quality("position")[0] == "INVALID")
            await b.emulator.set_late_ms(0.0)
        else:
            await getattr(b.emulator, f"set_{fault}")(3)
        await b.rest()
        await b.until(lambda: b.quality("position")[0] == "OK")
        assert b["position"] == pytest.approx(3.0)


@pytest.mark.parametrize(("stopped", "moves"), [("1.1", True), ("1.2", False)])
async def test_a_stop_takes_back_the_move_that_waits_of_its_own_axis_only(make, stopped, moves):
    names = ("1.1", "1.2")
    async with make(emulator={"axes": names}, controller={"axes": names}) as b:
        channel = await b.controller.attach("1.2")
        async with b.controller.dialogue._turn:  # what is asked for now waits
            move = asyncio.create_task(channel.act(MoveTo(100, 4000.0, 400.0, 4000.0)))
            await asyncio.sleep(0)
            await (await b.controller.attach(stopped)).stop()
        await move
        assert b.emulator.rails["1.2"].moving is moves and not b.rail.moving
