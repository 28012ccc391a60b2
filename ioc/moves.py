"""The moves of a run: what launch, start, stop, land, abort and reset do to its members, in which order."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Iterable

from hitline.bus.attribute import Refused
from hitline.bus.proxy import Proxy
from hitline.bus.states import State

from .run import FAILED

TRANSITION_S = 30.0
"""A transition that takes longer has failed; a readout drains its ring to a slow disk in less."""
LINK_S = 3.0
"""A member that was met only now, as after a restart of the conductor, is connected well within this time."""

log = logging.getLogger("hitline.conductor")


async def launch(members: list[Proxy]) -> None:
    """INIT to ORBIT, one by one; when one refuses, those that were launched here land again."""
    launched: list[Proxy] = []
    try:
        for proxy in members:
            if proxy.state is not State.ORBIT:
                await drive(proxy, "launch", State.ORBIT)
                launched.append(proxy)
    except Refused:
        with contextlib.suppress(Refused):
            await _all(drive(proxy, "land", State.INIT) for proxy in reversed(launched))
        raise


async def start(members: list[Proxy], run_id: str) -> None:
    """ORBIT to RUN, one by one: a sink is ready before its source; when one refuses, the others stop."""
    await launch(members)
    try:
        for proxy in members:
            await drive(proxy, "start", State.RUN, run_id)
    except Refused:
        with contextlib.suppress(Refused):
            await stop(members)
        raise


async def stop(members: list[Proxy]) -> None:
    """RUN to ORBIT, asked in reverse order and waited for together.

    A receiver that waits for the end of its source's data must not keep the source from being asked.
    """
    running = [p for p in reversed(members) if p.state in (State.STARTING, State.RUN, State.STOPPING)]
    under_way: list[asyncio.Task[None]] = []
    try:
        for proxy in running:
            accepted = asyncio.Event()
            task = asyncio.create_task(drive(proxy, "stop", State.ORBIT, accepted=accepted))
            task.add_done_callback(lambda task, accepted=accepted: accepted.set())  # type: ignore[misc]
            under_way.append(task)
            await accepted.wait()
        await _all(under_way)
    finally:
        for task in under_way:
            task.cancel()


async def land(members: list[Proxy]) -> None:
    """ORBIT to INIT, in reverse order."""
    there = [p for p in reversed(members) if p.state in (State.LAUNCHING, State.ORBIT, State.LANDING)]
    await _all(drive(proxy, "land", State.INIT) for proxy in there)


async def abort(members: list[Proxy]) -> None:
    """Everything that is in ORBIT or RUN, or on its way there, to SAFE, all at once."""
    await _all(
        drive(p, "interrupt", State.SAFE)
        for p in members
        if p.state.goal in (State.ORBIT, State.RUN, State.SAFE) and p.state is not State.SAFE
    )


async def reset(members: list[Proxy]) -> None:
    """SAFE and ERROR to INIT, each with the configuration that it has."""

    async def one(proxy: Proxy) -> None:
        kept = (await proxy.command("get_config")).value
        await drive(proxy, "initialize", State.INIT, kept if isinstance(kept, dict) else {})

    await _all(one(p) for p in members if p.state in (State.SAFE, State.ERROR, State.NEW))


async def drive(
    proxy: Proxy, verb: str, goal: State, payload: object = None, *, accepted: asyncio.Event | None = None
) -> None:
    """Send one transition and see it through; Refused, with the member's own reason, if it ends elsewhere.

    `accepted` is set when the member has taken it.
    """
    try:
        await proxy.wait_connected(LINK_S)
    except TimeoutError as error:
        raise Refused("link", str(error)) from None
    seen: asyncio.Queue[State] = asyncio.Queue()
    watch = seen.put_nowait
    proxy.on_state.append(watch)
    try:
        async with asyncio.timeout(TRANSITION_S):
            while not proxy.state.steady:
                await seen.get()
            while not seen.empty():
                seen.get_nowait()
            if proxy.state is goal:
                return
            await proxy.transition(verb, payload)
            if accepted:
                accepted.set()
            moving = False
            while (state := await seen.get()) is not goal:
                if state.steady and (moving or state in FAILED):
                    raise Refused("failed", f"{proxy.name}: {verb} ended in {state.name}: {proxy.status}")
                moving = not state.steady
    except TimeoutError:
        raise Refused(
            "failed",
            f"{proxy.name}: {verb} has not ended within {TRANSITION_S:g} s, it is in {proxy.state.name}",
        ) from None
    finally:
        proxy.on_state.remove(watch)


async def _all(moves: Iterable[Awaitable[None]]) -> None:
    """Wait for all, whatever becomes of some; raises the first refusal, the others go to the log."""
    results = await asyncio.gather(*moves, return_exceptions=True)
    troubles = [result for result in results if isinstance(result, BaseException)]
    for trouble in troubles[1:]:
        log.error("%s", trouble)
    if troubles:
        raise troubles[0]
