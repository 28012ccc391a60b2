"""Who is interrupted by whose loss, ours and stock satellites: roles, kill -9, hangs, departures."""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from bus_toy import Toy
from hitline.bus.attribute import Refused
from hitline.bus.node import Node
from hitline.bus.proxy import Proxy
from hitline.bus.satellite import Satellite
from hitline.bus.states import Role, State
from kit.patience import WAIT_S
from kit.until import until

Member = Callable[..., Awaitable[Satellite]]


async def running(*satellites: Satellite) -> None:
    """Bring satellites to RUN once they know one another."""
    for satellite in satellites:
        node = satellite.node
        assert node is not None
        await until(lambda node=node: sum(p.alive for p in node.peers.values()) >= len(satellites))
        await satellite.move("initialize")
    for verb, payload in (("launch", None), ("start", "run_1")):
        for satellite in satellites:
            await satellite.move(verb, payload)


@pytest.mark.parametrize("end", [State.ERROR, State.SAFE], ids=lambda s: s.name)
@pytest.mark.parametrize("role", Role)
async def test_failures_by_role(role: Role, end: State, member: Member) -> None:
    ours, peer = await member("ours"), await member("peer", role)
    await running(ours, peer)
    if end is State.ERROR:
        peer.machine.fail("no vacuum")
    else:
        await peer.move("interrupt")
    strong = role in (Role.ESSENTIAL, Role.DYNAMIC)
    if strong:
        await until(lambda: ours.state is State.SAFE)
        assert ours.machine.status == f"Toy.peer is in {end.name}"
    else:
        await until(lambda: next(p for p in ours.node.peers.values() if p.name == "Toy.peer").state is end)
        assert ours.state is State.RUN
    assert ours.instrument.value("degraded") is (role is not Role.NONE)
    if role is Role.TRANSIENT:
        await ours.move("stop")
        await ours.move("start", "run_2")
        assert ours.instrument.value("degraded") is False


@pytest.mark.parametrize("role", [Role.ESSENTIAL, Role.DYNAMIC])
async def test_departures_by_role(role: Role, member: Member) -> None:
    ours, peer = await member("ours"), await member("peer", role)
    await running(ours)
    await until(lambda: len(ours.node.peers) == 2)
    await until(lambda: all(p.alive for p in ours.node.peers.values()))
    await peer.stop()
    await until(lambda: len(ours.node.peers) == 1)
    assert ours.state is (State.SAFE if role is Role.ESSENTIAL else State.RUN)


async def test_a_failure_is_acted_upon_once(member: Member) -> None:
    ours, peer = await member("ours"), await member("peer", Role.DYNAMIC)
    await running(ours, peer)
    peer.machine.fail("no vacuum")
    await until(lambda: ours.state is State.SAFE)
    for verb, payload in (("initialize", None), ("launch", None), ("start", "run_2")):
        await ours.move(verb, payload)
    await asyncio.sleep(1.0)  # two more beats of the failed one
    assert ours.state is State.RUN
    await peer.move("initialize")
    await asyncio.sleep(0.1)
    peer.machine.fail("again")
    await until(lambda: ours.state is State.SAFE)


async def test_satellites_of_one_process_interrupt_one_another_but_not_themselves(node: Node) -> None:
    pair = [Satellite(Toy(name), role=Role.DYNAMIC) for name in ("a", "b")]
    for satellite in pair:
        node.add(satellite)
        await satellite.start()
    await running(*pair)
    pair[0].machine.fail("no vacuum")
    await until(lambda: pair[1].state is State.SAFE)
    assert pair[0].state is State.ERROR


@pytest.mark.parametrize("event", ["kill", "hang"])
async def test_the_loss_of_a_process(event: str, member: Member, run_toy: Callable[..., Any]) -> None:
    ours = await member("ours")
    far = await run_toy("far", Role.DYNAMIC)
    assert ours.node is not None
    proxy = ours.node.proxy("far")
    await proxy.wait_connected(WAIT_S)
    await running(ours)
    far.send(signal.SIGKILL if event == "kill" else signal.SIGSTOP)
    await until(lambda: ours.state is State.SAFE)
    assert f"Toy.far: {'link lost' if event == 'kill' else 'no heartbeat'}" in ours.machine.status


async def test_configuration_sets_role_and_order(member: Member) -> None:
    first, second = await member("first"), await member("second")
    await until(lambda: all(p.alive for p in second.node.peers.values()) and len(second.node.peers) == 2)
    await first.move("initialize")
    await second.move(
        "initialize",
        {
            "_autonomy": {"role": "essential"},
            "_conditions": {"require_launching_after": ["toy.FIRST"], "transition_timeout": WAIT_S},
        },
    )
    assert second.role is Role.ESSENTIAL and second.instrument.calls == ["initialize"]
    task = await second.machine.request("launch")
    assert second.state is State.LAUNCHING and not task.done()
    await first.move("launch")
    await task
    assert second.state is State.ORBIT
    await second.move("land")
    await second.move("initialize")
    assert second.role is Role.NONE


