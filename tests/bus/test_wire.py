"""One socket on the loop: edges, floods, descriptors, monitors. Each test is a trap that ZeroMQ sets."""

import asyncio
import logging
from collections.abc import Iterator

import pytest
import zmq
from hitline.bus.constellation.pack import Malformed
from hitline.bus.wire import DRAIN, Wire
from kit.until import until


@pytest.fixture
def context() -> Iterator[zmq.Context]:
    context = zmq.Context()
    yield context
    context.destroy(linger=0)
    KEPT.clear()


KEPT: list[zmq.Socket] = []


def pair(context: zmq.Context, here: int, there: int) -> tuple[zmq.Socket, zmq.Socket]:
    """Return a bound socket and a plain one that is connected to it."""
    bound, plain = context.socket(here), context.socket(there)
    KEPT.extend((bound, plain))
    port = bound.bind_to_random_port("tcp://127.0.0.1")
    plain.connect(f"tcp://127.0.0.1:{port}")
    return bound, plain


async def test_a_send_does_not_swallow_the_edge_of_an_arrival(context: zmq.Context) -> None:
    """Thousands of answers are sent while requests arrive: none rests in the socket."""
    bound, plain = pair(context, zmq.ROUTER, zmq.DEALER)
    seen = []

    def answer(frames: list[bytes]) -> None:
        seen.append(frames[1])
        wire.send(frames)

    wire = Wire(bound, answer)
    back = []
    dealer = Wire(plain, back.append)
    for round_ in range(30):
        for n in range(100):
            assert dealer.send([f"{round_}.{n}".encode()])
        await until(lambda round_=round_: len(back) == 100 * (round_ + 1))
    assert len(seen) == 3000
    wire.close()
    dealer.close()


async def test_what_waited_before_the_wire_was_made_is_read(context: zmq.Context) -> None:
    bound, plain = pair(context, zmq.PULL, zmq.PUSH)
    plain.send(b"early")
    await until(lambda: bound.poll(0))
    seen: list[list[bytes]] = []
    wire = Wire(bound, seen.append)
    await until(lambda: seen == [[b"early"]])
    wire.close()


async def test_a_flood_leaves_others_their_turn(context: zmq.Context) -> None:
    bound, plain = pair(context, zmq.PULL, zmq.PUSH)
    bound.setsockopt(zmq.RCVHWM, 0)
    count = 20 * DRAIN
    for _ in range(count):
        plain.send(b"x")
    await until(lambda: bound.poll(0))
    seen: list[int] = []
    turns = 0
    wire = Wire(bound, lambda frames: seen.append(turns))
    while len(seen) < count:
        turns += 1
        await asyncio.sleep(0)
    assert max(seen.count(turn) for turn in set(seen)) <= DRAIN
    wire.close()


async def test_bad_messages_are_counted_and_the_wire_lives_on(
    context: zmq.Context, caplog: pytest.LogCaptureFixture
) -> None:
    bound, plain = pair(context, zmq.PULL, zmq.PUSH)
    seen = []

    def receive(frames: list[bytes]) -> None:
        if frames == [b"bad"]:
            raise Malformed("bad")
        if frames == [b"bug"]:
            raise KeyError("bug")
        seen.append(frames)

    wire = Wire(bound, receive)
    with caplog.at_level(logging.ERROR):
        for message in (b"bad", b"bug", b"bad", b"good"):
            plain.send(message)
        await until(lambda: seen == [[b"good"]])
    assert (wire.malformed, wire.errors) == (2, 1)
    assert "a message could not be handled" in caplog.text
    wire.close()


async def test_a_dead_peer_is_noticed_by_the_monitor(context: zmq.Context) -> None:
    bound, plain = pair(context, zmq.XPUB, zmq.SUB)
    lost: list[bool] = []
    wire = Wire(plain, lambda frames: None)
    wire.watch(lambda: lost.append(True))
    publisher = Wire(bound, lambda frames: lost.clear())
    plain.setsockopt(zmq.SUBSCRIBE, b"")
    await until(lambda: bound.getsockopt(zmq.EVENTS) & zmq.POLLOUT)
    await asyncio.sleep(0.1)  # the connection is being made; nothing tells of that here
    assert not lost
    publisher.close()
    await until(lambda: lost)
    wire.close()


async def test_a_reused_descriptor_belongs_to_its_new_owner(context: zmq.Context) -> None:
    """Watched sockets are closed and others made in their place; each new one hears what is sent to it."""
    for _ in range(5):
        bound, plain = pair(context, zmq.XPUB, zmq.SUB)
        plain.setsockopt(zmq.SUBSCRIBE, b"")
        seen: list[list[bytes]] = []
        wire = Wire(plain, seen.append)
        wire.watch(lambda: None)
        publisher = Wire(bound, lambda frames, bound=bound: bound.send(b"hello"))
        await until(lambda seen=seen: seen)
        wire.close()
        wire.close()
        publisher.close()
        assert not wire.send([b"x"])
        wire.drain()


async def test_closing_from_inside_the_callback(context: zmq.Context) -> None:
    bound, plain = pair(context, zmq.PULL, zmq.PUSH)
    seen = []

    def receive(frames: list[bytes]) -> None:
        seen.append(frames)
        wire.close()

    plain.send(b"1")
    plain.send(b"2")
    wire = Wire(bound, receive)
    await until(lambda: seen)
    assert seen == [[b"1"]]


async def test_a_full_or_lonely_socket_says_so(context: zmq.Context) -> None:
    socket = context.socket(zmq.DEALER)
    socket.setsockopt(zmq.IMMEDIATE, 1)
    wire = Wire(socket, lambda frames: None)
    assert not wire.send([b"to nobody"])
    wire.close()
