"""Random scripts for an axis on an emulated controller: what people and hardware do, in virtual time."""

import asyncio
import random
from pathlib import Path
from typing import Any

from hitline.bus.attribute import Refused
from hitline.ioc.axis.actions import Home
from motion_bench import Bench, motion

ENDS = {kind: {"low": -8.0, "high": 8.0} for kind in ("phymotion", "pi")}
ENDS["mcc"] = {"low": 0.5, "high": 16.5}  # it counts from the switch that it finds
STEPS = (
    *["target"] * 6,
    *["stop"] * 3,
    *("relative", "tweak_forward", "jog_forward", "jog_reverse", "home_forward", "home_reverse"),
    *("low", "high", "mode", "velocity", "clear", "offset"),
    *("silent", "garbage", "refuse", "late_ms", "lose", "stalled", "stuck_plus", "stuck_minus"),
    *("reboot", "cut"),
)
"""What is done, the usual more often."""
SOFT = ("Go", "Go", "Go", "Pause", "Stop")


class Watch:
    """Looks at the axis after each reading, and at each move that its motor begins."""

    def __init__(self, bench: Bench) -> None:
        self.bench, self.wrong = bench, []
        self.ends: set[tuple[float, float]] = set()
        self.limits()
        bench.axis.listeners.append(self.look)
        rail, move = bench.rail, bench.rail.move

        def watched(goal: int, *more: Any, **how: Any) -> None:
            self.begins(rail.counter, goal)
            move(goal, *more, **how)

        rail.move = watched
        self.action: Any = None
        act = bench.axis.channel.act

        async def noted(action: Any) -> None:
            self.action = action
            await act(action)

        bench.axis.channel.act = noted

    def limits(self) -> None:
        """Take note of the soft limits, which a move that was asked for earlier was held against."""
        s = self.bench.axis.axis.settings
        self.ends.add((s.low_dial, s.high_dial))

    def begins(self, start: int, goal: int) -> None:
        """A motor begins to turn: beyond the soft limits only to search its reference, or back to them."""
        axis = self.bench.axis.axis
        if isinstance(self.action, Home):
            return
        at, to = start * 0.001, goal * 0.001
        for low, high in self.ends:
            if low - 0.0011 <= to <= high + 0.0011 or (to > high and to < at) or (to < low and to > at):
                return
        self.wrong.append(f"a move from {at} to {to} beyond {sorted(self.ends)} while {axis.phase}")

    def look(self) -> None:
        """DMOV is never 1 while the motor turns."""
        axis = self.bench.axis.axis
        if axis.reading is not None and not axis.active and self.bench.rail.moving:
            self.wrong.append(f"done at {self.bench.rail.counter} and it turns")


async def heal(bench: Bench) -> None:
    """Take back every fault."""
    e = bench.emulator
    for name, value in {
        "silent": False, "garbage": 0, "refuse": 0, "late_ms": 0.0, "lose": 0, "stalled": False,
        "stuck_plus": False, "stuck_minus": False,
    }.items():  # fmt: skip
        await getattr(e, f"set_{name}")(value)


async def step(bench: Bench, dice: random.Random) -> str:
    """Do one thing; say what."""
    e, name = bench.emulator, dice.choice(STEPS)
    value: Any = True
    match name:
        case "target":
            value = round(dice.uniform(-10, 10), 3)
        case "relative":
            value = round(dice.uniform(-3, 3), 3)
        case "low":
            value = dice.choice((-8.0, -8.0, -2.0))
        case "high":
            value = dice.choice((8.0, 16.5, 2.0))
        case "mode":
            value = dice.choice(SOFT)
        case "velocity":
            value = dice.choice((1.0, 5.0, 20.0))
        case "offset":
            value = dice.choice((0.0, 1.5))
        case "jog_forward" | "jog_reverse":
            value = dice.random() < 0.6
        case "garbage" | "refuse" | "lose":
            value = dice.choice((0, 1, 3))
        case "late_ms":
            value = dice.choice((0.0, 50.0, 900.0))
        case "silent" | "stalled" | "stuck_plus" | "stuck_minus":
            value = dice.random() < 0.5
    try:
        if name in ("stop", "clear"):
            await getattr(bench.axis, f"do_{name}")()
        elif name == "reboot":
            await e.do_reboot(dice.choice((0.5, 3.0)))
        elif name == "cut":
            await e.do_cut()
        elif hasattr(e, f"set_{name}"):
            await getattr(e, f"set_{name}")(value)
        else:
            await bench.set(name, value)
    except Refused as refused:
        return f"{name} {value} refused {refused.code}"
    return f"{name} {value}"


async def recovered(bench: Bench, ends: dict[str, float]) -> str:
    """Heal, then have it where it is told to go, as an operator would; says what does not work."""
    axis = bench.axis
    await heal(bench)
    for name in ("jog_forward", "jog_reverse"):
        await axis.change(name, False)
    try:
        async with asyncio.timeout(120):
            while axis.axis.reading is None:
                await asyncio.sleep(0.2)
            for _ in range(20):
                for name, value in {
                    "mode": "Go",
                    "low": -30.0,
                    "high": 30.0,
                    "offset": 0.0,
                    "velocity": 20.0,
                }.items():
                    await axis.change(name, value)
                try:
                    await axis.do_stop()
                    await bench.until(lambda: bench["done"], 60)
                    await axis.do_clear()
                    if not bench["homed"] or bench["problem"]:
                        await axis.change("home_forward" if bench["limit_low"] else "home_reverse", True)
                        await bench.until(lambda: bench["done"], 60)
                    for name, value in ends.items():
                        await axis.change(name, value)
                    await bench.set("target", 1.0)
                    await bench.until(lambda: bench["done"], 60)
                except Refused:
                    await asyncio.sleep(0.5)
                    continue
                if (
                    bench["position"] is not None
                    and abs(bench["position"] - 1.0) < 0.0011
                    and not bench["problem"]
                ):
                    return ""
                await asyncio.sleep(0.5)
        return f"not at 1.0 but {bench['position']}: {bench['problem']}, homed {bench['homed']}"
    except (TimeoutError, AssertionError):  # of the whole, or of one wait
        return f"hangs at {bench['position']} in {axis.axis.phase}: {bench['problem']}"


async def play(folder: Path, kind: str, seeds: range, steps: int) -> list[str]:
    """Play a script for each seed, one after the other on one axis; gives what was wrong."""
    clock = asyncio.get_running_loop().time
    found: list[str] = []
    homing = {"homing": "centre"} if kind == "phymotion" else {}
    ends = ENDS[kind]
    async with motion(
        folder, kind=kind, clock_s=clock, controller=homing, poll_s=0.4, poll_moving_s=0.2, **ends
    ) as bench:
        watch = Watch(bench)
        for seed in seeds:
            dice, done = random.Random(seed), []
            watch.ends.clear()
            watch.limits()
            for _ in range(steps):
                done.append(await step(bench, dice))
                watch.limits()
                await asyncio.sleep(dice.choice((0.0, 0.05, 0.3, 1.0)))
            watch.ends.add((-30.0, 30.0))
            trouble = await recovered(bench, ends)
            if trouble or watch.wrong:
                found.append(f"{kind} {seed}: {'; '.join([trouble, *watch.wrong])} after {' | '.join(done)}")
                watch.wrong.clear()
    return found
