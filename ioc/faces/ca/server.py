"""The Channel Access server: sockets, searches, beacons, and the list of clients.

Built on caproto's asyncio server, with these parts replaced (see `circuit` for a client's connection):

* Updates go straight to the clients' bounded outboxes (`Fanout`). Caproto passes them through a queue whose
  loop iterates over a list that a leaving client changes (then the server ends), and which blocks for all
  clients when one of them does not read.
* Searches are answered as they come. Caproto queues each datagram by a coroutine of its own, and an exception
  in its receive loop ends the server.
* Beacons use an unconnected socket: a connected one raises at every beacon while no repeater listens.
* The port is the one asked for, TCP and UDP alike; caproto takes another TCP port when that is busy, and an
  IOC on loopback is then never found.
* Starting and stopping are separate calls, and stopping leaves nothing behind.
"""

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Callable
from typing import Any

import caproto as ca
from caproto.asyncio import server as stock
from caproto.asyncio.utils import _TransportWrapper

from .channel import Channel
from .circuit import Circuit
from .event import Event
from .put import Putter

MAX_CLIENTS = 500
"""More connections are closed at once. Each costs some 30 kB and a file descriptor of the 4096."""

UNSENT_BYTES = 1 << 17
"""What the kernel keeps unsent for a client: more shows slow clients older values, less costs wake-ups."""

BEACON_FIRST_S, BEACON_LAST_S = 0.02, 15.0
"""Beacons begin fast, so that clients notice a restart, and slow down by doubling, as the protocol wants."""

ANY = "0.0.0.0"  # noqa: S104 (the protocol's word for "where this came from"; nothing is bound here)

log = logging.getLogger("hitline.ca")


class Fanout:
    """Stands where caproto has its subscription queue; hands each update at once to its clients."""

    def __init__(self, context: "Context") -> None:
        self._context = context

    async def put(self, update: Any) -> None:
        """Take the first value of a new subscription."""
        self.send(update.sub_specs, update.metadata, update.values, update.sub)

    def send(self, specs: tuple[Any, ...], metadata: Any, values: Any, only: Any = None) -> None:
        """Hand one value to the subscribers of `specs`."""
        event = Event(metadata, values)
        for spec in specs:
            for sub in (only,) if only else tuple(self._context.subscriptions.get(spec, ())):
                sub.circuit.update(sub, event)


class _Search(asyncio.DatagramProtocol):
    def __init__(self, context: "Context") -> None:
        self._context = context
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, address: Any) -> None:
        if self._transport is not None and (answer := self._context.searched(data, address)):
            self._transport.sendto(answer, address)


