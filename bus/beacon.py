"""CHIRP on the event loop: one multicast socket per process and group.

Beacons are heard on loopback and on the chosen interface, as stock programs do. Our own come back to us and
are not skipped here: satellites of one process find one another like any others.
"""

import asyncio
import logging
import random
import socket
import sys
from collections.abc import Callable
from contextlib import suppress

from .constellation import chirp
from .constellation.chirp import Beacon, Kind, Service
from .constellation.pack import Malformed

log = logging.getLogger(__name__)

ANSWER_WITHIN_S = 0.1
"""Answers to a REQUEST are spread at random over this time; stock programs take up to 0.2 s."""
_DRAIN = 100
_IP_MULTICAST_ALL = 49
"""Linux, <linux/in.h>: unless it is 0, groups that others joined on other interfaces come in too."""


class Beacons:
    """Offers what is in `offers` and hands the beacons of its group, ours included, to `receive`."""

    def __init__(self, group: str, host: str, interface: str, receive: Callable[[Beacon, str], None]) -> None:
        self.group, self.host = chirp.identity(group), chirp.identity(host)
        self.offers: dict[tuple[bytes, Service], int] = {}
        self.malformed = 0
        self._interfaces = list(dict.fromkeys(("127.0.0.1", interface)))
        self._receive = receive
        self._senders: list[socket.socket] = []
        self._answers: dict[Service, asyncio.TimerHandle] = {}

    def open(self) -> None:
        """Join the multicast group; raises OSError with the interface's address in it."""
        self._loop = asyncio.get_running_loop()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if sys.platform == "linux":
            self._socket.setsockopt(socket.IPPROTO_IP, _IP_MULTICAST_ALL, 0)
        elif hasattr(socket, "SO_REUSEPORT"):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        try:
            self._socket.bind(("", chirp.PORT))
            for address in self._interfaces:
                here = socket.inet_aton(address)
                self._socket.setsockopt(
                    socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(chirp.ADDRESS) + here
                )
                sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                self._senders.append(sender)
                sender.setblocking(False)
                sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, chirp.TTL)
                sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, here)
                # A beacon that left by another interface is heard here by way of loopback: not twice.
                sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, address == "127.0.0.1")
        except OSError as error:
            self.close()
            raise OSError(
                error.errno,
                f"cannot use interfaces {', '.join(self._interfaces)} for discovery "
                f"on UDP {chirp.PORT}: {error.strerror}",
            ) from None
        self._loop.add_reader(self._socket.fileno(), self._readable)

    def close(self) -> None:
        """Leave; safe to call twice."""
        for timer in self._answers.values():
            timer.cancel()
        self._answers.clear()
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket.fileno())
        for sock in (self._socket, *self._senders):
            sock.close()

    def request(self, *services: Service) -> None:
        """Ask who has these services; each costs a stock peer 0.2 s, so once per process is enough."""
        for service in services:
            self._send(Beacon(Kind.REQUEST, self.group, self.host, service))

    def offer(self, host: bytes | None = None, service: Service | None = None) -> None:
        """Announce what we have, by default all of it."""
        self._announce(Kind.OFFER, host, service)

    def depart(self, host: bytes) -> None:
        """Take back the offers of one satellite."""
        self._announce(Kind.DEPART, host)
        self.offers = {key: port for key, port in self.offers.items() if key[0] != host}

    def _announce(self, kind: Kind, host: bytes | None = None, service: Service | None = None) -> None:
        for (who, what), port in self.offers.items():
            if host in (None, who) and service in (None, what):
                self._send(Beacon(kind, self.group, who, what, port))

    def _send(self, beacon: Beacon) -> None:
        for sender in self._senders:
            try:
                sender.sendto(chirp.encode(beacon), (chirp.ADDRESS, chirp.PORT))
            except OSError as error:  # an interface that is down now may come up again; offers are repeated
                log.warning("beacon not sent: %s", error)

    def _readable(self) -> None:
        for _ in range(_DRAIN):
            try:
                datagram, (address, _) = self._socket.recvfrom(1024)
            except OSError:
                return
            try:
                beacon = chirp.decode(datagram)
            except Malformed as error:
                self.malformed += 1
                log.debug("dropped a beacon from %s: %s", address, error)
                continue
            if beacon.group != self.group:
                continue
            if beacon.kind is Kind.REQUEST:
                self._answer_soon(beacon.service)
            else:
                self._receive(beacon, address)

    def _answer_soon(self, service: Service) -> None:
        """Answer once for all requests that come before the answer is out."""

        def answer() -> None:
            del self._answers[service]
            self.offer(service=service)

        if service not in self._answers and any(what is service for _, what in self.offers):
            self._answers[service] = self._loop.call_later(random.random() * ANSWER_WITHIN_S, answer)


def check_address(interface: str) -> str:
    """Return an IPv4 address of an interface, or raise ValueError."""
    with suppress(OSError):
        if interface.count(".") == 3 and socket.inet_aton(interface):
            return interface
    raise ValueError(f"interface {interface!r} is not an IPv4 address such as 127.0.0.1")
