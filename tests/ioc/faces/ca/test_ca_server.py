"""The server among bad company: clients that stop, flood, leave in the middle, or speak no Channel Access.

Invariant: whatever one client does, a good client beside it is answered, nothing grows without bound, and the
server goes on.
"""

import asyncio
import logging
import os
import random
import signal
import socket
import struct

import caproto as ca
import numpy as np
import psutil
import pytest
from ca_rig import Libca
from hitline.bus.attribute import Refused, Update
from hitline.db.records import Record
from hitline.ioc.faces.ca import circuit, quiet
from hitline.ioc.faces.ca.put import Put
from hitline.ioc.faces.ca.record import RecordChannel
from hitline.ioc.faces.ca.server import Context, beacon_addresses, bound
from kit.patience import WAIT_S
from kit.until import until

READ = lambda client: ca.AccessRights.READ  # noqa: E731
WRITE = lambda client: ca.AccessRights.READ | ca.AccessRights.WRITE  # noqa: E731


class Served:
    """A server with an image, scalars and a set-point, without a bus behind it."""

    def __init__(self, port: int, prefix: str, scalars: int = 5) -> None:
        self.prefix, self.puts = prefix, []
        made = [
            Record("waveform", "Image", {"FTVL": "LONG", "NELM": "65536"}),
            Record("ao", "Set", {}),
            *(Record("ai", f"V{n}", {}) for n in range(scalars)),
        ]
        self.records = {
            prefix + r.name: RecordChannel(r, WRITE if r.name == "Set" else READ, READ) for r in made
        }
        self.server = Context(self.find, self.put, port=port)

    def find(self, name: str):
        base, _, field = name.partition(".")
        record = self.records.get(base)
        return record and (record.field(field.partition("{")[0] or "VAL"))

    async def put(self, put: Put) -> None:
        self.puts.append(put)
        raise Refused("limit", "no")

    def show(self, name: str, value) -> None:
        self.records[self.prefix + name].show(value, Update(value, 1_700_000_000_000_000_000))

    async def publish(self, hz: float, stop: asyncio.Event, scalars: int) -> None:
        """New values of everything, `hz` times a second."""
        n = 0
        while not stop.is_set():
            n += 1
            self.show("Image", np.full(65536, n, "<i4"))
            for i in range(scalars):
                self.show(f"V{i}", float(n))
            await asyncio.sleep(1 / hz)


@pytest.fixture
async def served(ca_port: int, prefix: str):
    made = Served(ca_port, prefix)
    await made.server.start()
    yield made
    await made.server.stop()


