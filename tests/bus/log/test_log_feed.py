"""The feed: each block once, in order, whatever happens to server, writer, disk or reader."""

import contextlib
import threading

import msgpack
import pytest
import zmq
from hitline.bus.log.block import Condition, Format, Kind, LossMethod
from hitline.bus.log.feed import Cursor, FeedClient, FeedServer
from hitline.bus.log.message import MAX_REQUEST, MessageError, Notice, Reply, Request, decode, encode
from hitline.bus.log.reader import open_run
from hitline.bus.log.recover import recover
from hitline.bus.log.writer import LogWriter
from hypothesis import given
from hypothesis import strategies as st
from kit.patience import WAIT_S
from log_tools import fill


def data_of(reader):
    return [payload for _, kind, _, payload in reader.got if kind == Kind.DATA]


def test_what_is_written_is_read_at_once_and_in_order(server, writer, follow):
    reader = follow(server)
    writer.open("r1")
    reader.wait(lambda r: r.got)
    writer.begin(1)
    payloads = [bytes([n]) * 400_000 for n in range(50)]
    fill(writer, payloads)
    writer.end(1, {"hits_logged": 50 * 50_000})
    writer.close()
    reader.wait_closed("r1")
    assert b"".join(data_of(reader)) == b"".join(payloads)
    assert [seq for _, _, seq, _ in reader.got] == list(range(len(reader.got)))
    assert [kind for _, kind, _, _ in reader.got if kind != Kind.DATA] == [
        Kind.OPEN,
        Kind.BEGIN,
        Kind.END,
        Kind.CLOSE,
    ]
    assert reader.client.lag == 0 and reader.client.available.closed
    assert reader.client.counts == type(reader.client.counts)()


@pytest.mark.parametrize("credit", [1, 5000, 16 * 2**20, 2**40])
def test_any_credit_gives_the_same_blocks(server, writer, follow, credit):
    writer.open("r1")
    fill(writer, [bytes([n]) * 8 * (1 + 997 * n % 3001) for n in range(60)])
    writer.close()
    reader = follow(server, Cursor("r1"), credit=credit)
    reader.wait_closed("r1")
    assert b"".join(data_of(reader)) == b"".join(bytes([n]) * 8 * (1 + 997 * n % 3001) for n in range(60))


def test_reading_goes_on_from_any_cursor(server, writer, follow):
    writer.open("r1")
    for number in range(10):
        fill(writer, [bytes([number]) * 80])
        writer.wait(WAIT_S)
    writer.close()
    first = follow(server, Cursor("r1"))
    first.wait_closed("r1")
    for index, cursor in enumerate(first.cursors[:-1]):
        second = follow(server, cursor)
        second.wait_closed("r1")
        second.end()
        assert second.got == first.got[index + 1 :]


def test_without_a_cursor_it_begins_with_the_open_run_or_the_next(server, writer, follow):
    writer.open("old")
    writer.close()
    early = follow(server)
    writer.open("r1")
    fill(writer, [bytes(80)])
    writer.wait(WAIT_S)
    early.wait(lambda r: len(r.got) == 2)
    late = follow(server)
    late.wait(lambda r: len(r.got) == 2)
    writer.close()
    writer.open("r2")
    writer.close()
    for reader in (early, late):
        reader.wait_closed("r2")
        assert [run for run, kind, _, _ in reader.got if kind == Kind.OPEN] == ["r1", "r2"]
        assert reader.got == early.got


def test_runs_follow_one_another_also_those_of_the_past(server, writer, follow):
    for run in ("z", "a", "m"):
        writer.open(run)
        fill(writer, [run.encode() * 8])
        writer.close()
    reader = follow(server, Cursor("z"))
    reader.wait_closed("m")
    assert data_of(reader) == [b"z" * 8, b"a" * 8, b"m" * 8]


def test_a_server_that_comes_back_elsewhere_is_found_again(tmp_path, server, follow):
    address = [f"tcp://127.0.0.1:{server.port}"]
    writer = LogWriter(tmp_path, "det1", on_marks=lambda marks: current.notify(marks))
    current = server
    reader = follow(lambda: address[0], Cursor("r1"))
    writer.open("r1")
    for number in range(3):
        fill(writer, [bytes([number]) * 80])
        writer.wait(WAIT_S)
        reader.wait(lambda r, n=number: len(data_of(r)) == n + 1)
        current.stop()
        address[0] = None
        current = FeedServer(tmp_path, "det1")
        current.start()
        address[0] = f"tcp://127.0.0.1:{current.port}"
    writer.close()
    reader.wait_closed("r1")
    current.stop()
    assert [payload[0] for payload in data_of(reader)] == [0, 1, 2]
    assert reader.client.reconnects >= 1


