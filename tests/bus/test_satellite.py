"""What a satellite answers, how fast, in which order, and how it refuses."""

import asyncio
import contextlib
from typing import Any

import numpy as np
import pytest
from bus_toy import Toy
from hitline.bus.attribute import Attribute, Command, Refused, Severity
from hitline.bus.constellation import cscp
from hitline.bus.instrument import Instrument
from hitline.bus.node import Node
from hitline.bus.proxy import Proxy
from hitline.bus.satellite import Satellite
from hitline.bus.states import State
from kit.patience import WAIT_S
from kit.until import until


async def refused(work: Any) -> Refused:
    with pytest.raises(Refused) as refusal:
        await work
    return refusal.value


async def test_get_set_and_describe(proxy: Proxy, toy: Toy) -> None:
    assert proxy.connected and proxy.canonical == "Toy.one" and proxy.state is State.INIT
    assert proxy.attributes["voltage"] == toy.board.attributes["voltage"]
    assert proxy.description["kinds"] == [] and proxy.description["epoch"] == toy.board.epoch
    reply = await proxy.set("voltage", -20)
    assert reply.value == -20.0
    # It comes by another socket, before or after the reply.
    await until(lambda: proxy.updates["voltage"].value == -20.0)
    update = await proxy.get("VOLTAGE")
    assert update == toy.board.updates["voltage"]
    unknown = await proxy.get("slow")
    assert (unknown.value, unknown.severity, unknown.status) == (None, Severity.INVALID, "no value yet")


async def test_describe_more_and_unavailable_values(node: Node, satellite: Satellite, toy: Toy) -> None:
    toy.describe_more["feed"] = 4711
    toy.publish("count", 2**70)  # cannot be sent: shown as INVALID, and everything else still comes
    proxy = node.proxy("one")
    await proxy.wait_connected(WAIT_S)
    assert proxy.description["feed"] == 4711
    assert proxy.updates["count"].severity is Severity.INVALID
    assert proxy.updates["voltage"].value == -50.0
    before = satellite.publisher.errors
    toy.publish("count", 2**71)
    assert satellite.publisher.errors == before + 1
    toy.publish("count", 1)
    await until(lambda: proxy.updates["count"].value == 1)


async def test_arrays_both_ways(proxy: Proxy, toy: Toy) -> None:
    await proxy.set("table", np.array([1.0, 2.0]))
    await until(lambda: "table" in proxy.updates)
    np.testing.assert_array_equal(proxy.updates["table"].value, [1.0, 2.0])
    await proxy.set("table", [3, 4, 5])
    np.testing.assert_array_equal((await proxy.get("table")).value, [3.0, 4.0, 5.0])
    toy.publish("image", np.full((8, 8), 7))
    image = await until(lambda: proxy.updates.get("image"))
    assert image.value.shape == (8, 8) and image.value.dtype == "<i4" and not image.value.flags.writeable
    assert (await refused(proxy.set("table", np.zeros(5)))).code == "type"


@pytest.mark.parametrize(
    ("name", "value", "code", "words"),
    [
        ("voltage", 5.0, "limit", "above the limit of 0.0 V"),
        ("voltage", "x", "type", "wants a number"),
        ("voltage", float("nan"), "limit", "finite"),
        ("count", 1, "access", "read-only"),
        ("nothing", 1, "unknown", "no attribute 'nothing'"),
        ("mode", "Sideways", "type", "none of Slow, Fast"),
        ("interlock", 1, "interlock", "close the door"),
        ("label", 5, "type", "wants text"),
    ],
)
async def test_refused_sets(proxy: Proxy, name: str, value: Any, code: str, words: str) -> None:
    refusal = await refused(proxy.set(name, value))
    assert refusal.code == code
    assert words in refusal.text


async def test_commands(proxy: Proxy, toy: Toy) -> None:
    assert (await proxy.command("add", 1, 2)).value == 3.0
    assert (await refused(proxy.command("add", 1))).code == "type"
    assert (await refused(proxy.command("add", 1, "x"))).code == "type"
    assert (await refused(proxy.command("nothing"))).code == "unknown"
    failed = await refused(proxy.command("crash"))
    assert (failed.code, failed.text) == ("failed", "crash failed: no such register")
    assert proxy.state is State.INIT  # only a failing transition is an ERROR
    await proxy.command("stop")
    assert toy.calls[-1] == "do_stop" and proxy.state is State.INIT  # not the state machine's stop


async def test_states_in_which_things_may_be_done(node: Node, satellite: Satellite, toy: Toy) -> None:
    proxy = node.proxy("one")
    await proxy.wait_connected(WAIT_S)
    refusal = await refused(proxy.set("voltage", -1.0))
    assert refusal.code == "state" and "NEW" in refusal.text and "INIT, ORBIT, RUN" in refusal.text
    await proxy.set("label", "in any state")
    await proxy.command("stop")
    await satellite.move("initialize")
    toy.hold["launch"] = gate = asyncio.Event()
    await proxy.transition("launch")
    assert (await refused(proxy.set("voltage", -1.0))).code == "state"
    assert (await refused(proxy.command("add", 1, 2))).code == "state"
    await proxy.command("stop")
    await proxy.get("voltage")
    assert satellite.state is State.LAUNCHING
    gate.set()
    await proxy.wait_state(State.ORBIT, timeout_s=WAIT_S)


