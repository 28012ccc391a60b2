"""The text of docs/bus.md, tried: its golden bytes, a bare client, and an instrument of zmq and msgpack."""

import re
import socket
import sys
from collections.abc import Awaitable, Callable
from hashlib import md5
from pathlib import Path
from typing import Any

import msgpack
import pytest
import zmq
from bus_toy import Toy
from hitline.bus.attribute import Refused, Severity
from hitline.bus.constellation import chirp, chp, cmdp, cscp
from hitline.bus.node import Node
from hitline.bus.satellite import Satellite
from hitline.bus.states import HeartbeatFlag, State
from kit.patience import WAIT_S
from kit.until import until

DOCUMENT = (Path(__file__).parents[2] / "docs" / "bus.md").read_text()
GOLDEN = {
    name: [bytes.fromhex(line) for line in block.split("\n")]
    for name, block in re.findall(r"```golden (\S+)\n(.*?)\n```", DOCUMENT, re.S)
}
TIME_NS = 1_700_000_000_123_456_789
LIMIT = "voltage: 5.0 V is above the limit of 0.0 V"
QUALITY = {"seq": 7, "sev": 1, "epoch": TIME_NS, "status": "drifts"}
ARRAY = {"seq": 1, "sev": 0, "epoch": TIME_NS, "dtype": "<i4", "shape": [1, 2]}
MADE = {
    "offer": [
        chirp.encode(
            chirp.Beacon(
                chirp.Kind.OFFER,
                chirp.identity("bench"),
                chirp.identity("Toy.one"),
                chirp.Service.CONTROL,
                0x1234,
            )
        )
    ],
    "beat": chp.encode(chp.Beat("Toy.one", TIME_NS, State.RUN, HeartbeatFlag(6), 500, "start done")),
    "set-request": cscp.encode(
        cscp.Message(
            "n", TIME_NS, cscp.Type.REQUEST, "set", ["voltage", -20.0], {"deadline": TIME_NS + 2 * 10**9}
        )
    ),
    "set-reply": cscp.encode(
        cscp.Message("Toy.one", TIME_NS, cscp.Type.SUCCESS, "voltage = -20.0 V", -20.0, {"busy": 7})
    ),
    "set-refused": cscp.encode(
        cscp.Message("Toy.one", TIME_NS, cscp.Type.INCOMPLETE, LIMIT, None, {"code": "limit"})
    ),
    "metric": cmdp.encode(cmdp.Metric("Toy.one", TIME_NS, "voltage", -20.0, "V", QUALITY)),
    "array": cmdp.encode(cmdp.Metric("Toy.one", TIME_NS, "image", b"\1\0\0\0\2\0\0\0", "", ARRAY)),
}


def test_the_document_has_all_examples() -> None:
    assert set(GOLDEN) == set(MADE)


@pytest.mark.parametrize("name", MADE)
def test_examples_are_what_we_send(name: str) -> None:
    assert GOLDEN[name] == MADE[name]


def test_the_document_lists_every_code_and_state() -> None:
    for word in (
        *(s.name for s in State if s.steady and s is not State.DEAD),
        *(
            f"`{c}`"
            for c in (
                "type",
                "limit",
                "unknown",
                "state",
                "interlock",
                "access",
                "owner",
                "busy",
                "late",
                "link",
                "version",
                "failed",
                "loop_lag",
                "malformed",
                "degraded",
            )
        ),
    ):
        assert word in DOCUMENT, word
    for state in State:
        assert f"{state.name.lower()} {state:02x}" in DOCUMENT.lower() or state is State.DEAD


def objects(frame: bytes) -> list[Any]:
    unpacker = msgpack.Unpacker()
    unpacker.feed(frame)
    return list(unpacker)


async def ask(peer: zmq.Socket, frames: list[bytes]) -> list[list[Any]]:
    peer.send_multipart(frames)
    await until(lambda: peer.poll(0))
    return [objects(frame) for frame in peer.recv_multipart()]


async def test_a_bare_client(satellite: Satellite, toy: Toy) -> None:
    """The golden request as it stands is too late by years; without its deadline it is carried out."""
    await satellite.move("initialize")
    with zmq.Context() as context, context.socket(zmq.REQ) as req, context.socket(zmq.SUB) as sub:
        req.connect(f"tcp://127.0.0.1:{satellite.server.port}")
        sub.connect(f"tcp://127.0.0.1:{satellite.publisher.metrics.port}")
        sub.subscribe(b"STAT/VOLTAGE")
        await until(lambda: sub.poll(0))
        topic, header, payload = sub.recv_multipart()
        assert topic == b"STAT/VOLTAGE" and objects(payload) == [-50.0, 0, "V"]
        assert objects(header)[3] == {"seq": 1, "sev": 0, "epoch": toy.board.epoch, "again": True}
        header, verb, *_ = await ask(req, GOLDEN["set-request"])
        assert verb[0] == 4 and header[3]["code"] == "late" and toy.value("voltage") == -50.0
        head = GOLDEN["set-request"][0]
        timeless = head[: head.index(b"\x81\xa8deadline")] + b"\x80"
        header, verb, value = await ask(req, [timeless, *GOLDEN["set-request"][1:]])
        assert verb == [1, "voltage = -20.0 V"] and value == [-20.0] and header[:2] == ["CSCP\x01", "Toy.one"]
        assert header[3] == {"busy": 2, "after": ["voltage", 2, toy.board.epoch]}
        await until(lambda: sub.poll(0))
        assert objects(sub.recv_multipart()[2]) == [-20.0, 0, "V"]
        header, verb, *_ = await ask(req, [timeless, msgpack.packb(0) + msgpack.packb("GET_STATE")])
        assert verb == [1, "INIT"] and isinstance(header[3]["last_changed"], msgpack.Timestamp)
        header, verb, *rest = await ask(req, [timeless, b"\x00\xa3set", msgpack.packb(["voltage", 5.0])])
        assert [verb[0], verb[1], header[3]["code"]] == [3, LIMIT, "limit"] and not rest


