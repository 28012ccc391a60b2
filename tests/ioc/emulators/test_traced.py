"""A trace played to a client: in order, oftener, unknown requests, streams with and without their spacing."""

import asyncio
import socket
from pathlib import Path

import pytest
from hitline.ioc.emulators.script import Script
from hitline.ioc.emulators.traced import Traced
from hitline.ioc.trace_file import Header, Record, Skipped
from kit.patience import WAIT_S

HEADER = Header("det1", "katherine", "0", "", {"data_port": 1556})


def ask(op: int, payload: int = 0) -> bytes:
    return payload.to_bytes(4, "little") + bytes((0, 0, op, 0))


CHIP, STATUS, START, STOP, ACK = ask(0x0B), ask(0x17), ask(0x03, 1), ask(0x06, 1), ask(0x04)


def out(t_ns: int, data: bytes) -> Record:
    return Record(t_ns, True, "control", data)


def came(t_ns: int, data: bytes, channel: str = "control") -> Record:
    return Record(t_ns, False, channel, data)


def answers(script: Script, request: bytes) -> list[bytes] | None:
    turn = script.reply(request)
    return turn and [data for _, data in turn.answers]


def test_the_same_question_is_answered_in_the_order_of_the_trace_then_like_the_last_time() -> None:
    script = Script(
        [out(0, STATUS), came(5, b"1"), out(9, CHIP), came(12, b"c"), out(20, STATUS), came(21, b"2")]
    )
    said = [answers(script, request) for request in (STATUS, CHIP, STATUS, STATUS, STATUS)]
    assert said == [[b"1"], [b"c"], [b"2"], [b"2"], [b"2"]]
    assert (script.matched, script.repeated, script.unknown) == (3, 2, {})


def test_unknown_questions_are_counted_and_not_answered() -> None:
    script = Script([out(0, STATUS), came(5, b"1")])
    assert answers(script, CHIP) is None
    assert answers(script, CHIP) is None
    assert (script.unknown, script.matched) == ({CHIP: 2}, 0)


def test_times_are_after_the_request() -> None:
    script = Script([out(100, STATUS), came(150, b"1"), came(170, b"2")])
    turn = script.reply(STATUS)
    assert turn is not None and turn.answers == [(50, b"1"), (70, b"2")]


def test_data_wait_for_the_start_and_not_for_the_poll_between() -> None:
    records = [
        out(0, START), came(1, b"d1", "data"), out(5, STATUS), came(6, b"s"), came(7, b"d2", "data"),
        out(8, CHIP), out(9, STOP), came(10, b"c"), came(11, b"d3", "data"),
    ]  # fmt: skip
    script = Script(records, "katherine")
    start, status, stop = (script.reply(request) for request in (START, STATUS, STOP))
    assert start and status and stop
    assert start.stream == [(1, b"d1"), (7, b"d2")] and start.answers == []
    assert status.answers == [(1, b"s")] and status.stream == []
    assert stop.stream == [(2, b"d3")] and stop.answers == [], "stop overtook, the answer is to the question"
    assert answers(script, CHIP) == [b"c"]


def test_of_other_instruments_all_belongs_to_the_request_before() -> None:
    script = Script([out(0, b"*IDN?"), came(1, b"x"), came(2, b"d", "data")], "unknown")
    turn = script.reply(b"*IDN?")
    assert turn is not None and (turn.answers, turn.stream) == ([(1, b"x")], [(2, b"d")])


def test_an_upload_is_acknowledged_after_its_last_piece() -> None:
    piece = bytes(1024)
    script = Script([out(0, ask(0x12)), *[out(1, piece)] * 64, came(9, b"ack")], "katherine")
    assert answers(script, ask(0x12)) == []
    assert [answers(script, piece) for _ in range(64)] == [[]] * 63 + [[b"ack"]]
    assert script.repeated == 0


def test_what_the_trace_lacks_is_kept() -> None:
    gap = Skipped(5, "data", 10, 13560, "full")
    script = Script([came(0, b"early"), out(1, STATUS), gap])
    assert (script.early, script.skipped) == (1, [gap])


@pytest.fixture
def make(tmp_path: Path):
    def write(*records: Record | Skipped) -> Path:
        path = tmp_path / "det1.trace"
        path.write_text(HEADER.line() + "".join(record.line() for record in records))
        return path

    return write


class Client:
    """A control and a data socket."""

    def __init__(self, played: Traced) -> None:
        self.where = (played.address, played.port)
        self.control, self.data = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        for made in (self.control, self.data):
            made.bind(("127.0.0.1", 0))
            made.setblocking(False)
        played.stream_port = self.data.getsockname()[1]

    def send(self, data: bytes) -> None:
        self.control.sendto(data, self.where)

    async def ask(self, data: bytes) -> bytes:
        self.send(data)
        return await self.receive(self.control)

    async def receive(self, made: socket.socket) -> bytes:
        loop = asyncio.get_running_loop()
        data, source = await asyncio.wait_for(loop.sock_recvfrom(made, 2048), WAIT_S)
        assert source[0] == self.where[0], "answers come from the address that was asked"
        return data

    def close(self) -> None:
        self.control.close()
        self.data.close()


@pytest.mark.parametrize("timed", [False, True])
async def test_over_udp(make, timed: bool, caplog: pytest.LogCaptureFixture) -> None:
    stream = [came(1000 + n * 100_000, n.to_bytes(6, "little"), "data") for n in range(100)]
    path = make(out(0, STATUS), came(500, b"status12"), out(600, START), *stream, out(90_000_000, STOP),
                came(90_100_000, b"end..E", "data"))  # fmt: skip
    async with Traced(path, timed=timed) as played:
        client = Client(played)
        assert await client.ask(STATUS) == b"status12"
        client.send(CHIP)
        client.send(START)
        for n in range(100):
            assert await client.receive(client.data) == n.to_bytes(6, "little")
        client.send(STOP)
        assert await client.receive(client.data) == b"end..E"
        client.close()
    assert played.sent == 101
    assert (played.script.matched, played.script.unknown) == (3, {CHIP: 1})
    assert "not in the trace, not answered: 0x0b chip id" in caplog.text


async def test_a_stop_hurries_what_is_still_to_come(make) -> None:
    """With the spacing of the trace the second datagram would come after an hour."""
    late = came(3_600_000_000_000, b"second", "data")
    path = make(out(0, START), came(1, b"first.", "data"), late, out(4, STOP), came(5, b"end..E", "data"))
    async with Traced(path, timed=True) as played:
        client = Client(played)
        client.send(START)
        assert await client.receive(client.data) == b"first."
        client.send(STOP)
        assert await client.receive(client.data) == b"second"
        assert await client.receive(client.data) == b"end..E"
        client.close()


async def test_the_port_of_the_stream_is_that_of_the_trace(make) -> None:
    async with Traced(make(out(0, STATUS), Skipped(1, "data", 3, 9, "full"))) as played:
        assert played.stream_port == 1556
        assert played.script.skipped[0].records == 3