async def test_a_refused_transition_is_answered_with_the_refusal(proxy: Proxy, toy: Toy) -> None:
    refusal = await refused(proxy.transition("initialize", {"unknown": 1}))
    assert refusal.code == "unknown" and "unknown configuration key" in refusal.text
    assert proxy.state is State.INIT
    toy.fail_in["launch"] = RuntimeError("no vacuum")
    await proxy.transition("launch")
    await proxy.wait_state(State.ERROR, timeout_s=WAIT_S)
    await until(lambda: "no vacuum" in proxy.updates["status_text"].value)
    assert proxy.updates["state"].severity is Severity.MAJOR


async def test_an_instrument_reports_its_own_failure(proxy: Proxy, toy: Toy) -> None:
    toy.on_failure("cooling lost")
    await proxy.wait_state(State.ERROR, timeout_s=WAIT_S)
    await until(lambda: proxy.status == "cooling lost")


async def test_versions_are_refused_both_ways(proxy: Proxy) -> None:
    refusal = await refused(proxy._here().link.ask("describe", ["9.0"]))
    assert refusal.code == "version" and "9.0" in refusal.text and "1.0" in refusal.text


async def test_shutdown(proxy: Proxy, satellite: Satellite) -> None:
    await proxy.transition("launch")
    await proxy.wait_state(State.ORBIT, timeout_s=WAIT_S)
    assert (await refused(proxy.transition("shutdown"))).code == "state"
    await proxy.transition("land")
    await proxy.wait_state(State.INIT, timeout_s=WAIT_S)
    await proxy.transition("shutdown")
    await asyncio.wait_for(satellite.closed.wait(), WAIT_S)
    assert proxy.state is State.DEAD and proxy.status == "departed"


async def test_a_goodbye_comes_in_time_even_if_the_hardware_hangs(
    proxy: Proxy, satellite: Satellite, toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hitline.bus.satellite.LAND_S", 0.1)
    await proxy.command("run_once")
    toy.hold["stop"] = asyncio.Event()

    async def broken() -> None:
        raise OSError("no such device")

    monkeypatch.setattr(toy, "disconnect", broken)
    await asyncio.wait_for(satellite.stop(), 2.0)
    assert proxy.status == "departed" and satellite.state is State.DEAD


async def test_ending_in_a_run_stops_and_lands_first(proxy: Proxy, satellite: Satellite, toy: Toy) -> None:
    await proxy.command("run_once")
    await satellite.stop()
    assert toy.calls[-2:] == ["stop", "land"] and satellite.state is State.DEAD


async def test_a_hanging_set_does_not_outlive_the_satellite(
    proxy: Proxy, satellite: Satellite, toy: Toy
) -> None:
    slow = asyncio.create_task(proxy.set("slow", 1.0))
    await until(lambda: ("slow", 1.0) in toy.calls)
    await satellite.stop()
    assert (await refused(slow)).code == "link"
    await until(lambda: not satellite.turn.tasks)


async def test_a_name_that_lives_is_refused(node: Node, satellite: Satellite, group: str) -> None:
    async with Node(group.upper(), "other") as other:
        twin = Satellite(Toy("ONE"))
        other.add(twin)
        with pytest.raises(
            RuntimeError, match=r"Toy\.ONE is taken in group .* by a satellite at 127\.0\.0\.1:\d+"
        ):
            await twin.start()
    await satellite.stop()
    again = Satellite(Toy("one"))
    node.add(again)
    await again.start()
    await node.proxy("one").wait_connected(WAIT_S)


async def test_another_group_does_not_see_it(satellite: Satellite) -> None:
    async with Node("elsewhere", "other") as other:
        with pytest.raises(
            TimeoutError, match=r"one: not connected in group elsewhere after 0\.3 s; state DEAD"
        ):
            await other.proxy("one").wait_connected(0.3)


def test_tables_without_methods_are_errors_of_the_author() -> None:
    class Half(Instrument):
        ATTRIBUTES = (Attribute("x", "float", "X", access="rw"),)

    class Quarter(Instrument):
        COMMANDS = (Command("go", "Go."),)

    class Clash(Instrument):
        ATTRIBUTES = (Attribute("state", "str", "State"),)

    for kind, error, words in (
        (Half, TypeError, "set_x"),
        (Quarter, TypeError, "do_go"),
        (Clash, ValueError, "'state'"),
    ):
        with pytest.raises(error, match=words):
            Satellite(kind("a"))
    with pytest.raises(ValueError, match="letters, digits"):
        Satellite(Toy("det-1"))


async def test_replies_have_the_stock_types(proxy: Proxy) -> None:
    seen = {}
    link = proxy._here().link
    original = link._receive

    def receive(frames: list[bytes]) -> None:
        seen["type"] = cscp.decode(frames[2:]).type
        original(frames)

    link._wire._receive = receive
    for verb, payload, kind in (
        ("get_state", None, "SUCCESS"),
        ("nothing", None, "UNKNOWN"),
        ("stop", None, "INVALID"),
        ("set", ["voltage", 1.0], "INCOMPLETE"),
        ("set", [], "INCOMPLETE"),
        ("set", ["count", 1], "INVALID"),
        ("start", 5, "INCOMPLETE"),
    ):
        with contextlib.suppress(Refused):
            await link.ask(verb, payload)
        assert seen["type"].name == kind, verb
