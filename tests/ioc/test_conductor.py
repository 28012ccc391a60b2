"""The conductor over the real bus: order, owner, conditions, what becomes of a run when things fail."""

import asyncio
import re
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path

import pytest
from hitline.bus import node as node_module
from hitline.bus.attribute import Refused, Severity
from hitline.bus.node import Node
from hitline.bus.proxy import Proxy
from hitline.bus.satellite import Satellite
from hitline.bus.states import Role, State
from hitline.bus.station import Station
from hitline.ioc import moves
from hitline.ioc.backend import make, on_the_bus
from hitline.ioc.conductor import Conductor
from kit.patience import WAIT_S
from kit.until import until

Toys = Callable[..., Station]


async def shows(proxy: Proxy, name: str, wanted: object) -> None:
    """Wait until an attribute has a value."""
    await until(
        lambda: name in proxy.updates and proxy.updates[name].value == wanted,
        listen=proxy.listen,
        what=lambda: f"{name} is {proxy.updates.get(name)}, not {wanted!r}",
    )


class Bench:
    """Readouts, conductor and a client, each on a node of its own, as if they were processes."""

    def __init__(self, station: Station) -> None:
        self.station = station
        self.nodes: dict[str, Node] = {}
        self.satellites: dict[str, Satellite] = {}

    async def add(self, name: str, role: Role = Role.NONE) -> None:
        """Start one readout."""
        node = self.nodes[name] = Node(self.station.name, name)
        await node.start()
        [self.satellites[name]] = await on_the_bus(node, [make(self.station, name)], {name: role.name})

    async def conduct(self) -> None:
        """Start the conductor."""
        node = self.nodes["run"] = Node(self.station.name, "run")
        await node.start()
        conductor = Conductor(node=node)
        conductor.station = self.station
        satellite = self.satellites["run"] = Satellite(conductor)
        node.add(satellite)
        await satellite.start()
        await satellite.move("initialize", {})

    async def drop(self, name: str) -> None:
        """End one of them."""
        del self.satellites[name]
        await self.nodes.pop(name).stop()

    @property
    def run(self) -> Proxy:
        """The conductor as a client sees it."""
        return self.client.proxy("run")

    async def do(self, command: str, *args: object, message: str = "") -> None:
        """Send a command to the conductor and wait for its end; with a message, it must fail with it."""
        reply = await self.run.command(command, *args)
        with pytest.raises(Refused, match=message) if message else nullcontext():
            await self.run.wait_idle(command, reply, WAIT_S)
        assert re.search(message or "^$", str(self.shown("message")[0])), self.shown("message")

    def states(self) -> dict[str, State]:
        """The true states of the readouts."""
        return {name: satellite.state for name, satellite in self.satellites.items() if name != "run"}

    def journal(self, name: str) -> str:
        """What a readout has gone through."""
        return str(self.satellites[name].instrument.value("journal"))

    def shown(self, *names: str) -> tuple[object, ...]:
        """Values as the client sees them."""
        return tuple(self.run.updates[name].value for name in names)


@asynccontextmanager
async def bench(station: Station, roles: dict[str, Role] | None = None) -> AsyncIterator[Bench]:
    """A bench with all readouts of the station and the conductor."""
    it = Bench(station)
    it.client = it.nodes["client"] = Node(station.name, "client")
    try:
        await it.client.start()
        await asyncio.gather(
            it.conduct(), *(it.add(name, (roles or {}).get(name, Role.NONE)) for name in station.instruments)
        )
        await it.run.wait_connected(WAIT_S)
        await shows(it.run, "run_state", "Idle")
        assert station.conductor is not None
        order = [n for n in dict.fromkeys([*station.conductor.order, *station.instruments]) if "." not in n]
        await shows(it.run, "members", ", ".join(f"{name} INIT" for name in order))
        for name in order:
            await it.client.proxy(name).wait_connected(WAIT_S)
        yield it
    finally:
        await asyncio.gather(*(node.stop() for node in it.nodes.values()))


