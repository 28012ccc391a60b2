"""Nodes and a toy on the bus that are stopped again, and programs that are ended by their pid."""

import asyncio
import fcntl
import os
import signal
import sys
import tempfile
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from kit.patience import WAIT_S

sys.path.insert(0, str(Path(__file__).parent))

with warnings.catch_warnings():
    warnings.simplefilter("ignore", ResourceWarning)  # it leaves a file of its own open
    import constellation.core  # noqa: F401

from bus_toy import Toy
from hitline.bus import node as node_module
from hitline.bus import satellite as satellite_module
from hitline.bus.node import Node
from hitline.bus.proxy import Proxy
from hitline.bus.satellite import Satellite
from hitline.bus.states import Role, State

TOY = str(Path(__file__).parent / "bus_toy.py")


@pytest.fixture(autouse=True)
def brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the two pauses of every start and stop; peers of ours answer within 0.1 s."""
    monkeypatch.setattr(node_module, "LISTEN_S", 0.15)
    monkeypatch.setattr(satellite_module, "DEPART_S", 0.05)


@pytest.fixture
def alone_on_multicast() -> Iterator[None]:
    """Hold the discovery port, which all processes share, for a test alone.

    The listener of the stock package dies of a malformed beacon, so nobody may send one while it is tested.
    """
    with (Path(tempfile.gettempdir()) / f"hitline-tests-{os.getuid()}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture
async def node(group: str) -> AsyncIterator[Node]:
    async with Node(group, "tester") as node:
        yield node


@pytest.fixture
async def satellite(node: Node) -> Satellite:
    """A toy `Toy.one` on the bus, in NEW."""
    satellite = Satellite(Toy("one"))
    node.add(satellite)
    await satellite.start()
    return satellite


@pytest.fixture
def toy(satellite: Satellite) -> Toy:
    assert isinstance(satellite.instrument, Toy)
    return satellite.instrument


@pytest.fixture
async def proxy(node: Node, satellite: Satellite) -> Proxy:
    """Connected to the toy, which is in INIT."""
    proxy = node.proxy("one")
    await proxy.wait_connected(WAIT_S)
    await satellite.move("initialize")
    await proxy.wait_state(State.INIT, timeout_s=WAIT_S)
    return proxy


@pytest.fixture
async def member(group: str) -> AsyncIterator[Callable[..., Awaitable[Satellite]]]:
    """Make further toys, each on a node of its own as if it were another process."""
    nodes: list[Node] = []

    async def make(name: str, role: Role = Role.NONE) -> Satellite:
        node = Node(group, f"node_{name}")
        nodes.append(node)
        await node.start()
        satellite = Satellite(Toy(name), role=role)
        node.add(satellite)
        await satellite.start()
        return satellite

    yield make
    await asyncio.gather(*(node.stop() for node in nodes))


class Program:
    """A child process; its output is read so that it never blocks."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process, self.pid = process, process.pid
        self.lines: list[str] = []
        self.reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.lines.append(line.decode(errors="replace").rstrip())

    def send(self, number: int) -> None:
        os.kill(self.pid, number)

    async def end(self) -> None:
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
        await self.process.wait()
        await self.reader


@pytest.fixture
async def run() -> AsyncIterator[Callable[..., Awaitable[Program]]]:
    """Start programs; all are killed at the end of the test."""
    programs: list[Program] = []

    async def start(*argv: str) -> Program:
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            stdin=asyncio.subprocess.DEVNULL,
        )
        programs.append(Program(process))
        return programs[-1]

    yield start
    for program in programs:
        await program.end()


@pytest.fixture
def run_toy(group: str, run: Callable[..., Awaitable[Program]]) -> Callable[..., Awaitable[Program]]:
    """Start a toy in a process of its own."""

    async def start(name: str, role: Role = Role.NONE) -> Program:
        return await run(sys.executable, TOY, group, name, role.name)

    return start


@pytest.fixture
def run_stock(group: str, run: Callable[..., Awaitable[Program]]) -> Callable[..., Awaitable[Program]]:
    """Start a satellite of the stock package, such as Mariner."""

    async def start(kind: str, name: str) -> Program:
        script = Path(sys.executable).parent / f"Satellite{kind}"
        return await run(str(script), "-g", group, "-n", name, "-i", "lo", "-l", "WARNING")

    return start
