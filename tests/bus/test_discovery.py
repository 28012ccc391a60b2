"""Beacons: repeated, answered, malformed, in floods; and where sockets are bound."""

import asyncio
import socket
import time

import pytest
from hitline.bus import beacon
from hitline.bus.constellation import chirp
from hitline.bus.node import Node
from hitline.bus.proxy import Proxy
from hitline.bus.satellite import Satellite
from kit.until import until


async def test_offers_are_repeated(satellite: Satellite, node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also at once after the loop has stalled: C++ peers that declared us dead hear no other word."""
    offers: list[float] = []
    monkeypatch.setattr(node._beacons, "offer", lambda: offers.append(time.monotonic()))
    await asyncio.sleep(0.2)
    assert offers == []
    end = time.monotonic() + 1.2
    while time.monotonic() < end:
        pass  # a blocking driver call
    await until(lambda: offers)


async def test_malformed_and_foreign_beacons(
    alone_on_multicast: None, node: Node, satellite: Satellite, proxy: Proxy, group: str
) -> None:
    sender = beacon.Beacons("other" + group, "x", "127.0.0.1", lambda found, address: None)
    sender.open()
    good = chirp.encode(
        chirp.Beacon(chirp.Kind.OFFER, chirp.identity(group), b"h" * 16, chirp.Service.CONTROL, 9)
    )
    flood = [
        b"",
        b"x" * 42,
        good[:41],
        good + b"x",
        good[:6] + b"\x09" + good[7:],
        good[:-3] + b"\x07\x00\x01",
    ]
    before = node.malformed
    for datagram in flood:
        for udp in sender._senders:
            udp.sendto(datagram, (chirp.ADDRESS, chirp.PORT))
    await until(lambda: node.malformed == before + len(flood))
    sender.offer()
    assert len(node.peers) == 1
    await until(lambda: satellite.instrument.value("malformed") >= len(flood))
    assert proxy.connected
    sender.close()


async def test_one_satellite_heard_on_two_interfaces_is_one(
    node: Node, satellite: Satellite, proxy: Proxy
) -> None:
    peer = node.peers[satellite.host]
    before = dict(peer.services)
    for service, (_, port) in before.items():
        node._watch.offers = lambda host, service: None  # as in a process that it does not belong to
        node._heard(
            chirp.Beacon(chirp.Kind.OFFER, satellite.host, satellite.host, service, port), "192.0.2.1"
        )
    assert peer.services == before and proxy.connected
    for address, bound in (("127.0.0.1", "tcp://127.0.0.1"), ("192.0.2.1", "tcp://*")):
        assert Node("g", "n", interface=address).bind == bound


async def test_a_flood_of_names_is_bounded(
    node: Node, satellite: Satellite, proxy: Proxy, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hitline.bus.watch.MOST_PEERS", 5)
    for n in range(50):
        node._heard(
            chirp.Beacon(
                chirp.Kind.OFFER, chirp.identity(group), bytes([n] * 16), chirp.Service.HEARTBEAT, 1
            ),
            "127.0.0.1",
        )
    assert len(node.peers) == 5
    await proxy.set("label", "still here")


async def test_requests_are_answered_once_for_many(
    satellite: Satellite, node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[chirp.Beacon] = []
    monkeypatch.setattr(node._beacons, "_send", sent.append)
    for _ in range(100):
        node._beacons._answer_soon(chirp.Service.CONTROL)
    await until(lambda: sent)
    await asyncio.sleep(beacon.ANSWER_WITHIN_S)
    assert [(b.kind, b.service, b.port) for b in sent] == [
        (chirp.Kind.OFFER, chirp.Service.CONTROL, satellite.server.port)
    ]


async def test_loopback_binds_loopback_only(satellite: Satellite) -> None:
    with socket.socket() as probe, pytest.raises(ConnectionRefusedError):
        probe.connect(
            ("127.0.0.2", satellite.server.port)
        )  # every socket bound to * accepts this one on Linux
    with pytest.raises(ValueError, match="not an IPv4 address"):
        Node("g", "n", interface="eth0")
