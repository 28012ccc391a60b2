"""Figures of the Channel Access face with libca clients: rates, latency, puts, images, a stopped client.

    python bench/ca.py [--quick]

Processes on loopback, as in a station: the instrument, the face, clients. Images and read-backs are checked;
a wrong one ends the run with exit code 1. Prints one JSON object and writes bench/results/ca.json.
"""

# ruff: noqa: D102 -- setters and commands say it in their tables

import argparse
import asyncio
import json
import os
import platform
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from hitline.bus.attribute import Attribute
from hitline.bus.instrument import Instrument
from hitline.bus.node import Node
from hitline.bus.satellite import Satellite
from hitline.db.generate import database

RESULTS = Path(__file__).parent / "results" / "ca.json"
SCALARS = 500
SIDE = 512


class Load(Instrument):
    """Publishes scalars and images at a rate; a set is busy for a while."""

    ATTRIBUTES = (
        Attribute("level", "float", "Level", access="rw", busy="moving"),
        Attribute("moving", "bool", "Moving"),
        Attribute("plain", "float", "Without busy", access="rw"),
        Attribute("image", "<i4", "Image", shape=(SIDE, SIDE)),
        *(Attribute(f"s{n}", "float", "Scalar") for n in range(SCALARS)),
    )

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.busy_s = 0.0
        self.work: set[asyncio.Task[None]] = set()

    async def connect(self) -> None:
        for name in ("level", "plain", *(f"s{n}" for n in range(SCALARS))):
            self.publish(name, 0.0)
        self.publish("moving", False)

    async def set_plain(self, value: float) -> float:
        self.publish("plain", value)
        return value

    async def set_level(self, value: float) -> float:
        self.publish("moving", True)
        task = asyncio.create_task(self._move(value))
        self.work.add(task)
        task.add_done_callback(self.work.discard)
        return value

    async def _move(self, value: float) -> None:
        await asyncio.sleep(self.busy_s)
        self.publish("level", value)
        self.publish("moving", False)

    async def play(self, hz: float, seconds: float, *, image: bool = False) -> None:
        """Publish all scalars, or the image, `hz` times a second; each value is the time it was sent."""
        start_s = time.perf_counter()
        for n in range(int(hz * seconds)):
            if image:
                self.publish("image", np.full((SIDE, SIDE), n, "<i4"))
            else:
                for i in range(SCALARS):
                    self.publish(f"s{i}", time.time())
            await asyncio.sleep(max(start_s + (n + 1) / hz - time.perf_counter(), 0))


CLIENT = r"""
import json, os, sys, threading, time
import epics
names = sys.argv[2].split(",")
heard, late, wrong = [0], [], [0]
def hear(value=None, count=1, **more):
    now = time.time()
    heard[0] += 1
    if sys.argv[1] == "scalars":
        late.append(now - value)
    elif count > 1 and int(value[0]) != int(value[-1]):
        wrong[0] += 1
pvs = [epics.PV(n, callback=hear, auto_monitor=True) for n in names]
if not all(p.wait_for_connection(20) for p in pvs):
    raise SystemExit("not connected")
def put(name, value):
    began = time.perf_counter()
    assert epics.caput(name, value, wait=True, timeout=10) == 1
    took = time.perf_counter() - began
    assert epics.caget(name, use_monitor=False) == value
    return took
print("up", flush=True)
for line in sys.stdin:
    words = line.split()
    if words[0] == "reset":
        heard[0] = wrong[0] = 0; late.clear(); answer = 0
    elif words[0] == "count":
        sample = sorted(late)
        at = lambda f: round(1e3 * sample[int(f * (len(sample) - 1))], 2)
        answer = {"heard": heard[0], "wrong": wrong[0], "late_ms": [at(0.5), at(0.99)] if sample else []}
    elif words[0] == "values":
        answer = [epics.caget(n, use_monitor=False) for n in words[1:]]
    elif words[0] == "put":
        answer = [put(words[1], float(n)) for n in range(int(words[2]))]
    elif words[0] == "get":
        pv = epics.PV(words[1], auto_monitor=False); pv.wait_for_connection(10); answer = []
        for _ in range(int(words[2])):
            began = time.perf_counter(); pv.get(use_monitor=False); answer.append(time.perf_counter() - began)
    print(json.dumps(answer), flush=True)
os._exit(0)
"""