def connect(port: int) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", port), 5)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def subscribe_raw(
    sock: socket.socket, name: str, *, data_type: int = 5, count: int = 0, mask: int = 7
) -> None:
    """Open a channel and monitor it, in plain bytes; nothing is read after that."""
    payload = name.encode().ljust(-(-len(name) // 8) * 8 + 8, b"\0")
    sock.sendall(
        struct.pack(">HHHHII", 0, 0, 0, 13, 0, 0)
        + struct.pack(">HHHHII", 18, len(payload), 0, 0, 1, 13)
        + payload
    )
    command = sid = None
    while command != 18:
        head = sock.recv(16, socket.MSG_WAITALL)
        command, size, _, length, _, sid = struct.unpack(">HHHHII", head)
        if size == 0xFFFF and length == 0:
            size, _ = struct.unpack(">II", sock.recv(8, socket.MSG_WAITALL))
        sock.recv(size, socket.MSG_WAITALL)
    sock.sendall(
        struct.pack(">HHHHII", 1, 16, data_type, count, sid, 7) + struct.pack(">fffHH", 0, 0, 0, mask, 0)
    )


async def served_well(libca: Libca, prefix: str) -> bool:
    """Whether each of ten reads is answered, over a new channel; how soon is told by bench/ca.py."""
    return await libca(f"all(get('{prefix}V0') is not None for _ in range(10))")


@pytest.mark.parametrize(
    "seconds", [3.0, pytest.param(60.0, marks=[pytest.mark.faults, pytest.mark.timeout(120)])]
)
async def test_stopped_image_monitor_does_not_hurt_others(served: Served, libca: Libca, seconds: float):
    """Stock caproto: the healthy client falls to 0 updates a second and memory grows without end."""
    stop = asyncio.Event()
    bad = Libca(EPICS_CA_SERVER_PORT=str(served.server.port))
    publisher = asyncio.create_task(served.publish(50, stop, 5))
    try:
        await bad(f"watch('{served.prefix}Image').until(lambda h: len(h) > 2)")
        await libca(f"watch('{served.prefix}Image').until(lambda h: len(h) > 2)")
        os.kill(bad.pid, signal.SIGSTOP)
        rss = psutil.Process().memory_info().rss
        await asyncio.sleep(seconds)
        image = f"watch('{served.prefix}Image')"
        heard = await libca(f"len({image}.heard)")
        assert await libca(f"{image}.until(lambda h: len(h) > {heard + 20}) and True")
        assert await served_well(libca, served.prefix)
        assert served.server.dropped > 10, "nothing was dropped: the other client was never slow"
        assert psutil.Process().memory_info().rss - rss < 50e6
        os.kill(bad.pid, signal.SIGCONT)
        last = await bad(
            f"(lambda n: watch('{served.prefix}Image').until(lambda h: len(h) > n + 5) and True)"
            f"(len(watch('{served.prefix}Image').heard))"
        )
        assert last, "the stopped client does not come back"
    finally:
        os.kill(bad.pid, signal.SIGCONT)
        bad.close()
        stop.set()
        await publisher


@pytest.mark.parametrize(
    "rounds", [3, pytest.param(60, marks=[pytest.mark.faults, pytest.mark.timeout(300)])]
)
async def test_clients_leaving_under_overload(served: Served, libca: Libca, rounds: int):
    """Stock caproto: `deque mutated during iteration`, and the server ends."""
    stop = asyncio.Event()
    publisher = asyncio.create_task(served.publish(2000, stop, 5))
    try:
        for _ in range(rounds):
            socks = [connect(served.server.port) for _ in range(4)]
            for sock in socks:
                await libca.beside(subscribe_raw, sock, f"{served.prefix}Image")
            await asyncio.sleep(0.1)
            for sock in socks:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                sock.close()
        assert await served_well(libca, served.prefix)
    finally:
        stop.set()
        await publisher
    await until(lambda: len(served.server.circuits) <= 1, what=lambda: f"{served.server.circuits} left")
    assert len([s for s in served.server.subscriptions.values() for _ in s]) <= 1


def message(*header: int, payload: bytes = b"") -> bytes:
    """command, payload size, type, count, parameter 1, parameter 2."""
    return struct.pack(">HHHHII", *header) + payload


NAME = b"NAME-OF-A-CHANNEL\0\0\0\0\0\0\0"

SEEDS = [
    message(0, 0, 0, 13, 0, 0),
    message(18, 24, 0, 0, 1, 13, payload=NAME),
    message(0, 0, 0, 13, 0, 0) + message(18, 24, 0, 0, 1, 13, payload=NAME),
    message(15, 0, 6, 1, 0, 1),
    message(1, 16, 6, 1, 0, 1, payload=struct.pack(">fffHH", 0, 0, 0, 7, 0)),
    message(19, 8, 6, 1, 0, 2, payload=struct.pack(">d", 1.5)),
    message(4, 8, 6, 1, 0, 2, payload=b"\0" * 8),
    message(2, 0, 6, 1, 0, 1),
    message(12, 0, 0, 0, 0, 1),
    message(23, 0, 0, 0, 0, 0),
    message(20, 8, 0, 0, 0, 0, payload=b"user\0\0\0\0"),
    message(6, 24, 5, 13, 1, 1, payload=NAME),
    struct.pack(">HHHHIIII", 4, 0xFFFF, 6, 0, 0, 0, 0xFFFFFFF0, 1),
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
]


def mutated(random_: random.Random, name: str) -> bytes:
    """Some messages in any order, a few bytes of them changed, sometimes cut."""
    data = bytearray(b"".join(random_.choices(SEEDS, k=random_.randint(1, 6))))
    data = data.replace(NAME, name.encode().ljust(24, b"\0"))
    for _ in range(random_.randint(0, 6)):
        data[random_.randrange(len(data))] = random_.randrange(256)
    return bytes(data[: random_.randint(1, len(data))]) if random_.random() < 0.3 else bytes(data)


@pytest.mark.parametrize(
    "count", [600, pytest.param(5000, marks=[pytest.mark.faults, pytest.mark.timeout(300)])]
)
async def test_malformed_bytes(served: Served, libca: Libca, count: int, caplog):
    """Whole and byte by byte, TCP and UDP: the good client is answered, the log stays short."""
    quiet.install()
    random_ = random.Random(4711)
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    caplog.set_level(logging.WARNING)
    for number in range(count):
        data = mutated(random_, served.prefix + random_.choice(("V0", "Set", "Image", "V1.HIGH", "V2.{x")))
        udp.sendto(data[:1400], ("127.0.0.1", served.server.port))
        _, writer = await asyncio.open_connection("127.0.0.1", served.server.port)
        pieces = [data[i : i + 1] for i in range(len(data))] if number % 5 == 0 else [data]
        try:
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
            await asyncio.sleep(0)
        except OSError:
            pass
        writer.transport.abort()
    udp.close()
    assert await served_well(libca, served.prefix)
    assert len(caplog.records) < 10 + count / 10
    assert not any(record.exc_info for record in caplog.records)


async def test_announced_giant_is_refused_before_memory_is_taken(served: Served, libca: Libca):
    sock = connect(served.server.port)
    sock.sendall(SEEDS[0] + struct.pack(">HHHHIIII", 4, 0xFFFF, 6, 0, 0, 0, 0xFFFFFFF0, 1) + b"x" * 100)
    sock.settimeout(WAIT_S)
    try:
        while await libca.beside(sock.recv, 4096):
            pass
    except ConnectionResetError:
        pass
    sock.close()


async def test_flood_of_requests_gives_way_to_others(served: Served, libca: Libca):
    """One client asks as fast as it can and reads nothing."""
    await libca(f"get('{served.prefix}V0')")
    sock = connect(served.server.port)
    await libca.beside(subscribe_raw, sock, f"{served.prefix}V1")
    sock.setblocking(False)
    stop = asyncio.Event()

    async def flood() -> None:
        echo = struct.pack(">HHHHII", 23, 0, 0, 0, 0, 0) * 1000
        while not stop.is_set():
            try:
                sock.send(echo)
            except BlockingIOError:
                await asyncio.sleep(0.001)
            await asyncio.sleep(0)

    flooding = asyncio.create_task(flood())
    await asyncio.sleep(0.2)
    assert await served_well(libca, served.prefix)
    stop.set()
    await flooding
    sock.close()


async def test_too_many_clients_are_closed(served: Served, monkeypatch):
    monkeypatch.setattr("hitline.ioc.faces.ca.server.MAX_CLIENTS", 3)
    pairs = [await asyncio.open_connection("127.0.0.1", served.server.port) for _ in range(5)]
    for reader, _ in pairs[3:]:
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await asyncio.wait_for(reader.readexactly(1), WAIT_S)
    assert len(served.server.circuits) == 3
    for _, writer in pairs:
        writer.transport.abort()


async def test_client_that_never_reads_is_dropped_in_the_end(served: Served, monkeypatch, libca: Libca):
    monkeypatch.setattr(circuit, "SEND_TIMEOUT_S", 0.5)
    sock = connect(served.server.port)
    await libca.beside(subscribe_raw, sock, f"{served.prefix}Image")
    stop = asyncio.Event()
    publisher = asyncio.create_task(served.publish(100, stop, 0))
    try:
        await until(lambda: not served.server.circuits)
    finally:
        stop.set()
        await publisher
    assert not [c for c in served.server.circuits if c.who.address == "127.0.0.1"]
    sock.close()


async def test_closed_channels_and_failed_names_leave_nothing_behind(served: Served, libca: Libca):
    """Stock caproto keeps the subscriptions of a cleared channel and every channel that failed."""
    await libca(
        f"X = pv('{served.prefix}V2')\n"
        f"for n in range(20):\n"
        f"    w = Watched('{served.prefix}V3')\n"
        f"    w.until(len)\n"
        f"    w.pv.disconnect()\n"
    )
    await libca(f"get('{served.prefix}V2')")
    (link,) = served.server.circuits
    live = [s for subs in served.server.subscriptions.values() for s in subs]
    assert len(live) <= 1 and len(link.circuit.channels) <= 4
    reader, writer = await asyncio.open_connection("127.0.0.1", served.server.port)
    writer.write(SEEDS[0])
    for cid in range(50):
        name = (b"no such name" if cid % 2 else f"{served.prefix}V0.{{bad".encode()).ljust(24, b"\0")
        writer.write(struct.pack(">HHHHII", 18, 24, 0, 0, cid, 13) + name)
    await writer.drain()
    got = b""
    while got.count(struct.pack(">HH", 26, 0)) < 50:
        got += await asyncio.wait_for(reader.read(4096), WAIT_S)
    (other,) = (c for c in served.server.circuits if c is not link)
    assert not other.circuit.channels
    writer.transport.abort()


async def test_small_answers_are_not_held_back(served: Served):
    """Sockets of accepted connections do not inherit asyncio's TCP_NODELAY."""
    _, writer = await asyncio.open_connection("127.0.0.1", served.server.port)
    while not served.server.circuits:
        await asyncio.sleep(0)
    (link,) = served.server.circuits
    sock = link.client.writer.get_extra_info("socket")
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    writer.transport.abort()


def test_one_port_for_search_and_connections(free_port: int):
    tcp, udp = bound("127.0.0.1", 0)
    assert tcp.getsockname() == udp.getsockname()
    with pytest.raises(OSError, match=rf"port {tcp.getsockname()[1]} .*\[faces.ca\]"):
        bound("127.0.0.1", tcp.getsockname()[1])
    tcp.close()
    udp.close()


def test_beacons_go_where_clients_are(monkeypatch):
    assert beacon_addresses("127.0.0.1") == []  # tests switch them off
    monkeypatch.setenv("EPICS_CAS_AUTO_BEACON_ADDR_LIST", "YES")
    monkeypatch.setenv("EPICS_CA_REPEATER_PORT", "5999")
    assert beacon_addresses("127.0.0.1") == [("127.0.0.1", 5999)]
    monkeypatch.setenv("EPICS_CAS_BEACON_ADDR_LIST", "10.0.0.255 10.1.0.255:77")
    assert beacon_addresses("10.0.0.1") == [
        ("10.0.0.255", 5999),
        ("10.1.0.255", 77),
        ("255.255.255.255", 5999),
    ]


async def test_beacons_are_sent_and_nobody_listening_is_no_error(served_beacons, caplog):
    sock, server = served_beacons
    loop = asyncio.get_running_loop()
    first = await asyncio.wait_for(loop.sock_recv(sock, 100), WAIT_S)
    command, _, version, port, number, address = struct.unpack(">HHHHII", first)
    assert (command, version, port, address) == (13, 13, server.port, 0)
    second = await asyncio.wait_for(loop.sock_recv(sock, 100), WAIT_S)
    assert struct.unpack(">HHHHII", second)[4] == number + 1
    sock.close()
    await asyncio.sleep(0.2)
    assert not caplog.records


@pytest.fixture
async def served_beacons(monkeypatch, free_port, prefix):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    sock.setblocking(False)
    monkeypatch.setenv(
        "EPICS_CAS_BEACON_ADDR_LIST", f"127.0.0.1:{sock.getsockname()[1]} 127.0.0.1:{free_port}"
    )
    made = Served(0, prefix)
    await made.server.start()
    yield sock, made.server
    await made.server.stop()
    sock.close()