async def test_conditions_that_cannot_be_met(member: Member) -> None:
    first, second = await member("first"), await member("second")
    await until(lambda: all(p.alive for p in second.node.peers.values()) and len(second.node.peers) == 2)
    after = {"require_launching_after": ["Toy.first"]}
    await first.move("initialize")
    await second.move("initialize", {"_conditions": {**after, "transition_timeout": 0.2}})
    with pytest.raises(Refused, match=r"waited 0\.2 s in vain for Toy\.first"):
        await second.move("launch")
    assert second.state is State.ERROR
    await second.move("initialize", {"_conditions": after})
    first.machine.fail("broken")
    with pytest.raises(Refused, match=r"Toy\.first, which comes first, is in ERROR"):
        await second.move("launch")
    await second.move("initialize", {"_conditions": after})
    await first.stop()
    with pytest.raises(Refused, match=r"Toy\.first, which comes first, is not there"):
        await second.move("launch")


@pytest.mark.parametrize(
    "config",
    [
        {"_conditions": 5},
        {"_conditions": {"require_launching_after": "Toy.first"}},
        {"_autonomy": {"role": "BOSS"}},
        {"_conditions": {"require_launching_after": ["Toy.one"]}},
        {"_conditions": {"require_launching_after": ["Toy.nobody"]}},
        {"_conditions": {"transition_timeout": "x"}},
    ],
)
async def test_wrong_conditions_are_refused_and_change_nothing(config: dict, satellite: Satellite) -> None:
    with pytest.raises(Refused) as refusal:
        await satellite.move("initialize", config)
    assert refusal.value.code in ("type", "unknown")
    assert satellite.state is State.NEW and satellite.instrument.calls == []


# With stock satellites: the short half in every run, the rest of the table in `make faults`.


async def stock_running(
    ours: Satellite, run_stock: Callable[..., Awaitable[Any]], role: str
) -> tuple[Any, Proxy]:
    program = await run_stock("Mariner", "m")
    assert ours.node is not None
    proxy = ours.node.proxy("Mariner.m")
    await proxy.wait_connected(WAIT_S)
    # It starts once it has seen us in RUN: what it has not seen yet, it would not act upon.
    conditions = {"require_starting_after": ["Toy.ours"]}
    await proxy.transition("initialize", {"_autonomy": {"role": role}, "_conditions": conditions})
    await proxy.wait_state(State.INIT, timeout_s=WAIT_S)
    await proxy.transition("launch")
    await proxy.wait_state(State.ORBIT, timeout_s=WAIT_S)
    await ours.move("initialize")
    await ours.move("launch")
    await ours.move("start", "run_1")
    await proxy.transition("start", "run_1")
    await proxy.wait_state(State.RUN, timeout_s=WAIT_S)
    return program, proxy


@pytest.mark.parametrize(
    "event",
    [
        "ours to ERROR",
        "stock to ERROR",
        "stock killed",
        pytest.param("ours killed", marks=pytest.mark.faults),
        pytest.param("stock hangs", marks=pytest.mark.faults),
        pytest.param("stock departs", marks=pytest.mark.faults),
    ],
)
async def test_the_table_with_a_stock_satellite(
    event: str, member: Member, run_stock: Callable[..., Awaitable[Any]], run_toy: Callable[..., Any]
) -> None:
    ours = await member("ours", Role.DYNAMIC)
    program, proxy = await stock_running(ours, run_stock, "ESSENTIAL")
    match event:
        case "ours to ERROR":
            ours.machine.fail("no vacuum")
            await proxy.wait_state(State.SAFE, timeout_s=WAIT_S)
        case "stock to ERROR":
            await proxy.transition("failure")
            await until(lambda: ours.state is State.SAFE)
        case "stock killed":
            program.send(signal.SIGKILL)
            await until(lambda: ours.state is State.SAFE, 1.0)
        case "ours killed":
            far = await run_toy("far", Role.DYNAMIC)
            await ours.node.proxy("far").wait_connected(WAIT_S)
            await asyncio.sleep(1.0)  # the stock one must have heard it, too
            far.send(signal.SIGKILL)
            await until(lambda: ours.state is State.SAFE, 1.0)
            await proxy.wait_state(State.SAFE, timeout_s=WAIT_S)
        case "stock hangs":
            program.send(signal.SIGSTOP)
            await until(lambda: ours.state is State.SAFE)
        case "stock departs":
            program.send(signal.SIGINT)
            # The stock program says goodbye when its own loop comes to it, on a busy machine after seconds.
            await until(lambda: ours.state is State.SAFE)
            assert "Mariner.m" in ours.machine.status  # by its goodbye, or by the link if that closes first
