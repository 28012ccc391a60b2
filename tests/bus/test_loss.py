"""Lost links, hangs, departures and stalls, with real processes."""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hitline.bus.attribute import Refused, Severity
from hitline.bus.node import Node
from hitline.bus.proxy import Proxy
from hitline.bus.satellite import Satellite
from hitline.bus.states import Role, State
from kit.patience import WAIT_S
from kit.until import until


@pytest.mark.parametrize("death", ["kill", "stop"])
async def test_a_lost_link_makes_everything_invalid(
    death: str, node: Node, run_toy: Callable[..., Any]
) -> None:
    """Kill -9 is seen by the TCP link in milliseconds, a hang by three missed heartbeats; both recover."""
    program = await run_toy("far")
    proxy = node.proxy("far")
    await proxy.wait_connected(WAIT_S)
    await proxy.transition("initialize")
    await proxy.wait_state(State.INIT, timeout_s=WAIT_S)
    pending = asyncio.create_task(proxy.set("slow", 1.0, timeout_s=WAIT_S))
    await asyncio.sleep(0.05)
    voltage = proxy.updates["voltage"]
    program.send(signal.SIGKILL if death == "kill" else signal.SIGSTOP)
    await until(lambda: not proxy.connected)
    assert proxy.status == ("link lost" if death == "kill" else "no heartbeat")
    shown = proxy.updates["voltage"]
    assert (shown.value, shown.seq, shown.severity) == (voltage.value, voltage.seq, Severity.INVALID)
    assert shown.status == proxy.status
    assert all(u.severity is Severity.INVALID for n, u in proxy.updates.items() if n in proxy.attributes)
    assert proxy.updates["state"].value == "DEAD" and proxy.updates["connected"].value is False
    with pytest.raises(Refused, match="outcome unknown") as refusal:
        await pending
    assert refusal.value.code == "link"
    if death == "kill":
        await run_toy("far")
    else:
        program.send(signal.SIGCONT)
    await proxy.wait_connected(WAIT_S)
    assert proxy.updates["voltage"].severity is Severity.OK
    if death == "kill":
        assert proxy.updates["voltage"].epoch > voltage.epoch and proxy.state is State.NEW


async def test_an_abandoned_set_is_not_carried_out_later(node: Node, run_toy: Callable[..., Any]) -> None:
    """A process that was stopped for longer than the deadline refuses what was meant for then."""
    program = await run_toy("far")
    proxy = node.proxy("far")
    await proxy.wait_connected(WAIT_S)
    program.send(signal.SIGSTOP)
    with pytest.raises(Refused, match="outcome unknown") as refusal:
        await proxy.set("label", "too late", timeout_s=0.2)
    assert refusal.value.code == "late"
    program.send(signal.SIGCONT)
    await proxy.wait_connected(WAIT_S)
    assert (await proxy.get("label")).value == "none"


async def test_a_departure_is_orderly(node: Node, run_toy: Callable[..., Any]) -> None:
    program = await run_toy("far", Role.NONE)
    proxy = node.proxy("far")
    await proxy.wait_connected(WAIT_S)
    program.send(signal.SIGTERM)
    await until(lambda: not proxy.connected)
    assert proxy.status == "departed"
    await asyncio.wait_for(program.process.wait(), WAIT_S)
    assert program.process.returncode == 0 and not program.lines[1:], program.lines


async def test_our_own_stall_kills_nobody(proxy: Proxy, member: Callable[..., Awaitable[Satellite]]) -> None:
    """While this loop sleeps for 2 s, beats wait in the sockets; none is lost and nobody dies."""
    seen: list[State] = []
    proxy.on_state.append(seen.append)
    time_end = time.monotonic() + 2.0
    while time.monotonic() < time_end:
        pass  # a blocking driver call
    await asyncio.sleep(0.3)
    assert seen == [] and proxy.connected
    assert proxy.node.loop_lag_s > 1.5
    await until(lambda: proxy.updates["loop_lag"].value > 1500.0)
