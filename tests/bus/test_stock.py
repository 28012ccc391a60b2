"""Together with the stock Python package over real sockets: its controller and listener on ours, our proxy on
its satellites."""

import asyncio
import gc
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
import zmq
from bus_toy import Toy, in_thread
from constellation.core.controller import ScriptableController
from constellation.core.listener import StandaloneListener
from constellation.core.protocol.cscp1 import SatelliteState
from hitline.bus.attribute import Refused, Severity
from hitline.bus.node import Node
from hitline.bus.proxy import Proxy
from hitline.bus.satellite import Satellite
from hitline.bus.states import Role, State
from kit.patience import WAIT_S
from kit.until import until, wait_until

# The stock package gives each heartbeat peer a context of its own and never closes it.
pytestmark = pytest.mark.filterwarnings("ignore:Unclosed context:ResourceWarning")
CYCLE = (
    ("initialize", {}, "INIT"),
    ("launch", None, "ORBIT"),
    ("reconfigure", {}, "ORBIT"),
    ("start", "run_1", "RUN"),
    ("stop", None, "ORBIT"),
    ("land", None, "INIT"),
)


@pytest.fixture(autouse=True)
def swept(alone_on_multicast: None) -> Iterator[None]:
    """Let what the stock package left behind die here and not in somebody else's test."""
    yield
    gc.collect()


class Listener(StandaloneListener):
    """Keeps what it hears."""

    def __init__(self, group: str) -> None:
        self.metrics: dict[str, tuple[Any, str]] = {}
        self.logs: list[tuple[str, str]] = []
        self.listed: dict[str, dict[str, str]] = {}
        super().__init__("listener", group, ["lo"])

    def receive_metric(self, sender: str, metric: Any, timestamp: Any, value: Any) -> None:
        self.metrics[metric.name] = (value, metric.unit)

    def receive_log(self, record: Any) -> None:
        self.logs.append((record.levelname, record.getMessage()))

    def receive_notification(self, sender: str, topics_prefix: str, topics: dict[str, str]) -> None:
        self.listed[topics_prefix] = topics


async def test_the_stock_controller_drives_ours(satellite: Satellite, toy: Toy, group: str) -> None:
    def drive() -> dict[str, Any]:
        controller = ScriptableController(group, "CRITICAL", "ctrl", ["lo"])
        try:
            controller.await_n_satellites(1, WAIT_S)
            one = controller.constellation.Toy.one
            seen = {}
            for verb, payload, state in CYCLE:
                reply = getattr(one, verb)(payload)
                assert reply.success and reply.msg == "transitioning", (verb, reply)
                wait_until(lambda verb=verb: one.get_status().msg == f"{verb} done", what=f"{verb} done")
                controller.await_state(SatelliteState[state], WAIT_S)
                assert one.get_state().msg == state
                if verb == "start":
                    seen["running"] = one.get_run_id().msg
                    seen["illegal"] = one.launch()
            for verb in (
                "get_name",
                "get_status",
                "get_role",
                "get_config",
                "get_commands",
                "_get_commands",
                "get_version",
                "describe",
                "get",
            ):
                seen[verb] = getattr(one, verb)()
            seen["state"] = one.get_state()
            seen["add"] = one.add([1, 2.5])
            seen["short"] = one.add([1])
            seen["limit"] = one.set(["voltage", 5.0])
            seen["set"] = one.set(["voltage", -5.0])
            seen["failure"] = one._failure()
            seen["shutdown"] = one.shutdown()
            wait_until(lambda: not controller.constellation.satellites, what="it has left")
            return seen
        finally:
            controller.terminate()

    seen = await in_thread(drive)
    assert toy.calls[:6] == ["initialize", "launch", "reconfigure", "start", "stop", "land"]
    assert seen["running"] == "run_1"
    assert not seen["illegal"].success and "only in INIT" in seen["illegal"].errmsg
    assert seen["get_name"].msg == "Toy.one" and seen["get_role"].msg == "NONE"
    assert seen["get_status"].msg == "land done" and seen["get_config"].payload == {}
    assert "add" in seen["get_commands"].payload and "do_stop" in seen["get_commands"].payload
    assert set(seen["_get_commands"].payload) == {"_get_commands", "_interrupt", "_failure"}
    assert seen["state"].payload == 0x20 and seen["state"].meta["last_changed"]
    assert seen["describe"].payload["attributes"]["voltage"]["unit"] == "V"
    assert seen["get"].payload["voltage"]["value"] == -50.0
    assert seen["add"].payload == 3.5
    assert "list of 2 arguments" in seen["short"].errmsg and "limit of 0.0 V" in seen["limit"].errmsg
    assert seen["set"].payload == -5.0 and seen["set"].meta["busy"] == 2
    assert seen["failure"].success and seen["shutdown"].success
    await asyncio.wait_for(satellite.closed.wait(), WAIT_S)