async def test_a_bare_heartbeat(satellite: Satellite) -> None:
    """A newcomer is told everything, each change comes at once, and then a beat every 400 to 450 ms."""
    with zmq.Context() as context, context.socket(zmq.SUB) as sub:

        async def beat() -> tuple[list[Any], list[bytes]]:
            await until(lambda: sub.poll(0))
            head, *status = sub.recv_multipart()
            return objects(head), status

        sub.connect(f"tcp://127.0.0.1:{satellite.heart.port}")
        sub.subscribe(b"")
        seen = [await beat()]
        await satellite.move("initialize", {})
        while seen[-1][1] != [b"initialize done"]:
            seen.append(await beat())
        assert seen[0][0][:2] == ["CHP\x01", "Toy.one"] and seen[0][0][5] == 500
        assert seen[-1][0][3:5] == [0x20, 0x80]
        regular = [await beat() for _ in range(3)]
        assert all(head[3:5] == [0x20, 0] and not status for head, status in regular[1:])
        times = [head[2].to_unix() for head, _ in regular]
        assert times[2] - times[1] > 0.35


async def test_an_http_client_on_each_port(satellite: Satellite, toy: Toy, node: Node) -> None:
    proxy = node.proxy("one")
    await proxy.wait_connected(WAIT_S)
    assert satellite.publisher.arrays is not None
    for port in (
        satellite.server.port,
        satellite.heart.port,
        satellite.publisher.metrics.port,
        satellite.publisher.arrays.port,
    ):
        with socket.create_connection(("127.0.0.1", port)) as browser:
            browser.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" + b"\xff" * 1000)
    await proxy.set("label", "unharmed")


async def test_a_request_that_is_too_large_costs_its_sender_the_connection(
    satellite: Satellite, node: Node
) -> None:
    proxy = node.proxy("one")
    await proxy.wait_connected(WAIT_S)
    with zmq.Context() as context, context.socket(zmq.DEALER) as peer:
        peer.setsockopt(zmq.LINGER, 0)
        peer.connect(f"tcp://127.0.0.1:{satellite.server.port}")
        peer.send_multipart([b"", *GOLDEN["set-request"][:2], bytes(9 << 20)])
        peer.send_multipart([b"", *GOLDEN["set-request"]])
        await proxy.set("label", "unharmed")
    with pytest.raises(Refused, match="no command"):
        await proxy._here().link.ask("x" * 10_000)


async def test_an_instrument_written_by_the_document(
    node: Node, group: str, run: Callable[..., Awaitable[Any]]
) -> None:
    """Nothing of ours is imported there; our proxy uses it like any other."""
    program = await run(sys.executable, "-I", str(Path(__file__).parent / "bare_instrument.py"), group)
    proxy = node.proxy("Bare.thermometer")
    try:
        await proxy.wait_connected(WAIT_S)
    except TimeoutError:
        pytest.fail(f"{program.lines}")
    assert proxy.attributes["setpoint"].high == 100.0 and proxy.attributes["setpoint"].unit == "K"
    assert proxy.updates["temperature"].value == 4.2
    await proxy.transition("initialize")
    await proxy.wait_state(State.INIT, timeout_s=WAIT_S)
    reply = await proxy.set("setpoint", 10.0)
    await proxy.wait_idle("setpoint", reply, WAIT_S)
    assert proxy.updates["temperature"].value == 10.0
    with pytest.raises(Refused, match="above the limit of 100 K") as refusal:
        await proxy.set("setpoint", 200.0)
    assert refusal.value.code == "limit"
    with pytest.raises(Refused) as refusal:
        await proxy.command("dance")
    assert refusal.value.code == "unknown"
    assert proxy.gaps == 0
    program.process.kill()
    await until(lambda: not proxy.connected)
    assert proxy.updates["temperature"].severity is Severity.INVALID


def test_the_written_instrument_imports_nothing_of_ours() -> None:
    source = (Path(__file__).parent / "bare_instrument.py").read_text()
    assert "hitline" not in source
    assert md5(b"bench", usedforsecurity=False).digest() == GOLDEN["offer"][0][7:23]
