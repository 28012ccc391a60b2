"""Recordings with known contents, and a replay of them on the bus."""

import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from hitline.bus import node as node_module
from hitline.bus import satellite as satellite_module
from hitline.bus.node import Node
from hitline.bus.proxy import Proxy
from hitline.bus.satellite import Satellite
from hitline.bus.station import Station
from hitline.ioc.drivers.replay import Replay, ReplayOptions
from kit.patience import WAIT_S
from kit.until import until
from replay_tools import recording

sys.path.append(str(Path(__file__).parents[2] / "bus" / "log"))  # for its failing disks


@pytest.fixture(autouse=True)
def brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the pauses of every start and stop on the bus."""
    monkeypatch.setattr(node_module, "LISTEN_S", 0.15)
    monkeypatch.setattr(satellite_module, "DEPART_S", 0.05)


@pytest.fixture
def tpx3(tmp_path: Path) -> Callable[..., Path]:
    """Write a recording to a file."""

    def make(hits: int, name: str = "made.tpx3", **more: float) -> Path:
        path = tmp_path / name
        path.write_bytes(recording(hits, **more))  # type: ignore[arg-type]
        return path

    return make


class Bench:
    """One replay on the bus, seen through a proxy on a node of its own."""

    def __init__(self, replay: Replay, satellite: Satellite, proxy: Proxy, root: Path) -> None:
        self.replay, self.satellite, self.proxy, self.root = replay, satellite, proxy, root

    async def acquire(self) -> None:
        """One exposure, to its end."""
        reply = await self.proxy.set("acquire", "Acquire")
        await self.proxy.wait_idle("acquire", reply, WAIT_S)

    async def run(self, run_id: str) -> None:
        """Launch and start."""
        await self.move("launch")
        await self.move("start", run_id)

    async def move(self, command: str, payload: object = None) -> None:
        """Make a transition, and wait until all that it published has come."""
        await self.satellite.move(command, payload)
        shown = {name: self.replay.board.updates[name].seq for name in (a.name for a in Replay.ATTRIBUTES)}
        known = self.proxy.updates
        await self.until(lambda: all(name in known and known[name].seq >= seq for name, seq in shown.items()))

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for news that make the condition true."""
        await until(condition, listen=self.proxy.listen)

    def __getitem__(self, name: str) -> object:
        return self.proxy.updates[name].value


@pytest.fixture
async def bench(tmp_path: Path, group: str) -> AsyncIterator[Callable[..., Awaitable[Bench]]]:
    """Make a replay `det1` in INIT; options as in the station file."""
    nodes: list[Node] = []

    async def make(file: Path, *, initialize: bool = True, **options: object) -> Bench:
        root = tmp_path / "runs"
        replay = Replay("det1", ReplayOptions(file=file, **{"speed": "flat", **options}))
        replay.station = Station(group, tmp_path / "station.toml", data=root)
        node, client = Node(group, "backend"), Node(group, "client")
        nodes.extend((client, node))
        await node.start()
        await client.start()
        satellite = Satellite(replay)
        node.add(satellite)
        await satellite.start()
        proxy = client.proxy("det1")
        await proxy.wait_connected(WAIT_S)
        made = Bench(replay, satellite, proxy, root)
        if initialize:
            await made.move("initialize", {})
        return made

    yield make
    for node in nodes:
        await node.stop()
