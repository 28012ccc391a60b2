"""How soon each fault of a Katherine shows, with state, severity and reason.

    python bench/katherine_faults.py [--runs 5]

Driver and emulated readout in one process, over UDP, with the driver's own interval of looks (1 s). Times
are from the moment at which the protocol shows the fault: the first question without an answer, the first
register that differs, the last word of the frame, the datagram. For a readout that falls silent or restarts
between two looks, the time since then is given, too. Writes bench/results/katherine_faults.json.
"""

import argparse
import asyncio
import json
import logging
import sys
import tempfile
import time
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from hitline.bus.node import Node
from hitline.bus.satellite import Satellite
from hitline.bus.station import Station
from hitline.ioc.drivers.katherine.driver import Katherine
from hitline.ioc.drivers.katherine.options import KatherineOptions
from hitline.ioc.emulators.katherine.emulator import KatherineEmulator
from hitline.ioc.emulators.katherine.knobs import KatherineEmulatorOptions
from lib.station import free_port, machine, spread

RESULTS = Path(__file__).parent / "results" / "katherine_faults.json"
AIM_MS = 1000.0
RATE_HZ = 2e5


class Pair:
    """A driver in INIT, and the readout behind it."""

    def __init__(self, driver: Katherine, satellite: Satellite, emulator: KatherineEmulator) -> None:
        self.driver, self.satellite, self.emulator = driver, satellite, emulator
        self.shown: list[tuple[float, str, Any]] = []
        before = driver.on_update

        def noted(name: str, update: Any) -> None:
            self.shown.append((time.perf_counter(), name, update))
            before(name, update)

        driver.on_update = noted

    async def first(self, wanted: Callable[[str, Any], bool], since: float, limit_s: float = 15.0) -> float:
        """When something was first shown after `since`."""
        while time.perf_counter() - since < limit_s:
            for at, name, update in self.shown:
                if at >= since and wanted(name, update):
                    return at
            await asyncio.sleep(0.002)
        raise TimeoutError("it was not shown")


async def bad(pair: Pair) -> tuple[Callable[[str, Any], bool], Callable[[str, Any], bool]]:
    """What tells of a silence: the first unanswered question, and the alarm."""
    return (
        lambda name, update: name == "answers_missing",
        lambda name, update: name == "detector_state" and update.severity.name == "INVALID" and update.status,
    )


async def silence(pair: Pair) -> dict[str, float]:
    """No answer any more."""
    begin = time.perf_counter()
    await pair.emulator.set_stall(True)
    asked, wrong = await bad(pair)
    alarm = await pair.first(wrong, begin)
    missing = await pair.first(asked, begin)
    await pair.emulator.set_stall(False)
    # `answers_missing` is shown with the next look, 0.3 s after the question went out.
    return {"since_protocol": alarm - missing + 0.3, "since_fault": alarm - begin}


async def restart(pair: Pair) -> dict[str, float]:
    """A power cut too short to be seen as a silence."""
    begin = time.perf_counter()
    await pair.emulator.do_reboot(0.0)
    alarm = await pair.first(
        lambda name, update: name == "configured" and update.value is False and "restarted" in update.status,
        begin,
    )
    return {"since_protocol": 0.0, "since_fault": alarm - begin}


def in_frame(
    knob: str, value: Any, wanted: Callable[[str, Any], bool], *, begun: bool = False
) -> Callable[[Pair], Awaitable[dict[str, float]]]:
    """A fault inside an exposure of 0.3 s, which the end of its frame tells; `begun`: only once hits flow."""

    async def fault(pair: Pair) -> dict[str, float]:
        set_knob, frames = getattr(pair.emulator, f"set_{knob}"), len(pair.emulator.sent)
        if not begun:
            await set_knob(value)
        begin = time.perf_counter()
        await pair.driver.set_acquire("Acquire")
        while begun and not pair.driver.value("hits_logged"):
            await asyncio.sleep(0.001)
        if begun:
            await set_knob(value)
        while len(pair.emulator.sent) == frames:
            await asyncio.sleep(0.001)
        end = time.perf_counter()
        alarm = await pair.first(wanted, begin)
        while pair.driver.acquiring or pair.driver.value("acquire") != "Done":
            await asyncio.sleep(0.005)
        await set_knob(type(value)() if knob != "drop_word" else "none")
        return {"since_protocol": alarm - end, "since_fault": alarm - begin}

    return fault


