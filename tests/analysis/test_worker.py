"""The worker on the bus: an instrument that shows each exposure's results, through its own deaths."""

import asyncio
import json
import os
import random
import signal
import sys

import pytest
from hitline.analysis.worker import Worker, load_kernels
from hitline.bus.attribute import Refused, Severity
from hitline.bus.node import Node
from hitline.bus.satellite import Satellite
from hitline.bus.states import State
from hitline.bus.station import WorkerEntry
from kit.patience import WAIT_S
from kit.until import until
from readout import Readout, shots
from test_follower import truth

COUNTS = (300, 5, 0, 1200, 77)


@pytest.fixture
async def node(group):
    async with Node(group, "tester") as node:
        yield node


@pytest.fixture
async def readout(node, tmp_path):
    readout = Readout("det", tmp_path)
    readout.start_feed()
    satellite = Satellite(readout)
    node.add(satellite)
    await satellite.start()
    yield readout
    readout.close()


@pytest.fixture
async def start(node, tmp_path):
    """Put a worker on the bus, in this process."""

    async def start(**more):
        load_kernels()
        worker = Worker("ana", WorkerEntry("det", **more), node.proxy("det"), tmp_path)
        satellite = Satellite(worker)
        node.add(satellite)
        await satellite.start()
        await satellite.move("initialize", {})
        proxy = node.proxy("ana")
        await proxy.wait_connected(WAIT_S)
        return proxy

    yield start


async def shown(proxy, exposure):
    """All values when the exposure's number is shown."""

    def there():
        now = proxy.updates.get("exposure")
        return now is not None and now.value == exposure and not now.severity

    await until(there, listen=proxy.listen, what=lambda: f"{exposure}, not {proxy.updates.get('exposure')}")
    return {name: update.value for name, update in proxy.updates.items()}


async def test_every_result_is_there_when_the_number_is(readout, start):
    proxy = await start()
    assert proxy.state is State.INIT
    order = []
    proxy.listen(lambda name, update: order.append(name))
    readout.writer.open("run1")
    for number, (raw, wanted) in enumerate(zip(shots(COUNTS), truth(COUNTS), strict=True), 1):
        readout.expose(number, raw)
        values = await shown(proxy, number)
        scalars = {name: value for name, value in wanted.items() if isinstance(value, int)}
        assert {name: values[name] for name in scalars} == scalars
        assert (values["run"], values["lost"], values["analysing"]) == ("run1", 0, False)
        assert [name for name in order if name in (*scalars, "exposure")][-1] == "exposure"
    wanted = truth(COUNTS)[-1]
    for name in ("image", "tot_spectrum", "size_spectrum", "chip_hits"):
        update = await proxy.get(name)
        assert (update.value == wanted[name]).all()


async def test_settings(readout, start):
    proxy = await start(window_ns=100.0, update_hz=5.0)
    values = await shown(proxy, 0)
    assert (values["window"], values["update_rate"], values["hits"]) == (100.0, 5.0, 0)
    await proxy.set("update_rate", 20.0)
    await proxy.set("window", 0.0)
    assert ((await proxy.get("update_rate")).value, (await proxy.get("window")).value) == (20.0, 0.0)
    readout.writer.open("run1")
    raw = shots(COUNTS)[3]
    readout.expose(1, raw)
    narrow = (await shown(proxy, 1))["exposure_clusters"]
    await proxy.set("window", 200.0)
    readout.expose(2, raw)
    assert (await shown(proxy, 2))["exposure_clusters"] == truth(COUNTS)[3]["exposure_clusters"] < narrow
    with pytest.raises(Refused, match="25600"):
        await proxy.set("window", 30_000.0)


async def test_without_its_source_the_lag_is_unknown(node, start):
    proxy = await start()
    await until(
        lambda: "lag" in proxy.updates and proxy.updates["lag"].severity is Severity.INVALID,
        listen=proxy.listen,
    )
    assert "det" in proxy.updates["lag"].status


STATION = """
name = "{group}"
data = "{data}"

[instruments.det]
type = "replay"

[workers.ana]
source = "det"
"""


