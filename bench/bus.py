"""Figures of the bus: round trips, overtaking, rates, and the stock satellite beside ours in the same run.

    python bench/bus.py [--quick]

Two processes on loopback, as in a station. Every answer and every update is checked for its value; a wrong or
a lost one ends the run with exit code 1. Prints one JSON object and writes it to bench/results/bus.json.
"""

# ruff: noqa: D102 -- setters and commands say it in their tables

import argparse
import asyncio
import json
import os
import platform
import statistics
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import numpy as np
from hitline.bus.attribute import Attribute, Command, Update
from hitline.bus.instrument import Instrument
from hitline.bus.node import Node
from hitline.bus.proxy import Proxy
from hitline.bus.satellite import Satellite
from hitline.bus.states import ALWAYS, State

RESULTS = Path(__file__).parent / "results" / "bus.json"
SCALARS = 500
SIDE = 256


class Load(Instrument):
    """Publishes scalars and images at a rate on request."""

    ATTRIBUTES = (
        Attribute("value", "int", "Value", access="rw"),
        Attribute("slow", "float", "Takes as many seconds as it is set to", access="rw"),
        Attribute("image", "<i4", "Image", shape=(SIDE, SIDE)),
        *(Attribute(f"scalar_{n}", "int", "Scalar") for n in range(SCALARS)),
    )
    COMMANDS = (
        Command("stop", "Stop.", states=ALWAYS, overtakes=True),
        Command("cpu", "Return the CPU time of this process in s.", states=ALWAYS),
        Command("play", "Publish.", (("what", "str"), ("rate_hz", "float"), ("rounds", "int"))),
    )

    async def connect(self) -> None:
        self.publish("value", 0)

    async def set_value(self, value: int) -> int:
        self.publish("value", value)
        return value

    async def set_slow(self, value: float) -> float:
        await asyncio.sleep(value)
        return value

    async def do_stop(self) -> None:
        pass

    async def do_cpu(self) -> float:
        return time.process_time()

    async def do_play(self, what: str, rate_hz: float, rounds: int) -> None:
        self.task = asyncio.create_task(self._play(what, rate_hz, rounds))

    async def _play(self, what: str, rate_hz: float, rounds: int) -> None:
        loop = asyncio.get_running_loop()
        due_s, image = loop.time(), np.zeros((SIDE, SIDE), "<i4")
        for round_ in range(1, rounds + 1):
            if what == "image":
                image[0, 0] = round_
                self.publish("image", image.copy())
            else:
                for n in range(SCALARS):
                    self.publish(f"scalar_{n}", round_)
                    if n % 50 == 49:
                        await asyncio.sleep(0)  # others get their turn between chunks
            due_s += 1 / rate_hz
            await asyncio.sleep(due_s - loop.time())


def figures(took_s: list[float]) -> dict[str, float]:
    """Return median, p99 and maximum in ms."""
    ordered = sorted(took_s)
    return {
        "median_ms": round(statistics.median(ordered) * 1e3, 3),
        "p99_ms": round(ordered[int(len(ordered) * 0.99)] * 1e3, 3),
        "max_ms": round(ordered[-1] * 1e3, 3),
        "count": len(ordered),
    }


async def timed(count: int, ask: Any) -> list[float]:
    took = []
    for n in range(count):
        started = time.perf_counter()
        await ask(n)
        took.append(time.perf_counter() - started)
    return took


async def round_trips(proxy: Proxy, count: int) -> dict[str, Any]:
    async def get(n: int) -> None:
        assert (await proxy.get("value")).value == 0

    async def set_(n: int) -> None:
        assert (await proxy.set("value", n)).value == n

    rows = {"get": figures(await timed(count, get)), "set": figures(await timed(count, set_))}
    started = time.perf_counter()
    replies = await asyncio.gather(*(proxy.get("value", timeout_s=30.0) for _ in range(count)))
    rows["gets_per_s"] = round(count / (time.perf_counter() - started))
    assert all(reply.value == count - 1 for reply in replies) and proxy.updates["value"].value == count - 1
    return rows


async def against_stock(ours: Proxy, stock: Proxy, count: int) -> dict[str, Any]:
    """The same request, one at a time, to both; the stock one polls its socket every 25 ms."""
    rows = {}
    for name, proxy in (("ours", ours), ("stock", stock)):

        async def ask(n: int, proxy: Proxy = proxy) -> None:
            assert (await proxy.command("get_state")).value == int(State.INIT)

        rows[name] = figures(await timed(count, ask))
    return {**rows, "ratio": round(rows["stock"]["median_ms"] / rows["ours"]["median_ms"], 1)}


