"""A live satellite under fire: whatever is sent, every envelope is answered and it serves on."""

import asyncio
import random

import pytest
import zmq
from bus_toy import Toy
from hitline.bus import publish
from hitline.bus.constellation import cscp
from hitline.bus.constellation.cscp import Message, Type
from hitline.bus.proxy import Proxy
from hitline.bus.satellite import Satellite
from hitline.bus.states import State
from kit.until import until

COUNTS = [
    pytest.param(300, id="some"),
    pytest.param(20_000, id="many", marks=[pytest.mark.faults, pytest.mark.timeout(300)]),
]
VERBS = (
    "get",
    "set",
    "describe",
    "launch",
    "start",
    "add",
    "get_state",
    "get_commands",
    "reconfigure",
    "nothing",
    "",
)
SAFE_VALUES = (
    None,
    [],
    {},
    "x",
    1.5,
    ["voltage", 5],
    ["table", b"12345678"],
    [["voltage"]],
    {"a": [1]},
    [1] * 50,
    ["label", "\u2028"],
    ["voltage", float("nan")],
    ["mode", 10**18],
    [b"\xff", None],
)


def shot(dice: random.Random) -> list[bytes]:
    """Return frames that may be anything between garbage and a request, mutated by a few bytes."""
    tags = dice.choice(
        ({}, {"deadline": 0}, {"deadline": "x"}, {"deadline": 2**63}, {"dtype": "<f8", "shape": [1]})
    )
    frames = cscp.encode(
        Message(
            "x",
            dice.randrange(2**62),
            dice.choice(list(Type)),
            dice.choice(VERBS),
            dice.choice(SAFE_VALUES),
            tags,
        )
    )
    for _ in range(dice.choice((0, 0, 1, 3))):
        which = dice.randrange(len(frames))
        frame = bytearray(frames[which])
        if frame:
            frame[dice.randrange(len(frame))] = dice.randrange(256)
        frames[which] = (
            bytes(frame[: dice.randrange(len(frame) + 1)]) if dice.random() < 0.2 else bytes(frame)
        )
    if dice.random() < 0.1:
        frames = [dice.randbytes(dice.randrange(40)) for _ in range(dice.randrange(1, 6))]
    return frames


@pytest.mark.parametrize("count", COUNTS)
async def test_requests_that_nobody_would_send(
    count: int, satellite: Satellite, toy: Toy, proxy: Proxy
) -> None:
    dice = random.Random(count)
    toy.gate.set()
    with zmq.Context() as context, context.socket(zmq.DEALER) as peer:
        peer.setsockopt(zmq.LINGER, 0)
        peer.connect(f"tcp://127.0.0.1:{satellite.server.port}")
        waiting = 0
        for n in range(count):
            peer.send_multipart([b"%d" % n, b"", *shot(dice)])
            waiting += 1
            while waiting > 50 or (n == count - 1 and waiting):
                await until(lambda: peer.poll(0))
                reply = peer.recv_multipart()
                assert reply[1] == b"" and cscp.decode(reply[2:]).type is not Type.REQUEST
                waiting -= 1
    assert satellite.server.malformed > count / 20
    assert satellite.server.wire.errors == 0 and satellite.state in (State.INIT, State.ORBIT, State.RUN)
    assert (await proxy.get("voltage")).value <= 0


@pytest.mark.parametrize("count", COUNTS)
async def test_subscriptions_that_nobody_would_make(
    count: int, satellite: Satellite, toy: Toy, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publish, "MOST_TOPICS", 40)
    dice = random.Random(count)
    assert satellite.publisher.arrays is not None
    sockets = [
        (satellite.publisher.metrics.port, satellite.publisher.metrics.wire),
        (satellite.publisher.arrays.port, satellite.publisher.arrays.wire),
        (satellite.heart.port, satellite.heart.wire),
    ]
    with zmq.Context() as context:
        for port, wire in sockets:
            with context.socket(zmq.XSUB) as peer:
                peer.setsockopt(zmq.LINGER, 0)
                peer.connect(f"tcp://127.0.0.1:{port}")
                for n in range(count // 3):
                    peer.send(
                        bytes([dice.choice((0, 1, 1, 2, 255))])
                        + dice.choice((b"STAT/", b"LOG", b"STAT?", b"", dice.randbytes(dice.randrange(30))))
                    )
                    if n % 50 == 0:
                        await asyncio.sleep(0)
            assert wire.errors == 0
    toy.publish("count", 5)
    await until(lambda: proxy.updates["count"].value == 5)
    assert len(satellite.publisher.metrics.subscriptions) <= 40
