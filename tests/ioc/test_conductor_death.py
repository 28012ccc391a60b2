"""A conductor killed at any instant: nothing stops, and its successor agrees with the members and goes on."""

import asyncio
import contextlib
import os
import random
import signal
from collections.abc import Callable

import pytest
from hitline.bus.attribute import Refused
from hitline.bus.node import Node
from hitline.bus.proxy import Proxy
from hitline.bus.states import State
from hitline.bus.station import Station
from hitline.ioc.child import Phase
from hitline.ioc.supervision import Policy
from hitline.ioc.supervisor import Supervised, supervised

WORDS = {State.INIT: "Idle", State.ORBIT: "Armed", State.RUN: "Running"}


async def eventually(proxies: list[Proxy], condition: Callable[[], bool], what: Callable[[], str]) -> None:
    """Wait for a condition on what proxies show."""
    changed = asyncio.Event()
    ends = [proxy.listen(lambda *_: changed.set()) for proxy in proxies]
    try:
        async with asyncio.timeout(15):
            while not condition():
                changed.clear()
                await changed.wait()
    except TimeoutError:
        raise AssertionError(what()) from None
    finally:
        for end in ends:
            end()


async def kill_during(command: tuple[str, ...], delay_s: float, running: Supervised, run: Proxy) -> None:
    """Send a command, kill the conductor a little later, wait for its successor."""
    child = running.crew.children["run"]
    restarts, pid = child.restarts, child.pid
    assert pid is not None
    sending = asyncio.create_task(run.command(*command))
    await asyncio.sleep(delay_s)
    os.kill(pid, signal.SIGKILL)
    with contextlib.suppress(Refused):  # its answer may be lost with it
        await sending
    await eventually(
        [run, running.node.proxy("station")],
        lambda: child.restarts > restarts and child.phase is Phase.UP,
        lambda: f"{child.phase}",
    )
    await eventually([run], lambda: run.connected, lambda: run.status)


@pytest.mark.parametrize(
    "seed", [1, *(pytest.param(seed, marks=pytest.mark.faults) for seed in range(2, 12))]
)
async def test_killed_at_random_instants(seed: int, toys: Callable[..., Station]) -> None:
    rng = random.Random(seed)
    station = toys("a", "b")
    async with (
        Node(station.name, "client") as node,
        supervised(station, policy=Policy(first_s=0.01, attempts=1000)) as running,
    ):
        await asyncio.wait_for(running.crew.settled(), 30)
        run, members = node.proxy("run"), [node.proxy("a"), node.proxy("b")]
        for proxy in (run, *members):
            await proxy.wait_connected(5)
        for command in (("start", "alice"), ("stop",), ("start", "alice"), ("land",)):
            await kill_during(command, rng.uniform(0.0, 0.02), running, run)

            def agrees() -> bool:
                best = max((proxy.state for proxy in members), key=list(WORDS).index)
                return run.updates["run_state"].value == WORDS[best]

            await eventually(
                [run, *members],
                lambda: all(p.state in WORDS for p in members) and agrees(),
                lambda: f"{run.updates['run_state']} {[p.state for p in members]}",
            )
        reply = await run.command("land")
        await run.wait_idle("land", reply, 10)
        assert [proxy.state for proxy in members] == [State.INIT, State.INIT]
        assert (run.updates["run_state"].value, run.updates["owner"].value) == ("Idle", "")
        reply = await run.command("start", "bob")
        await run.wait_idle("start", reply, 10)
        assert {p.updates["run"].value for p in members} == {run.updates["run_id"].value}