async def run_worker(file):
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "hitline.analysis.worker", str(file), "ana",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    return process


async def ready(process):
    line = await asyncio.wait_for(process.stdout.readline(), WAIT_S)
    assert line.startswith(b"ready ")
    assert json.loads(line[6:])["worker"] == "ana"


async def end(process, number):
    os.kill(process.pid, number)
    code = await asyncio.wait_for(process.wait(), WAIT_S)
    process._transport.close()
    return code


@pytest.mark.faults
@pytest.mark.parametrize("seed", range(1, 9))
async def test_killed_at_random_instants_no_result_is_wrong(node, readout, group, tmp_path, seed):
    """Each exposure has its own counts, and the run's are complete, though the worker dies four times."""
    counts = [*range(1, 40), *(random.Random(5).randrange(2000) for _ in range(21))]
    raws, wanted = shots(counts), truth(counts)
    file = tmp_path / "station.toml"
    file.write_text(STATION.format(group=group, data=tmp_path))
    proxy = node.proxy("ana")
    process = await run_worker(file)
    await ready(process)
    await proxy.wait_connected(WAIT_S)
    readout.writer.open("run1")
    dice = random.Random(seed)
    deaths = sorted(dice.sample(range(2, len(counts)), 4))
    for number, (raw, results) in enumerate(zip(raws, wanted, strict=True), 1):
        killing = None
        if number in deaths:

            async def kill(dead=process):
                await asyncio.sleep(dice.random() * 0.03)
                await end(dead, signal.SIGKILL)
                return await run_worker(file)

            killing = asyncio.create_task(kill())
        readout.expose(number, raw)
        if killing:
            process = await killing
            await ready(process)
        values = await shown(proxy, number)
        scalars = {name: value for name, value in results.items() if isinstance(value, int)}
        assert {name: values[name] for name in scalars} == scalars, number
    image = await proxy.get("image")
    assert (image.value == wanted[-1]["image"]).all()
    assert values["set_aside"] == 0
    assert await end(process, signal.SIGTERM) == 0


async def test_an_unknown_name_is_one_line(tmp_path, group):
    file = tmp_path / "station.toml"
    file.write_text(STATION.format(group=group, data=tmp_path))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "hitline.analysis.worker", str(file), "anna",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await asyncio.wait_for(process.communicate(), WAIT_S)
    assert (process.returncode, out) == (1, b"")
    assert b"no worker 'anna', known are ana" in err
    assert b"Traceback" not in err


POISON = """
import os
from hitline.analysis.blocks.counting import Counting

class Poison(Counting):
    def hits(self, batch):
        if len(batch) == 77:
            os._exit(9)
"""


@pytest.mark.faults
async def test_a_block_that_kills_the_process_is_set_aside(node, readout, group, tmp_path, monkeypatch):
    about = tmp_path / "site" / "poison-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: poison\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[hitline.blocks]\npoison = hitline_poison:Poison\n")
    (about.parent / "hitline_poison.py").write_text(POISON)
    monkeypatch.setenv("PYTHONPATH", str(about.parent))
    file = tmp_path / "station.toml"
    text = STATION.format(group=group, data=tmp_path) + 'blocks = ["counts", "poison"]\n'
    monkeypatch.syspath_prepend(str(about.parent))
    file.write_text(text)
    proxy = node.proxy("ana")
    readout.writer.open("run1")
    process = await run_worker(file)
    await ready(process)
    for number, raw in enumerate(shots(COUNTS), 1):
        readout.expose(number, raw)
    for _ in range(3):
        assert await asyncio.wait_for(process.wait(), WAIT_S) == 9
        process._transport.close()
        process = await run_worker(file)
    await ready(process)
    values = await shown(proxy, len(COUNTS))
    assert (values["set_aside"], values["hits"]) == (1, sum(COUNTS) - 77)
    assert proxy.updates["set_aside"].severity is Severity.MAJOR
    assert await end(process, signal.SIGTERM) == 0