class Client:
    """A libca client process."""

    def __init__(self, port: int, kind: str, names: list[str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", CLIENT, kind, ",".join(names)],
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | environment(port),
        )
        if self.process.stdout.readline().strip() != "up":
            raise SystemExit("a client could not connect")

    async def ask(self, line: str) -> Any:
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return json.loads(await asyncio.to_thread(self.process.stdout.readline))

    def close(self) -> None:
        self.process.send_signal(signal.SIGCONT)
        self.process.kill()
        self.process.wait()


def environment(port: int) -> dict[str, str]:
    return {
        "EPICS_CA_ADDR_LIST": "127.0.0.1",
        "EPICS_CA_AUTO_ADDR_LIST": "NO",
        "EPICS_CA_SERVER_PORT": str(port),
        "EPICS_CA_MAX_ARRAY_BYTES": "16777216",
        "EPICS_CAS_AUTO_BEACON_ADDR_LIST": "NO",
        "HITLINE_LOG": "ERROR",
    }


def milliseconds(samples: list[float]) -> dict[str, float]:
    ordered = sorted(samples)
    return {
        "median_ms": round(1e3 * statistics.median(ordered), 3),
        "p99_ms": round(1e3 * ordered[int(0.99 * (len(ordered) - 1))], 3),
        "count": len(ordered),
    }


async def rates(
    load: Load, face: psutil.Process, clients: list[Client], hz: float, seconds: float
) -> dict[str, Any]:
    """What each client hears of all scalars at a rate, how late, and what the face needs for it."""
    counters = "values B:CaDropped B:CaConflated"
    await asyncio.sleep(1.1)  # they are published once a second
    before = await clients[0].ask(counters)
    for client in clients:
        await client.ask("reset")
    cpu_s, began_s = sum(face.cpu_times()[:2]), time.perf_counter()
    await load.play(hz, seconds)
    await asyncio.sleep(0.5)
    took_s = time.perf_counter() - began_s - 0.5
    cpu_s = sum(face.cpu_times()[:2]) - cpu_s
    counts = [await client.ask("count") for client in clients]
    sent = SCALARS * int(hz * seconds)
    await asyncio.sleep(1.1)
    after = await clients[0].ask(counters)
    dropped, conflated = (now - then for now, then in zip(after, before, strict=True))
    return {
        "sent_per_s": round(sent / took_s),
        "heard_per_s": [round(c["heard"] / took_s) for c in counts],
        "heard_fraction": round(min(c["heard"] for c in counts) / sent, 4),
        "replaced_before_shown": int(conflated),
        "dropped_for_slow_clients": int(dropped),
        "late_ms_median_p99": counts[0]["late_ms"],
        "face_cpu_percent": round(100 * cpu_s / took_s),
        "face_rss_mb": round(face.memory_info().rss / 1e6),
    }


async def images(load: Load, face: psutil.Process, prefix: str, port: int, seconds: float) -> dict[str, Any]:
    """Images of 1 MB at 20 Hz to two clients, then with one of them stopped."""
    clients = [Client(port, "image", [f"{prefix}Image_RBV"]) for _ in range(2)]
    found: dict[str, Any] = {}
    for name in ("both", "one_stopped"):
        if name == "one_stopped":
            clients[1].process.send_signal(signal.SIGSTOP)
        await clients[0].ask("reset")
        cpu_s, began_s = sum(face.cpu_times()[:2]), time.perf_counter()
        await load.play(20, seconds, image=True)
        took_s = time.perf_counter() - began_s
        heard = await clients[0].ask("count")
        if heard["wrong"]:
            raise SystemExit("an image was mixed of two")
        found[name] = {
            "heard_per_s": round(heard["heard"] / took_s, 1),
            "face_rss_mb": round(face.memory_info().rss / 1e6),
            "face_cpu_percent": round(100 * (sum(face.cpu_times()[:2]) - cpu_s) / took_s),
        }
    for client in clients:
        client.close()
    return found


async def main(quick: bool) -> None:
    seconds, rounds = (2.0, 50) if quick else (8.0, 300)
    group, prefix, port = f"bench{uuid.uuid4().hex[:8]}", "B:", random.randint(20000, 32000)
    with tempfile.TemporaryDirectory() as folder:
        station = Path(folder) / "station.toml"
        (Path(folder) / "load.db").write_text(
            database(Load.ATTRIBUTES, (), title="load", instrument="load", prefix="$(P)")
        )
        station.write_text(
            f'name = "{group}"\nprefix = "{prefix}"\n[faces.ca]\nport = {port}\noverlays = ["load.db"]\n'
        )
        load = Load("load")
        async with Node(group, "load") as node:
            satellite = Satellite(load)
            node.add(satellite)
            await satellite.start()
            await satellite.move("initialize", {})
            process = subprocess.Popen(
                [sys.executable, "-m", "hitline.ioc.faces.ca", str(station)],
                text=True,
                stdout=subprocess.PIPE,
                env=os.environ | environment(port),
            )
            began_s = time.perf_counter()
            assert (await asyncio.to_thread(process.stdout.readline)).startswith("ready")
            result: dict[str, Any] = {
                "machine": f"{platform.machine()}, {os.cpu_count()} cores",
                "python": platform.python_version(),
                "scalars": SCALARS,
                "start_s": round(time.perf_counter() - began_s, 2),
            }
            face = psutil.Process(process.pid)
            names = [f"{prefix}S{n}_RBV" for n in range(SCALARS)]
            try:
                one = Client(port, "scalars", names)
                result["get"] = milliseconds(await one.ask(f"get {prefix}S0_RBV {rounds * 5}"))
                result["put_without_busy"] = milliseconds(await one.ask(f"put {prefix}Plain {rounds}"))
                load.busy_s = 0.05
                moves = await one.ask(f"put {prefix}Level {min(rounds, 100)}")
                result["put_to_completion_beyond_50_ms"] = milliseconds([t - 0.05 for t in moves])
                for hz in (10, 20):
                    result[f"one_client_{hz}_hz"] = await rates(load, face, [one], hz, seconds)
                more = [one, *(Client(port, "scalars", names) for _ in range(3))]
                result["four_clients_10_hz"] = await rates(load, face, more, 10, seconds)
                result["get_under_that_load"] = milliseconds(
                    (
                        await asyncio.gather(
                            more[3].ask(f"get {prefix}Plain_RBV {rounds}"), load.play(10, seconds / 2)
                        )
                    )[0]
                )
                for client in more:
                    client.close()
                result["images_1_mb_20_hz"] = await images(load, face, prefix, port, seconds)
            finally:
                process.terminate()
                process.wait(10)
            await satellite.stop()
    text = json.dumps(result, indent=2)
    print(text)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(text + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    asyncio.run(main(parser.parse_args().quick))
