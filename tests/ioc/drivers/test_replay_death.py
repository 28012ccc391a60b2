"""A replay's process killed (-9) in a run: what was written is there, the rest is counted from the file."""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from hitline.bus.attribute import Severity
from hitline.bus.log.block import Kind
from hitline.bus.log.reader import open_run
from hitline.bus.log.verify import Quality, verify
from hitline.bus.node import Node
from hitline.bus.states import State
from hitline.cli.main import main
from kit.patience import WAIT_S
from kit.until import until


@pytest.fixture
async def backend(tmp_path: Path) -> AsyncIterator[Callable[[], Awaitable[asyncio.subprocess.Process]]]:
    """Start the backend process of `det1`; the station file is there already."""
    processes = []

    async def start() -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "hitline.ioc.backend",
            str(tmp_path / "station.toml"),
            "det1",
            stdout=asyncio.subprocess.PIPE,
        )
        processes.append(process)
        line = await asyncio.wait_for(process.stdout.readline(), WAIT_S)
        assert line.startswith(b"ready "), line
        assert json.loads(line[6:])["feeds"]["det1"] > 0
        return process

    yield start
    for process in processes:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(process.wait(), WAIT_S) == 0


async def test_a_killed_readout_leaves_a_run_that_ends_and_tells_what_is_missing(
    backend, tpx3, tmp_path, group, capsys
):
    file = tpx3(100_000, spacing_ns=100_000)
    (tmp_path / "station.toml").write_text(
        f'name = "{group}"\n[instruments.det1]\ntype = "replay"\n'
        f'[instruments.det1.options]\nfile = "{file}"\nslice = "Hits"\nslice_hits = 60000\n'
    )
    async with Node(group, "client") as node:
        det = node.proxy("det1")
        first = await backend()
        await det.wait_connected(WAIT_S)
        await det.set("speed", "flat")
        await det.transition("launch")
        await det.wait_state(State.ORBIT, timeout_s=WAIT_S)
        await det.transition("start", "r1")
        await det.wait_state(State.RUN, timeout_s=WAIT_S)
        await det.set("slice_hits", 20_000)
        reply = await det.set("acquire", "Acquire")
        await det.wait_idle("acquire", reply, WAIT_S)
        await det.set("speed", "recorded")
        await det.set("slice_hits", 60_000)
        await until(lambda: det.updates["hits_logged"].value == 20_000, listen=det.listen)
        written = det.updates["log_written"].value
        await det.set("acquire", "Acquire")
        # What counts is on its way to the disk, at most 20 ms behind; what is written outlives the process.
        await until(lambda: det.updates["log_written"].value > written + 8_000, listen=det.listen)
        first.kill()
        await first.wait()
        await until(lambda: det.updates["hits_logged"].severity is Severity.INVALID, listen=det.listen)
        await backend()
        await until(
            lambda: (
                det.connected
                and det.updates["run"].value == "r1"
                and det.updates["hits_lost"].severity is Severity.MAJOR
            ),
            listen=det.listen,
        )
        folder = tmp_path / "runs" / "r1" / "det1"
        logged = sum(header.hits for header, _ in open_run(folder) if header.kind == Kind.DATA)
        assert 20_000 < logged < 80_000
        totals = open_run(folder).totals
        assert totals["hits"] == totals["hits_logged"] == logged
        assert totals["hits_sent"] == 80_000 and totals["hits_lost"] == 80_000 - logged
        assert totals["condition"] == "INCOMPLETE" and totals["recovered"] is True
        verdict = verify(folder)
        assert verdict.quality is Quality.INCOMPLETE and verdict.hits == logged
        assert verdict.lost == 80_000 - logged, "as `runs list` and the driver say it"
        ended = [det.updates[f"exposure_{name}"].value for name in ("end", "ended_by", "condition")]
        assert ended == ["Interrupted", "the death of its readout", "INCOMPLETE|INTERRUPTED"]
        assert main(["runs", "show", str(folder)]) == 0
        assert capsys.readouterr().out.splitlines()[-1].endswith("interrupted: the death of its readout")
        assert det.updates["hits_logged"].value == logged
        assert det.updates["hits_lost"].value == 80_000 - logged
        assert det.updates["condition"].value == "INCOMPLETE" and det.updates["exposure"].value == 2
        await det.set("speed", "flat")
        reply = await det.set("acquire", "Acquire")
        await det.wait_idle("acquire", reply, WAIT_S)
        assert det.updates["condition"].value == "GOOD" and det.updates["hits_lost"].value == 0