def test_a_reader_may_come_before_the_server(tmp_path, follow):
    address = [None]
    reader = follow(lambda: address[0])
    server = FeedServer(tmp_path / "later", "det1")
    server.start()
    address[0] = f"tcp://127.0.0.1:{server.port}"
    writer = LogWriter(tmp_path / "later", "det1", on_marks=server.notify)
    writer.open("r1")
    reader.wait(lambda r: len(r.got) == 1)
    writer.close()
    reader.wait_closed("r1")
    server.stop()


def test_a_dead_writer_ends_when_its_run_is_recovered(tmp_path, server, follow):
    writer = LogWriter(tmp_path, "det1")
    writer.open("r1")
    fill(writer, [bytes(80)])
    writer.wait(WAIT_S)
    file = tmp_path / "r1" / "det1" / "raw-0000000000000000.seg"
    whole = file.read_bytes()
    writer.close()
    file.write_bytes(whole + whole[:100])
    reader = follow(server, Cursor("r1"))
    reader.wait(lambda r: len(r.got) == 2)
    (found,) = recover(tmp_path, "det1")
    assert found.cut_bytes == 100
    reader.wait_closed("r1")
    assert b'"INCOMPLETE"' in reader.got[-1][3]
    assert reader.client.counts.gaps == 0


def test_damage_on_disk_is_counted_and_passed(tmp_path, server, writer, follow):
    writer.open("r1")
    for number in range(6):
        fill(writer, [bytes([number]) * 80])
        writer.wait(WAIT_S)
    writer.close()
    headers = [header for header, _ in open_run(tmp_path / "r1")]
    file = tmp_path / "r1" / "det1" / "raw-0000000000000000.seg"
    data = bytearray(file.read_bytes())
    data[headers[2].offset + 200] ^= 1
    data[headers[4].offset + 5] ^= 1
    file.write_bytes(data)
    reader = follow(server, Cursor("r1"))
    reader.wait_closed("r1")
    assert [payload[0] for payload in data_of(reader)] == [0, 2, 4, 5]
    counts = reader.client.counts
    assert (counts.bad_payloads, counts.gaps, counts.gap_bytes, counts.missing_blocks) == (1, 1, 240, 1)


def test_a_reader_of_a_preview_that_fell_behind_sees_a_counted_gap(tmp_path, server, follow):
    writer = LogWriter(tmp_path, "det1", keep_bytes=2**20, block_bytes=2**16, on_marks=server.notify)
    writer.open("p1")
    fill(writer, [bytes([n]) * 2**16 for n in range(64)])
    writer.close()
    reader = follow(server, Cursor("p1"))
    reader.wait_closed("p1")
    numbers = [payload[0] for payload in data_of(reader)]
    assert numbers == list(range(64))[-len(numbers) :] and len(numbers) < 64
    assert reader.client.counts.gaps == 1
    assert reader.client.counts.missing_blocks == 64 - len(numbers) + 1, "the OPEN block went too"


def test_a_cursor_in_a_run_that_was_removed_goes_on_with_the_newest(server, writer, follow):
    writer.open("r1")
    reader = follow(server, Cursor("gone", 800, 5))
    reader.wait(lambda r: len(r.got) == 1)
    writer.close()
    assert reader.client.counts.lost_runs == 1


def ask(server, *frames):
    """Send raw frames and a good request after them; return the reply to the good one."""
    with zmq.Context() as context, context.socket(zmq.DEALER) as dealer:
        dealer.set(zmq.LINGER, 0)
        dealer.connect(f"tcp://127.0.0.1:{server.port}")
        dealer.send_multipart(frames)
        dealer.send(encode(Request(77, "det1", after=-1)))
        assert dealer.poll(1000 * WAIT_S)
        return decode(Reply, dealer.recv_multipart()[0])


@pytest.mark.parametrize(
    "frames",
    [
        [b""],
        [b"garbage"],
        [b"\xc1"],
        [msgpack.packb([1, 2])],
        [msgpack.packb({"id": "x", "source": "det1"})],
        [msgpack.packb({"id": 1})],
        [msgpack.packb({"id": True, "source": "det1"})],
        [msgpack.packb({"id": 1, "source": "det1", "offset": -5})],
        [msgpack.packb({"id": 2**64 - 1, "source": "det1"})],
        [encode(Request(1, "det1")), b"more"],
        [b"\xdd\xff\xff\xff\xff"],
        [b"\x91" * 4000],
    ],
)
def test_malformed_requests_are_dropped_and_counted(server, frames):
    assert ask(server, *frames).id == 77
    assert server.malformed == 1


def test_an_oversized_request_costs_its_sender_the_connection(server):
    with zmq.Context() as context, context.socket(zmq.DEALER) as dealer:
        dealer.set(zmq.LINGER, 0)
        dealer.connect(f"tcp://127.0.0.1:{server.port}")
        dealer.send(bytes(MAX_REQUEST + 1))
        assert ask(server, b"").id == 77
        assert not dealer.poll(50)