async def overtaking(proxy: Proxy) -> dict[str, Any]:
    slow = asyncio.create_task(proxy.set("slow", 1.0))
    await asyncio.sleep(0.05)
    rows = {
        "stop": figures(await timed(100, lambda n: proxy.command("stop"))),
        "get": figures(await timed(100, lambda n: proxy.get("value"))),
    }
    assert not slow.done(), "the set ended before all was asked"
    assert (await slow).value == 1.0
    return rows


async def play(proxy: Proxy, what: str, rate_hz: float, rounds: int) -> dict[str, Any]:
    """Let it publish; every update must come, in order and with its value."""
    ages, seen, wrong = [], {}, []

    def heard(name: str, update: Update) -> None:
        if not name.startswith(what) or update.time_ns < since_ns:
            return
        value = int(update.value[0, 0]) if what == "image" else update.value
        if value != seen.get(name, 0) + 1:
            wrong.append((name, value))
        seen[name] = value
        ages.append((time.time_ns() - update.time_ns) / 1e9)

    since_ns = time.time_ns()
    end = proxy.listen(heard)
    before, here, started = (await proxy.command("cpu")).value, time.process_time(), time.perf_counter()
    await proxy.command("play", what, rate_hz, rounds)
    gets = [t for _ in range(50) for t in await _spaced(proxy, rounds / rate_hz / 60)]
    await asyncio.wait_for(_rounds(seen, what, rounds), rounds / rate_hz + 10)
    span_s = time.perf_counter() - started
    end()
    assert not wrong, wrong[:5]
    there = (await proxy.command("cpu")).value
    return {
        "updates": len(ages),
        "lost": 0,
        "rate_per_s": round(len(ages) / span_s),
        "age": figures(ages),
        "receiver_cpu_percent": round(100 * (time.process_time() - here) / span_s, 1),
        "sender_cpu_percent": round(100 * (there - before) / span_s, 1),
        "get_meanwhile": figures(gets),
    }


async def _spaced(proxy: Proxy, pause_s: float) -> list[float]:
    await asyncio.sleep(pause_s)
    return await timed(1, lambda n: proxy.get("value"))


async def _rounds(seen: dict[str, int], what: str, rounds: int) -> None:
    names = ["image"] if what == "image" else [f"scalar_{n}" for n in range(SCALARS)]
    while not all(seen.get(name) == rounds for name in names):
        await asyncio.sleep(0.01)


async def link_lost(proxy: Proxy, process: asyncio.subprocess.Process) -> dict[str, float]:
    lost = asyncio.Event()
    proxy.listen(lambda name, update: lost.set() if name == "value" and update.severity else None)
    started = time.perf_counter()
    process.kill()
    await asyncio.wait_for(lost.wait(), 5.0)
    return {"kill_to_invalid_ms": round((time.perf_counter() - started) * 1e3, 1)}


async def measure(count: int, seconds: float) -> dict[str, Any]:
    group = f"bench{uuid.uuid4().hex[:8]}"
    ours = await asyncio.create_subprocess_exec(sys.executable, __file__, "--satellite", group)
    stock = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).parent / "SatelliteMariner"),
        "-g",
        group,
        "-n",
        "m",
        "-i",
        "lo",
        "-l",
        "CRITICAL",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with Node(group, "bench") as node:
            proxy, peer = node.proxy("load"), node.proxy("Mariner.m")
            for one in (proxy, peer):
                await one.wait_connected(30.0)
                await one.transition("initialize")
                await one.wait_state(State.INIT, timeout_s=5.0)
            return {
                "machine": f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores",
                "python": platform.python_version(),
                **await round_trips(proxy, count),
                "get_state_against_stock": await against_stock(proxy, peer, max(count // 20, 20)),
                "while_a_set_of_1_s_is_in_flight": await overtaking(proxy),
                f"{SCALARS}_scalars_10_hz": await play(proxy, "scalar", 10.0, int(seconds * 10)),
                f"{SCALARS}_scalars_40_hz": await play(proxy, "scalar", 40.0, int(seconds * 40)),
                f"image_{SIDE}x{SIDE}_20_hz": await play(proxy, "image", 20.0, int(seconds * 20)),
                **await link_lost(proxy, ours),
            }
    finally:
        for process in (ours, stock):
            if process.returncode is None:
                process.kill()
            await process.wait()


async def satellite(group: str) -> None:
    async with Node(group, "load") as node:
        load = Satellite(Load("load"))
        node.add(load)
        await load.start()
        await load.closed.wait()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the counts, no file written")
    parser.add_argument("--satellite", metavar="GROUP", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.satellite:
        asyncio.run(satellite(args.satellite))
        return 0
    results = asyncio.run(measure(*((200, 1.0) if args.quick else (2000, 5.0))))
    print(json.dumps(results, indent=2))
    if not args.quick:
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(results, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
