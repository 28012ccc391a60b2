"""What a proxy shows: every value with its quality, at once when the link is lost, anew when it is back."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bus_toy import Toy
from hitline.bus import publish
from hitline.bus.attribute import Attribute, Refused, Severity, Update
from hitline.bus.constellation import cmdp
from hitline.bus.instrument import Instrument
from hitline.bus.node import Node
from hitline.bus.proxy import Proxy
from hitline.bus.satellite import Satellite
from hitline.bus.states import State
from hitline.bus.values import quality
from kit.patience import WAIT_S
from kit.until import until


async def test_a_proxy_exists_before_its_satellite(node: Node) -> None:
    proxy = node.proxy("ONE")
    assert (proxy.state, proxy.connected, proxy.status) == (State.DEAD, False, "not found yet")
    assert {n: u.value for n, u in proxy.updates.items()} == {
        "state": "DEAD",
        "status_text": "not found yet",
        "connected": False,
    }
    with pytest.raises(Refused, match="nothing was sent") as refusal:
        await proxy.get("voltage")
    assert refusal.value.code == "link"
    satellite = Satellite(Toy("one"))
    node.add(satellite)
    await satellite.start()
    await proxy.wait_connected(WAIT_S)
    assert node.proxy("one") is proxy is node.proxy("toy.one")
    assert proxy.updates["state"].value == "NEW" and proxy.updates["connected"].value is True


async def test_satellites_that_appear_are_told(
    node: Node, member: Callable[..., Awaitable[Satellite]]
) -> None:
    seen: list[str] = []
    node.on_proxy.append(lambda proxy: seen.append(proxy.canonical))
    known = node.proxy("b")
    await asyncio.gather(member("a"), member("b"))
    await until(lambda: sorted(seen) == ["Toy.a", "Toy.b"])
    assert node.proxies["b"] is known
    assert node.proxies["a"].state is State.NEW and not node.proxies["a"].connected  # nobody asked for it yet
    await node.proxies["a"].wait_connected(WAIT_S)


async def test_two_types_of_one_name(node: Node, satellite: Satellite) -> None:
    class Other(Toy):
        pass

    other = Satellite(Other("one"))
    node.add(other)
    await until(lambda: "one" in node.proxies)
    await other.start()
    await until(lambda: "other.one" in node.proxies)
    assert node.proxy("one").canonical == "Toy.one"
    assert node.proxy("Other.one").canonical == "Other.one"
    await node.proxy("other.ONE").wait_connected(WAIT_S)


async def test_listeners_get_all_and_then_each(proxy: Proxy, toy: Toy) -> None:
    seen: list[tuple[str, Any]] = []
    end = proxy.listen(lambda name, update: seen.append((name, update.value)))
    assert ("voltage", -50.0) in seen and ("state", "INIT") in seen
    seen.clear()
    toy.publish("count", 1, Severity.MINOR, "drifts")
    await until(lambda: ("count", 1) in seen)
    assert proxy.updates["count"] == toy.board.updates["count"]
    end()
    end()
    toy.publish("count", 2)
    await until(lambda: proxy.updates["count"].value == 2)
    assert ("count", 2) not in seen


async def test_a_listener_that_fails_hurts_nobody(
    proxy: Proxy, toy: Toy, caplog: pytest.LogCaptureFixture
) -> None:
    def bad(name: str, update: Update) -> None:
        raise KeyError(name)

    proxy.listen(bad)
    seen: list[str] = []
    proxy.listen(lambda name, update: seen.append(name))
    toy.publish("count", 5)
    await until(lambda: "count" in seen)
    assert "a listener failed on count" in caplog.text


async def test_prefixes_are_told_apart(node: Node) -> None:
    """A subscription to STAT/VOLT also delivers STAT/VOLT_MEASURED: receivers compare the whole name."""

    class Two(Instrument):
        ATTRIBUTES = (Attribute("volt", "float", "Asked"), Attribute("volt_measured", "float", "Read back"))

    satellite = Satellite(Two("two"))
    node.add(satellite)
    await satellite.start()
    proxy = node.proxy("two")
    await proxy.wait_connected(WAIT_S)
    satellite.instrument.publish("volt_measured", 2.0)
    satellite.instrument.publish("volt", 1.0)
    await until(lambda: "volt" in proxy.updates and "volt_measured" in proxy.updates)
    assert (proxy.updates["volt"].value, proxy.updates["volt_measured"].value) == (1.0, 2.0)


async def test_a_late_subscriber_gets_everything_and_disturbs_nobody(
    proxy: Proxy, toy: Toy, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publish, "CHUNK", 2)
    shown: list[tuple[str, int]] = []
    proxy.listen(lambda name, update: shown.append((name, update.seq)))
    await until(lambda: len(toy.board.updates) >= 8)
    shown.clear()
    async with Node(group, "late") as late:
        other = late.proxy("one")
        await other.wait_connected(WAIT_S)
        assert {n: u for n, u in other.updates.items() if n in toy.board.attributes} == toy.board.updates
        await proxy.get("voltage")
    assert [row for row in shown if row[0] not in ("loop_lag", "malformed")] == []


async def test_nothing_is_sent_unless_somebody_listens_but_all_is_counted(
    satellite: Satellite, toy: Toy, node: Node
) -> None:
    sent: list[Any] = []
    original = satellite.publisher.metrics.wire.send
    satellite.publisher.metrics.wire.send = lambda frames: sent.append(frames) or original(frames)
    for n in range(10):
        toy.publish("count", n)
    assert not sent and toy.board.updates["count"].seq == 11
    proxy = node.proxy("one")
    await proxy.wait_connected(WAIT_S)
    assert proxy.updates["count"].seq == 11 and proxy.gaps == 0
    toy.publish("count", 11)
    await until(lambda: proxy.updates["count"].value == 11)
    assert sent and proxy.gaps == 0


async def test_a_lost_update_is_noticed_and_read_again(proxy: Proxy, toy: Toy, satellite: Satellite) -> None:
    toy.publish("count", 1)
    await until(lambda: proxy.updates["count"].value == 1)
    toy.on_update = lambda name, update: None
    toy.publish("count", 2)  # lost on the way
    toy.on_update = satellite._updated
    toy.publish("count", 3)
    await until(lambda: proxy.updates["count"].value == 3)
    assert proxy.gaps == 1


async def test_a_lost_last_update_is_found_by_the_audit(
    node: Node, satellite: Satellite, toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hitline.bus.session.AUDIT_S", 0.1)
    proxy = node.proxy("one")
    await proxy.wait_connected(WAIT_S)
    toy.on_update = lambda name, update: None
    newest = toy.publish("count", 4)  # lost, and nothing follows
    await until(lambda: proxy.updates["count"] == newest)
    toy.on_update = satellite._updated


async def test_a_wait_for_the_end_survives_a_lost_update(
    proxy: Proxy, toy: Toy, satellite: Satellite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hitline.bus.proxy.IDLE_POLL_S", 0.05)
    reply = await proxy.set("voltage", -3.0)
    toy.on_update = lambda name, update: None
    toy.publish("ramping", False)
    await proxy.wait_idle("voltage", reply, WAIT_S)
    toy.on_update = satellite._updated


async def test_garbage_on_the_metrics_socket_is_dropped(proxy: Proxy, toy: Toy, satellite: Satellite) -> None:
    wire = satellite.publisher.metrics.wire
    good = quality(Update(1, 1, seq=900, epoch=toy.board.epoch))
    for frames in (
        [b"STAT/COUNT"],
        [b"STAT/COUNT", b"", b""],
        [b"STAT/\xff", b"x", b"y"],
        cmdp.encode(cmdp.Metric("Toy.one", 1, "count", 5, "", {"seq": "x"})),
        cmdp.encode(cmdp.Metric("Toy.one", 1, "count", b"1234", "", {**good, "dtype": "<i4", "shape": [1]})),
        cmdp.encode(cmdp.Metric("Toy.one", 1, "count", {"a": 1}, "", good)),
        cmdp.encode(cmdp.Metric("Toy.one", 1, "nonsense", 5, "", good)),
    ):
        wire.send(frames)
    toy.publish("count", 77)
    await until(lambda: proxy.updates["count"].value == 77)
    assert proxy._session is not None and proxy._session.stream.malformed == 6
    assert proxy._session.stream._wires[0].errors == 0


async def test_another_version_is_not_used(
    node: Node, satellite: Satellite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hitline.bus.requests.agree", lambda *args: None)
    monkeypatch.setattr("hitline.bus.description.PROTOCOL", "2.0")
    proxy = node.proxy("one")
    monkeypatch.setattr("hitline.bus.session.parse", _parse_as_version_one)
    await until(lambda: proxy.trouble)
    assert "version 2.0" in proxy.status and "1.0" in proxy.status and not proxy.connected
    with pytest.raises(TimeoutError, match=r"version 2\.0"):
        await proxy.wait_connected(0.2)


def _parse_as_version_one(reply: Any) -> Any:
    from hitline.bus.description import agree

    agree(reply["protocol"], "1.0", "protocol")


async def test_without_arrays(group: str, satellite: Satellite, toy: Toy) -> None:
    toy.publish("image", np.zeros((8, 8)))
    async with Node(group, "plain", arrays=False) as node:
        proxy = node.proxy("one")
        await proxy.wait_connected(WAIT_S)
        toy.publish("image", np.ones((8, 8)))
        toy.publish("count", 1)
        await until(lambda: proxy.updates["count"].value == 1)
        assert "image" not in proxy.updates
        assert (await proxy.get("image")).value.sum() == 64


async def test_a_stalled_reader_of_images_costs_little(proxy: Proxy, toy: Toy, satellite: Satellite) -> None:
    """The arrays socket keeps three images for a slow reader, not a thousand; the newest comes after all."""
    assert satellite.publisher.arrays is not None
    for n in range(200):
        toy.publish("image", np.full((8, 8), n))
    await until(lambda: proxy.updates.get("image") and proxy.updates["image"].value[0, 0] == 199)


@pytest.mark.parametrize("lost", [False, True])
async def test_an_image_is_shown_before_what_was_published_behind_it(
    lost: bool, proxy: Proxy, toy: Toy, satellite: Satellite
) -> None:
    """Two sockets, one order: no exposure number without its image, even if that was dropped on the way."""
    arrays = satellite.publisher.arrays
    assert arrays is not None
    toy.publish("image", np.zeros((8, 8)))
    await until(lambda: "image" in proxy.updates)
    wrong: list[tuple[int, int]] = []
    shown: list[int] = []

    def heard(name: str, update: Update) -> None:
        if name == "count" and update.value:
            shown.append(update.value)
            image = proxy.updates["image"].value[0, 0]
            if image != update.value:
                wrong.append((update.value, image))

    proxy.listen(heard)
    if lost:
        arrays.wire.send = lambda frames: False
    for n in range(1, 4 if lost else 200):
        toy.publish("image", np.full((8, 8), n))
        toy.publish("count", n)
        await until(lambda n=n: shown and shown[-1] == n)
    assert wrong == []
    assert proxy.gaps == (3 if lost else 0)


async def test_many_satellites_in_one_process(group: str) -> None:
    async with Node(group, "all") as node:
        satellites = [Satellite(Toy(f"t{n}")) for n in range(10)]
        for satellite in satellites:
            node.add(satellite)
        await asyncio.gather(*(s.start() for s in satellites))
        proxies = [node.proxy(f"t{n}") for n in range(10)]
        await asyncio.gather(*(p.wait_connected(WAIT_S) for p in proxies))
        await asyncio.gather(*(p.set("label", p.name) for p in proxies))
        assert [s.instrument.value("label") for s in satellites] == [f"t{n}" for n in range(10)]
        # One heartbeat subscription for each, shared by all ten and by their proxies.
        assert len(node.peers) == 10
        for satellite in satellites:
            assert await _subscribers(satellite) == 1


async def _subscribers(satellite: Satellite) -> int:
    """Count who hears its heartbeat, by asking the kernel for connections to that port."""
    port = f":{satellite.heart.port:04X}"
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(row[1].endswith(port) and row[3] == "01" for row in rows)
