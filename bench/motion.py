"""How soon a stop reaches a motor controller, and what it costs to read eight axes.

    python bench/motion.py [--stops 500] [--seconds 15]

A station with an emulated phyMOTION over TCP, eight axes and the Channel Access face; the client is pyepics
(libca). First, `--stops` times: a put with completion starts a move and stays pending, and after some time
STOP is put on the same circuit; the time runs from before that put until the emulator has the
stop command (both on the monotonic clock of this machine). Each is checked: the completion came after it
and not before, the axis stands short of its target, DMOV is 1 and VAL is where it stands. Then all eight axes
move and are read 20 times a second: CPU time of the process that drives them, and of the face, against the
clock; a client counts the readbacks that come. Where something of that does not hold, the exit code is 1.
Writes bench/results/motion.json.
"""

import argparse
import json
import os
import random
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from lib.process import cpu_s
from lib.station import Table, axis, entry, free_port, machine, up

RESULTS = Path(__file__).parent / "results" / "motion.json"
AXES = [f"1.{n}" for n in range(1, 9)]
READ_HZ = 20.0


def station() -> Table:
    """Eight axes on an emulated phyMOTION."""
    motion = free_port()
    quick = {"velocity": 5.0, "acceleration_time": 0.02, "poll_moving_s": 1 / READ_HZ}
    return {
        "instruments": {
            "emu": entry("phymotion_emulator", port=motion, axes=AXES, rail_steps=1_000_000),
            "box": entry("phymotion", "motion", where=f"tcp://127.0.0.1:{motion}", axes=AXES),
            **{f"x{n}": axis("box", channel, **quick) for n, channel in enumerate(AXES, 1)},
        },
    }


class Waiter:
    """Waits until PVs tell something."""

    def __init__(self) -> None:
        self.news = threading.Condition()

    def heard(self, **_: Any) -> None:
        """As a callback of a PV."""
        with self.news:
            self.news.notify_all()

    def until(self, condition: Any, timeout_s: float = 20.0) -> bool:
        """Whether it came true in time."""
        with self.news:
            return bool(self.news.wait_for(condition, timeout_s))


def stops(count: int) -> dict[str, Any]:
    """Put STOP again and again with a completion pending."""
    import epics

    waiter, chance = Waiter(), random.Random(1)
    pvs = {f: epics.PV(f"B:X1:M.{f}", callback=waiter.heard) for f in ("VAL", "RBV", "DMOV", "STOP", "MOVN")}
    seen = epics.PV("B:EMU:Stopped_RBV", callback=waiter.heard)
    for pv in (*pvs.values(), seen):
        assert pv.wait_for_connection(20), pv.pvname
    assert waiter.until(lambda: pvs["RBV"].severity == 0), "the axis has not been read"
    spans: list[float] = []
    wrong: list[str] = []
    pause = threading.Event()
    for number in range(count):
        target = 900.0 if pvs["RBV"].get() < 0 else -900.0
        completed = threading.Event()
        pvs["VAL"].put(target, callback=lambda done=completed, **_: done.set())
        if not waiter.until(lambda: pvs["MOVN"].value == 1):
            wrong.append(f"{number}: did not move")
            continue
        pause.wait(chance.uniform(0.0, 0.15))
        early = completed.is_set()
        begun_s = time.monotonic()
        pvs["STOP"].put(1)
        if not waiter.until(lambda begun_s=begun_s: seen.value >= begun_s):
            wrong.append(f"{number}: the emulator saw no stop")
            continue
        spans.append(1e3 * (seen.value - begun_s))
        ended = completed.wait(10) and waiter.until(
            lambda: pvs["DMOV"].value == 1 and abs(pvs["VAL"].value - pvs["RBV"].value) < 1e-6
        )
        if early or not ended or abs(pvs["RBV"].value - target) < 1.0:
            wrong.append(f"{number}: {early=} {ended=} at {pvs['RBV'].value}")
    ordered = sorted(spans)
    return {
        "stops": len(spans),
        "wrong": wrong[:5],
        **{f"p{p}_ms": round(ordered[int(len(ordered) * p / 100)], 2) for p in (50, 90, 99)},
        "max_ms": round(ordered[-1], 2),
    }


def readings(folder: Path, seconds: float) -> dict[str, Any]:
    """Read eight moving axes."""
    import epics
    from hitline.ioc.pids import living, pid_file

    names = [f"B:X{n}:M" for n in range(1, 9)]
    values = [epics.PV(f"{name}.VAL") for name in names]
    counts = dict.fromkeys(names, 0)

    def counted(pvname: str, **_: Any) -> None:
        counts[pvname.removesuffix(".RBV")] += 1

    monitors = [epics.PV(f"{name}.RBV", callback=counted) for name in names]
    for pv in (*values, *monitors):
        assert pv.wait_for_connection(20), pv.pvname
    here = values[0].get()
    for pv in values:
        pv.put(900.0 if here < 0 else -900.0)
    pause = threading.Event()
    pause.wait(1.0)
    pids = living(pid_file(folder / "runs"))
    before = {name: cpu_s(pids[name]) for name in ("motion", "face-ca")}
    counts.update(dict.fromkeys(names, 0))
    begun = time.perf_counter()
    pause.wait(seconds)
    took_s = time.perf_counter() - begun
    rates = [count / took_s for count in counts.values()]
    cores = {name: round((cpu_s(pids[name]) - cpu) / took_s, 4) for name, cpu in before.items()}
    for name in names:
        epics.caput(f"{name}.STOP", 1)
    return {
        "updates_hz": [round(rate, 1) for rate in rates],
        "core_share": cores,
        "enough": min(rates) > 0.9 * READ_HZ,
    }


def main() -> int:
    """Run both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--stops", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=15.0)
    args = parser.parse_args()
    os.environ.pop("HITLINE_TRACE", None)
    with tempfile.TemporaryDirectory() as folder, up(Path(folder), station()) as running:
        found = {
            "machine": machine(),
            "stop": stops(args.stops),
            "read": readings(running.file.parent, args.seconds),
        }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found, indent=1))
    good = not found["stop"]["wrong"] and found["stop"]["stops"] == args.stops and found["read"]["enough"]
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
