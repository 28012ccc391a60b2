"""The supervisor as an instrument: counts, failures with their severity, restart on request, its name."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import replace

import pytest
from hitline.bus.attribute import Refused, Severity
from hitline.bus.node import Node
from hitline.bus.proxy import Proxy
from hitline.bus.station import Station
from hitline.ioc.child import Phase
from hitline.ioc.supervision import Policy
from hitline.ioc.supervisor import supervised
from kit.patience import WAIT_S
from kit.until import until

Toys = Callable[..., Station]


async def shows(proxy: Proxy, name: str, wanted: Callable[[object], bool]) -> None:
    """Wait until a value is as wanted."""
    await until(
        lambda: name in proxy.updates and wanted(proxy.updates[name].value),
        listen=proxy.listen,
        what=lambda: f"{name} is {proxy.updates.get(name)}",
    )


async def test_counts_restarts_and_failures(toys: Toys) -> None:
    station = toys("good", "bad", options={"bad": 'fail = "connect"'})
    station = replace(station, conductor=None)
    async with (
        Node(station.name, "client") as node,
        supervised(station, policy=Policy(first_s=0.01, attempts=1)) as running,
    ):
        await asyncio.wait_for(running.crew.settled(), WAIT_S)
        proxy = node.proxy("station")
        await proxy.wait_connected(WAIT_S)
        await shows(proxy, "failed", lambda value: value == "bad")
        shown = proxy.updates
        assert shown["failed"].severity is Severity.MAJOR
        assert "send restart" in shown["failed"].status
        assert (shown["processes"].value, shown["restarts"].value) == (1, 1)
        assert shown["processes"].severity is Severity.MINOR
        assert "bad ended with exit code 1: error: bad cannot connect" in shown["last_restart"].value
        assert shown["summary"].value == "good up, bad failed"

        pid = running.crew.children["good"].pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await shows(proxy, "restarts", lambda value: value == 2)
        await shows(proxy, "processes", lambda value: value == 1)
        last = proxy.updates["last_restart"].value
        assert f"good was ended by SIGKILL, see {station.data / '.crash' / 'good-'}" in last

        text = station.file.read_text()
        station.file.write_text(text.replace('fail = "connect"', ""))
        await proxy.command("restart", "bad")
        await shows(proxy, "processes", lambda value: value == 2)
        assert (proxy.updates["failed"].value, proxy.updates["failed"].severity) == ("", Severity.OK)
        with pytest.raises(Refused, match="no process 'ugly' here; processes are good, bad"):
            await proxy.command("restart", "ugly")
    assert {child.phase for child in running.crew.children.values()} == {Phase.STOPPED}


async def test_a_taken_name_is_refused_and_nothing_is_started(toys: Toys) -> None:
    """The same group from another folder, as on another machine: the pid file does not know, the bus does."""
    station = toys("a")
    other = replace(station, data=station.data / "elsewhere")
    async with supervised(station) as running:
        await asyncio.wait_for(running.crew.settled(), WAIT_S)
        told = rf"runs already, from {station.file} on .*Supervisor.station is taken in group"
        with pytest.raises(RuntimeError, match=told):
            async with supervised(other):
                raise AssertionError("not reached")
        assert not (other.data / ".log").exists()


async def test_processes_are_run_by_this_interpreter(toys: Toys) -> None:
    station = toys("a")
    async with supervised(station) as running:
        assert {child.spec.argv[0] for child in running.crew.children.values()} == {sys.executable}