async def test_the_stock_listener_hears_ours(satellite: Satellite, toy: Toy, group: str) -> None:
    listener = await in_thread(lambda: Listener(group))
    listening = asyncio.create_task(in_thread(listener.run_listener))
    try:
        listener.set_topics(["STAT/", "STAT?", "LOG?", "LOG/STATUS"])
        await until(lambda: {"LABEL", "VOLTAGE", "STATE"} <= set(listener.metrics))
        await until(lambda: {"STAT", "LOG"} <= set(listener.listed))
        assert listener.metrics["VOLTAGE"] == (-50.0, "V")  # before anything changed: the snapshot
        assert listener.metrics["STATE"] == ("NEW", "")
        assert listener.listed["STAT"]["VOLTAGE"] == "Bias voltage"
        assert "IMAGE" not in listener.listed["STAT"] and "FSM" in listener.listed["LOG"]
        await satellite.move("initialize")
        toy.publish("voltage", -7.5, Severity.MAJOR, "drooping")
        toy.publish("image", [[1]])
        await until(
            lambda: listener.metrics["VOLTAGE"] == (-7.5, "V") and listener.metrics["STATE"] == ("INIT", "")
        )
        await until(lambda: ("STATUS", "INIT: initialize done") in listener.logs)
        await until(lambda: listener.metrics.get("IMAGE_SEQ") == (1, ""))
        assert "IMAGE" not in listener.metrics
    finally:
        listener._com_thread_evt.set()
        await listening


async def test_our_proxy_drives_a_stock_satellite(
    node: Node, run_stock: Callable[..., Awaitable[Any]]
) -> None:
    await run_stock("Mariner", "m")
    proxy = node.proxy("Mariner.m")
    await proxy.wait_connected(WAIT_S)
    assert "get_attitude" in proxy.commands and proxy.name == "m"
    with pytest.raises(Refused) as refusal:
        await proxy.command("get_attitude")
    assert refusal.value.code == "state"
    for verb, payload, state in CYCLE:
        if verb != "reconfigure":  # Mariner has none
            await proxy.transition(verb, payload)
            await proxy.wait_state(State[state], timeout_s=WAIT_S)
    assert (await proxy.command("get_attitude")).value == 0
    brightness = await until(lambda: proxy.updates.get("brightness"))
    assert 94 <= brightness.value <= 96 and brightness.severity is Severity.OK
    assert proxy.attributes["brightness"].dtype == "int" and proxy.attributes["brightness"].unit == "lm"
    assert (await proxy.get("brightness")) == proxy.updates["brightness"]
    await proxy.transition("failure")
    await proxy.wait_state(State.ERROR, timeout_s=WAIT_S)
    assert proxy.updates["state"].severity is Severity.MAJOR
    with pytest.raises(Refused) as refusal:
        await proxy.set("brightness", 1)
    assert refusal.value.code == "unknown"


async def test_requests_to_a_stock_satellite_go_one_by_one(
    node: Node, run_stock: Callable[..., Awaitable[Any]]
) -> None:
    await run_stock("PyRandomTransmitter", "tx")
    proxy = node.proxy("tx")
    await proxy.wait_connected(WAIT_S)
    replies = await asyncio.gather(*(proxy.command("get_name", timeout_s=WAIT_S) for _ in range(10)))
    assert len(replies) == 10
    await proxy.transition("initialize")
    await proxy.wait_state(State.INIT, timeout_s=WAIT_S)


async def test_conditions_keep_the_order_with_a_stock_satellite(
    node: Node, satellite: Satellite, proxy: Proxy, run_stock: Callable[..., Awaitable[Any]]
) -> None:
    """Ours launches after the stock one, which starts and lands after ours."""
    await run_stock("Mariner", "m")
    stock = node.proxy("Mariner.m")
    await stock.wait_connected(WAIT_S)
    await proxy.transition("initialize", {"_conditions": {"require_launching_after": ["Mariner.m"]}})
    await proxy.wait_state(State.INIT, timeout_s=WAIT_S)
    conditions = {"require_starting_after": ["Toy.one"], "require_landing_after": ["Toy.one"]}
    await stock.transition("initialize", {"_conditions": conditions, "_autonomy": {"role": "NONE"}})
    await stock.wait_state(State.INIT, timeout_s=WAIT_S)
    order: list[str] = []
    for name, one in (("ours", proxy), ("stock", stock)):
        one.on_state.append(lambda state, name=name: order.append(f"{name} {state.name}"))
    await proxy.transition("launch")
    await proxy.wait_state(State.LAUNCHING, timeout_s=WAIT_S)
    await stock.transition("launch")
    await proxy.wait_state(State.ORBIT, timeout_s=WAIT_S)
    assert order.index("stock ORBIT") < order.index("ours ORBIT")
    # It judges by our heartbeats, which a request can overtake. Once it has seen us in RUN, INIT is over.
    for one in (proxy, stock):
        await one.transition("start", "r1")
    await stock.wait_state(State.RUN, timeout_s=WAIT_S)
    for one in (stock, proxy):
        await one.transition("stop")
        await one.wait_state(State.ORBIT, timeout_s=WAIT_S)
    order.clear()
    await stock.transition("land")
    await stock.wait_state(State.LANDING, timeout_s=WAIT_S)
    await proxy.transition("land")
    await stock.wait_state(State.INIT, timeout_s=WAIT_S)
    assert order.index("ours INIT") < order.index("stock INIT")


async def test_what_a_stock_controller_cannot_do_to_us(satellite: Satellite, group: str) -> None:
    """A REQ peer that sends something unreadable gets an answer of type ERROR, or it would hang for good."""
    with zmq.Context() as context, context.socket(zmq.REQ) as peer:
        peer.connect(f"tcp://127.0.0.1:{satellite.server.port}")
        for frames in ([b"x"], [b"x", b"y"], [b"x"] * 9, [b"\xa5CSCP\x01", b""]):
            peer.send_multipart(frames)
            await until(lambda: peer.poll(0))
            assert peer.recv_multipart()[1][:1] == b"\x06"
    assert satellite.server.malformed == 4
    assert satellite.role is Role.NONE