async def test_a_stop_that_comes_before_the_members_were_met_reaches_them(
    toys: Toys, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with bench(toys("a", "b")) as it:
        await it.do("start", "plan")
        await it.drop("run")
        monkeypatch.setattr(node_module, "LISTEN_S", 0.0)  # as if they answered late
        await it.conduct()
        conductor = it.satellites["run"].instrument
        assert isinstance(conductor, Conductor)
        assert sorted(conductor.readouts.missing()) == ["a", "b"], "too late for this test"
        await conductor.do_stop()
        await shows(it.run, "busy", True)
        await shows(it.run, "busy", False)
        assert it.states() == {"a": State.ORBIT, "b": State.ORBIT}


async def test_one_run_through_all_states(toys: Toys) -> None:
    async with bench(toys("a", "b")) as it:
        await it.do("launch", "plan")
        assert it.states() == {"a": State.ORBIT, "b": State.ORBIT}
        assert it.shown("run_state", "owner", "busy") == ("Armed", "plan", False)
        await it.do("start", "plan")
        run_id = it.shown("run_id")[0]
        assert isinstance(run_id, str) and re.fullmatch(r"\d{8}-\d{6}-0001", run_id)
        assert it.shown("run_state", "exposures", "condition") == ("Running", 0, "GOOD")
        assert {s.machine.run_id for n, s in it.satellites.items() if n != "run"} == {run_id}
        for _ in range(3):
            await it.client.proxy("a").command("expose")
        await it.client.proxy("b").command("expose")
        await shows(it.run, "exposures", 3)
        await it.do("stop")
        assert it.shown("run_state", "owner", "run_id") == ("Armed", "plan", run_id)
        await it.do("land")
        assert it.shown("run_state", "owner", "exposures", "condition") == ("Idle", "", 3, "GOOD")
        assert it.journal("a") == "initialize launch start stop land"
        await it.do("start", "")
        assert it.shown("run_id")[0].endswith("-0002")  # type: ignore[attr-defined]
        assert it.shown("run_state", "exposures") == ("Running", 0)
        await it.do("land")
        assert it.journal("b") == "initialize launch start stop land launch start stop land"


async def test_owner_keeps_others_from_starting_but_not_from_stopping(toys: Toys) -> None:
    async with bench(toys("a")) as it:
        await it.do("launch", "alice")
        for command in ("launch", "start"):
            with pytest.raises(Refused, match="owned by alice") as caught:
                await it.run.command(command, "bob")
            assert caught.value.code == "owner"
        with pytest.raises(Refused, match="owned by alice"):
            await it.run.command("start", "")
        with pytest.raises(Refused, match="owned by alice"):
            await it.run.set("owner", "bob")
        await it.do("start", "alice")
        with pytest.raises(Refused, match="not possible in Running, only in Idle and Armed") as caught:
            await it.run.command("start", "alice")
        assert caught.value.code == "state"
        await it.do("stop")
        await it.run.set("owner", "")
        await it.run.set("owner", "bob")
        await it.do("start", "bob")
        assert it.shown("owner") == ("bob",)
        await it.do("abort")
        assert it.shown("run_state", "condition", "owner") == ("Aborted", "ABORTED", "bob")
        with pytest.raises(Refused, match="only in Idle and Armed; send reset when its cause is gone"):
            await it.run.command("launch", "bob")
        await it.do("reset")
        assert it.shown("run_state", "owner") == ("Idle", "")


async def test_order_of_launch_and_stop(toys: Toys) -> None:
    async with bench(toys("a", "b", "c", order=("c",))) as it:
        order: list[str] = []
        for proxy in map(it.client.proxy, ("a", "b", "c")):
            proxy.on_state.append(lambda state, name=proxy.name: order.append(f"{name} {state.name}"))
        await it.do("start", "")
        steady = [step for step in order if step.split()[1] in ("ORBIT", "RUN")]
        assert steady == ["c ORBIT", "a ORBIT", "b ORBIT", "c RUN", "a RUN", "b RUN"]
        await it.do("stop")
        # By the members' own stamps: three links bring the news in any order.
        stopped = {name: (await it.client.proxy(name).get("journal")).time_ns for name in ("a", "b", "c")}
        assert sorted(stopped, key=lambda name: stopped[name]) == ["b", "a", "c"]
        await it.do("land")


@pytest.mark.parametrize(
    ("failing", "message", "others"),
    [
        ("launch", "b: launch ended in ERROR: launch failed: b cannot launch", State.INIT),
        ("start", "b: start ended in ERROR: start failed: b cannot start", State.ORBIT),
    ],
)
async def test_a_member_that_fails_on_the_way(toys: Toys, failing: str, message: str, others: State) -> None:
    async with bench(toys("a", "b", options={"b": f'fail = "{failing}"'})) as it:
        await it.do("start", "alice", message=message)
        assert it.states() == {"a": others, "b": State.ERROR}
        assert it.shown("run_state") == ("Error",)
        assert it.run.updates["run_state"].severity is Severity.MAJOR
        with pytest.raises(Refused, match=rf"not possible in Error \(b is ERROR: .*b cannot {failing}"):
            await it.run.command("start", "alice")
        await it.do("land")
        await it.do("reset")
        assert it.states() == {"a": State.INIT, "b": State.INIT}


async def test_a_member_fails_in_the_midst_of_a_run(toys: Toys) -> None:
    async with bench(toys("a", "b"), {"a": Role.DYNAMIC, "b": Role.DYNAMIC}) as it:
        await it.do("start", "alice")
        await it.client.proxy("b").command("trip")
        await shows(it.run, "members", "a SAFE, b ERROR")
        assert it.shown("run_state", "condition") == ("Error", "INTERRUPTED")
        await it.do("reset")
        await it.do("start", "")
        assert it.shown("condition") == ("GOOD",)


async def test_a_member_that_goes_and_comes_back_leaves_the_run_incomplete(toys: Toys) -> None:
    async with bench(toys("a", "b")) as it:
        await it.do("start", "")
        it.satellites["b"].machine.state = State.INIT  # no time to stop and land: it is gone, as if killed
        await it.drop("b")
        await shows(it.run, "members", "a RUN, b DEAD")
        assert it.shown("run_state", "condition") == ("Error", "DEGRADED")
        await it.add("b")
        await shows(it.run, "members", "a RUN, b INIT")
        assert it.shown("run_state", "condition") == ("Running", "INCOMPLETE|DEGRADED")
        assert it.run.updates["run_state"].severity is Severity.MINOR
        await it.do("land")
        assert it.shown("run_state", "condition") == ("Idle", "INCOMPLETE|DEGRADED")


async def test_its_death_stops_nothing_and_it_finds_its_way_back(toys: Toys) -> None:
    async with bench(toys("a", "b")) as it:
        await it.do("start", "alice")
        before = it.shown("run_id", "owner", "started")
        await it.drop("run")
        await it.client.proxy("a").command("expose")
        assert it.states() == {"a": State.RUN, "b": State.RUN}
        await it.conduct()
        await it.run.wait_connected(WAIT_S)
        await shows(it.run, "run_state", "Running")
        await shows(it.run, "exposures", 1)
        assert it.shown("run_id", "owner", "started") == before
        with pytest.raises(Refused, match="only in Idle and Armed"):
            await it.run.command("start", "alice")
        await it.do("land")
        assert it.journal("a") == "initialize launch start stop land"


async def test_a_run_without_a_book_is_adopted_from_an_unknown_owner(toys: Toys) -> None:
    station = toys("a")
    async with bench(station) as it:
        await it.do("start", "alice")
        run_id = it.shown("run_id")
        await it.drop("run")
        (station.data / ".log" / "run.json").write_text("{")
        await it.conduct()
        await it.run.wait_connected(WAIT_S)
        await shows(it.run, "run_state", "Running")
        await shows(it.run, "owner", "unknown")
        assert it.shown("run_id") == run_id
        await it.do("land")
        assert it.shown("owner") == ("",)


async def test_a_readout_that_opens_a_run_of_its_own(toys: Toys) -> None:
    async with bench(toys("a", "b")) as it:
        await it.satellites["a"].move("launch")
        await it.satellites["a"].move("start", "20260101-000000-A")
        await shows(it.run, "run_id", "20260101-000000-A")
        assert it.shown("run_state", "owner") == ("Running", "a")
        with pytest.raises(Refused, match="owned by a;"):
            await it.run.command("start", "alice")
        await it.satellites["a"].move("stop")
        await it.satellites["a"].move("land")
        await shows(it.run, "owner", "")
        await it.do("start", "alice")
        await it.do("land")


async def test_a_command_is_answered_at_once_and_stop_and_abort_break_in(toys: Toys) -> None:
    async with bench(toys("a", "b", options={"b": 'hang = "launch"'})) as it:
        reply = await it.run.command("launch", "alice", timeout_s=1.0)
        assert reply.busy_seq is not None
        await shows(it.run, "busy", True)
        with pytest.raises(Refused, match="not possible while Arming") as caught:
            await it.run.command("start", "alice")
        assert caught.value.code == "busy"
        with pytest.raises(TimeoutError):
            await it.run.wait_idle("launch", reply, 0.2)
        await it.do("stop")
        assert it.states()["a"] is State.ORBIT


async def test_transition_that_does_not_end(toys: Toys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moves, "TRANSITION_S", 0.5)
    async with bench(toys("a", options={"a": 'hang = "launch"'})) as it:
        await it.do("launch", "", message="a: launch has not ended within 0.5 s, it is in LAUNCHING")


async def test_a_stock_satellite_takes_part(toys: Toys, tmp_path: Path) -> None:
    """A satellite of the reference implementation is moved with ours; it was not initialised by anybody."""
    station = toys("a", order=("Mariner.m1", "a"))
    async with bench(station) as it:
        mariner = await asyncio.create_subprocess_exec(
            Path(sys.executable).parent / "SatelliteMariner",
            "-g",
            station.name,
            "-n",
            "m1",
            "-i",
            "lo",
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            await shows(it.run, "members", "m1 NEW, a INIT")
            await it.do("reset")
            await shows(it.run, "members", "m1 INIT, a INIT")
            await it.do("start", "alice")
            assert it.shown("members", "run_state") == ("m1 RUN, a RUN", "Running")
            await it.do("land")
            assert it.shown("members") == ("m1 INIT, a INIT",)
        finally:
            mariner.terminate()
            await mariner.wait()


async def test_no_readout_no_run(toys: Toys) -> None:
    async with bench(toys()) as it:
        with pytest.raises(Refused, match="no readout"):
            await it.run.command("launch", "")