def flaw(text: str) -> Callable[[str, Any], bool]:
    """The condition of the run, with its reason."""
    return lambda name, update: name == "condition" and text in update.status


def counted(counter: str) -> Callable[[str, Any], bool]:
    """A counter that is not 0."""
    return lambda name, update: name == counter and bool(update.value)


def lost(name: str, update: Any) -> bool:
    """The exact loss, as an alarm."""
    return name == "hits_lost" and update.severity.name == "MAJOR" and update.value > 0


FAULTS: dict[str, Callable[[Pair], Awaitable[dict[str, float]]]] = {
    "silence": silence,
    "restart": restart,
    "hits dropped": in_frame("drop", 0.3, lost),
    "frame-finished word lost": in_frame("drop_word", "frame_finished", flaw("count (0xC) is missing")),
    "new-frame word lost": in_frame("drop_word", "new_frame", flaw("no new-frame word")),
    "datagrams doubled": in_frame("duplicate", 1.0, flaw("came, ")),
    "datagrams cut": in_frame("truncate", 0.5, counted("datagrams_cut"), begun=True),
    "another host sends hits": in_frame("foreign", True, counted("datagrams_foreign")),
}


async def measure(runs: int) -> dict[str, Any]:
    """Every fault, several times, on a fresh pair."""
    rows = {}
    for name, fault in FAULTS.items():
        found = [await once(fault) for _ in range(runs)]
        protocol = [1e3 * max(0.0, row["since_protocol"]) for row in found]
        rows[name] = {
            "since_the_protocol_shows_it": spread(protocol),
            "since_the_fault": spread([1e3 * row["since_fault"] for row in found]),
            "worst_ms": round(max(protocol), 1),
        }
        print(f"{name:28} {rows[name]['worst_ms']:8.1f} ms at worst", flush=True)
    return rows


async def once(fault: Callable[[Pair], Awaitable[dict[str, float]]]) -> dict[str, float]:
    """One fault; afterwards an exposure must be good again."""
    group, data_port = f"bench{uuid.uuid4().hex[:8]}", free_port()
    emulator = KatherineEmulator(
        "emu",
        KatherineEmulatorOptions(
            control_port=0, data_port=0, client_data_port=data_port, rate_hz=RATE_HZ, datagram_bytes=600
        ),
    )
    await emulator.connect()
    try:
        with tempfile.TemporaryDirectory() as folder:
            options = KatherineOptions(
                address="127.0.0.2",
                control_port=emulator.link.control[1],
                local_control_port=free_port(),
                data_port=data_port,
                receive_mib=4,
            )
            driver = Katherine("kat1", options)
            driver.station = Station(group, Path(folder) / "station.toml", data=Path(folder) / "runs")
            async with Node(group, "backend") as node:
                satellite = Satellite(driver)
                node.add(satellite)
                await satellite.start()
                await satellite.move("initialize", {})
                await driver.set_acquire_time(0.3)
                await driver.chip.finished()
                await driver.do_configure()
                await driver.chip.finished()
                pair = Pair(driver, satellite, emulator)
                row = await fault(pair)
                await again(pair)
                return row
    finally:
        await emulator.disconnect()


async def again(pair: Pair) -> None:
    """Without a restart, an exposure is good."""
    driver = pair.driver
    while driver.value("detector_state") not in ("Idle",) or not driver.watch.there:
        await asyncio.sleep(0.01)
    if not driver.chip.configured:
        await driver.do_configure()
        await driver.chip.finished()
    await driver.set_acquire("Acquire")
    while driver.acquiring or driver.value("acquire") != "Done":
        await asyncio.sleep(0.005)
    if driver.value("hits_lost") != 0 or not driver.value("hits_logged"):
        raise RuntimeError("the exposure after the fault is not good")


def main() -> int:
    """Measure and write the results."""
    parser = argparse.ArgumentParser(description="How soon faults of a Katherine show.")
    parser.add_argument("--runs", type=int, default=5)
    args = parser.parse_args()
    logging.disable(logging.ERROR)
    rows = asyncio.run(measure(args.runs))
    report = {"aim_ms": AIM_MS, "looks_every_s": 1.0, "faults": rows, "machine": machine()}
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(report, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