class Context(stock.Context):
    """A server for the channels that `find` knows. `start` and `stop` on a running loop."""

    def __init__(
        self,
        find: Callable[[str], Channel | None],
        putter: Putter,
        *,
        interface: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        super().__init__({}, [interface])
        self.find = find
        self.putter = putter
        self.interface = interface
        self.ca_server_port = port
        self.subscription_queue: Any = Fanout(self)
        self.dropped_before = 0
        """Updates dropped for clients that have left."""
        self.on_clients: Callable[[int], None] = lambda count: None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._tcp: asyncio.Server | None = None
        self._udp: asyncio.DatagramTransport | None = None

    def __getitem__(self, name: str) -> Channel:
        channel = self.find(name)
        if channel is None:
            raise ca.CaprotoKeyError(f"no channel {name!r}")
        return channel

    @property
    def dropped(self) -> int:
        """Updates that slow clients have missed, the newest of each PV excepted."""
        return self.dropped_before + sum(circuit.outbox.dropped for circuit in self.circuits)

    async def start(self) -> None:
        """Listen. Raises OSError with the port when it is taken."""
        tcp, udp = bound(self.interface, self.ca_server_port)
        self.port = self.ca_server_port = tcp.getsockname()[1]
        self._tcp = await asyncio.start_server(self._accept, sock=tcp)
        loop = asyncio.get_running_loop()
        self._udp, _ = await loop.create_datagram_endpoint(lambda: _Search(self), sock=udp)
        self._spawn(self.broadcast_beacon_loop())

    async def stop(self) -> None:
        """Close every connection and socket."""
        if self._tcp is not None:
            self._tcp.close()
        if self._udp is not None:
            self._udp.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for circuit in tuple(self.circuits):  # their task was cancelled before its first step
            circuit.client.writer.transport.abort()
            self.forget(circuit)
        await asyncio.sleep(0)  # transports close at the next turn of the loop

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = writer.get_extra_info("peername")
        if peer is None or len(self.circuits) >= MAX_CLIENTS:
            log.warning("connection from %s closed: %d clients are the most", peer, MAX_CLIENTS)
            writer.transport.abort()
            return
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        # asyncio sets it on sockets that say TCP themselves, which accepted ones do not: without it a put and
        # the read after it take 40 ms more (Nagle against delayed acknowledgements)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if hasattr(socket, "TCP_NOTSENT_LOWAT"):  # megabytes in the kernel would be seconds of old values
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)
        circuit = Circuit(ca.VirtualCircuit(ca.SERVER, peer, None), _TransportWrapper(reader, writer), self)
        self.circuits.add(circuit)
        self.on_clients(len(self.circuits))
        self._spawn(circuit.serve())

    def forget(self, circuit: Circuit) -> None:
        """Take a client off the list."""
        self.dropped_before += circuit.outbox.dropped
        self.circuits.discard(circuit)
        self.on_clients(len(self.circuits))

    def searched(self, data: bytes, address: tuple[str, int]) -> bytes:
        """Answer one datagram: the names in it that are ours; nothing to anything else."""
        try:
            commands = self.broadcaster.recv(data, address)
            self.broadcaster.process_commands(commands)
        except ca.CaprotoError as error:
            log.debug("bad search from %s: %s", address, error)
            return b""
        # The address of the answer, not its sender's, is where clients connect: the UDP socket hears all
        # interfaces, the TCP socket only one.
        here = None if self.interface in (ANY, "") else self.interface
        found = [
            ca.SearchResponse(self.port, here, command.cid, ca.DEFAULT_PROTOCOL_VERSION)
            for command in commands
            if isinstance(command, ca.SearchRequest) and self._has(command)
        ]
        if not found:
            return b""
        answer: bytes = self.broadcaster.send(ca.VersionResponse(ca.DEFAULT_PROTOCOL_VERSION), *found)
        return answer

    def _has(self, command: Any) -> bool:
        try:
            return self.find(command.name) is not None
        except (ca.CaprotoError, ValueError):
            return False

    async def broadcast_beacon_loop(self) -> None:
        """Tell clients that we live."""
        period_s = BEACON_FIRST_S
        with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sock:
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            while True:
                count = self.beacon_count & 0xFFFFFFFF
                beacon = self.broadcaster.send(ca.Beacon(13, self.port, count, ANY))
                for address in beacon_addresses(self.interface):
                    with contextlib.suppress(OSError):  # no route, or a full buffer: the next may get through
                        sock.sendto(beacon, address)
                self.beacon_count += 1
                await asyncio.sleep(period_s)
                period_s = min(period_s * 2, BEACON_LAST_S)


def beacon_addresses(interface: str) -> list[tuple[str, int]]:
    """Where beacons go: what EPICS_CAS_BEACON_ADDR_LIST says and, unless that is all, who can hear us."""
    port = int(os.environ.get("EPICS_CAS_BEACON_PORT") or os.environ.get("EPICS_CA_REPEATER_PORT") or 5065)
    addresses = [
        (host, int(own or port))
        for word in os.environ.get("EPICS_CAS_BEACON_ADDR_LIST", "").split()
        for host, _, own in (word.partition(":"),)
    ]
    if os.environ.get("EPICS_CAS_AUTO_BEACON_ADDR_LIST", "YES").upper() != "NO":
        addresses.append(("127.0.0.1" if interface.startswith("127.") else "255.255.255.255", port))
    return addresses


def bound(interface: str, port: int) -> tuple[socket.socket, socket.socket]:
    """Return a TCP and a UDP socket on one port; 0 finds one that is free for both. Raises OSError."""
    for _ in range(50 if port == 0 else 1):
        tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # after a crash, at once again
            tcp.bind((interface, port))
            udp.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            if port and not interface.startswith("127."):  # other IOCs of this host hear the same broadcasts
                udp.setsockopt(socket.SOL_SOCKET, getattr(socket, "SO_REUSEPORT", socket.SO_REUSEADDR), 1)
            # a socket bound to one address hears no broadcasts, by which clients search
            udp.bind((interface if interface.startswith("127.") else "", tcp.getsockname()[1]))
        except OSError as error:
            tcp.close()
            udp.close()
            if port:
                raise OSError(
                    error.errno,
                    f"Channel Access port {port} on {interface} is taken: stop the "
                    "other IOC or give another port under [faces.ca]",
                ) from None
            continue
        tcp.setblocking(False)
        udp.setblocking(False)
        return tcp, udp
    raise OSError("no port is free for both TCP and UDP")