@pytest.mark.parametrize(
    ("request_", "code", "words"),
    [
        (Request(1, "det1", version=2), "version", ("1", "2")),
        (Request(1, "other"), "source", ("other", "det1")),
        (Request(1, "det1", run="nope"), "run", ("nope",)),
        (Request(1, "det1", run="../../etc"), "run", ("etc",)),
    ],
)
def test_what_cannot_be_served_is_said(server, request_, code, words):
    with zmq.Context() as context, context.socket(zmq.DEALER) as dealer:
        dealer.set(zmq.LINGER, 0)
        dealer.connect(f"tcp://127.0.0.1:{server.port}")
        dealer.send(encode(request_))
        assert dealer.poll(1000 * WAIT_S)
        reply, data = dealer.recv_multipart()
    reply = decode(Reply, reply)
    assert reply.code == code and all(word in reply.error for word in words) and data == b""


def test_a_client_that_asks_and_never_reads_is_bounded(server, writer, follow):
    writer.open("r1")
    fill(writer, [bytes(2**20)] * 20)
    writer.wait(WAIT_S)
    with zmq.Context() as context, context.socket(zmq.DEALER) as dealer:
        dealer.set(zmq.LINGER, 0)
        dealer.set(zmq.RCVHWM, 1)
        dealer.connect(f"tcp://127.0.0.1:{server.port}")
        for number in range(60):
            dealer.send(encode(Request(number, "det1", "r1", credit=2**40)))
        reader = follow(server, Cursor("r1"))
        reader.wait(lambda r: len(data_of(r)) == 20)
        assert server.undelivered > 0


class FakeServer(threading.Thread):
    """A server that answers garbage first, then as told."""

    def __init__(self, answers):
        super().__init__()
        self.context = zmq.Context()
        self.router = self.context.socket(zmq.ROUTER)
        self.router.set(zmq.LINGER, 0)
        self.port = self.router.bind_to_random_port("tcp://127.0.0.1")
        self.answers = answers
        self.start()

    def run(self):
        for answer in self.answers:
            peer, raw = self.router.recv_multipart()
            self.router.send_multipart([peer, *answer(decode(Request, raw))])
        self.context.destroy(linger=0)


def test_a_reader_survives_a_lying_server(follow):
    good = FakeServer(
        [
            lambda r: [b"garbage"],
            lambda r: [msgpack.packb({"id": "x"}), b""],
            lambda r: [encode(Reply(r.id + 1)), b""],
            lambda r: [encode(Reply(r.id, "r1", 1, 0, 500, 500)), b"\xff" * 500],
            lambda r: [encode(Reply(r.id, error="enough", code="other")), b""],
        ]
    )
    reader = follow(f"tcp://127.0.0.1:{good.port}", Cursor("r1"))
    good.join(WAIT_S)
    assert not good.is_alive()
    assert reader.got == []
    assert reader._error is None


@given(
    st.binary(max_size=200)
    | st.dictionaries(st.text(max_size=8), st.integers() | st.text()).map(
        lambda d: msgpack.packb(
            {k: v for k, v in d.items() if not isinstance(v, int) or -(2**63) <= v < 2**63}
        )
    )
)
def test_any_bytes_are_a_message_or_a_message_error(raw):
    for kind in (Request, Reply, Notice):
        with contextlib.suppress(MessageError):
            decode(kind, raw)


@given(
    st.builds(
        Request,
        id=st.integers(0, 2**63 - 1),
        source=st.text(max_size=20),
        run=st.text(max_size=20),
        offset=st.integers(0, 2**63 - 1),
        after=st.integers(-1, 2**40),
        credit=st.integers(0, 2**40),
    )
)
def test_requests_come_back(request_):
    assert decode(Request, encode(request_)) == request_


def test_a_block_that_ends_an_exposure_waits_for_nothing(server, tmp_path):
    """Notice, request, reply; the time for which data are gathered is never over here."""
    writer = LogWriter(tmp_path, "det1", flush_s=100 * WAIT_S, on_marks=server.notify)
    client, stop = FeedClient(f"tcp://127.0.0.1:{server.port}", "det1"), threading.Event()
    read = threading.Semaphore(0)

    def run():
        for _ in client.follow(None, stop):
            read.release()

    thread = threading.Thread(target=run)
    thread.start()
    writer.open("r1")
    read.acquire(timeout=WAIT_S)
    for number in range(40):
        fill(writer, [b"12345678"])
        writer.end(number, {})
        assert read.acquire(timeout=WAIT_S) and read.acquire(timeout=WAIT_S), "data and END"
    writer.close()
    stop.set()
    thread.join(WAIT_S)


def test_the_condition_of_a_run_reaches_its_reader(server, writer, follow):
    reader = follow(server)
    writer.open("r1")
    reader.wait(lambda r: r.got)
    writer.data(bytes(8), words=1, format=Format.TPX3_WORDS, method=LossMethod.UNKNOWN)
    writer.close(Condition.ABORTED)
    reader.wait_closed("r1")
    assert b'"condition":"ABORTED"' in reader.got[-1][3] and b'"lost":null' in reader.got[-1][3]
