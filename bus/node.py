"""One per process and group: discovery, the clocks of the bus, our satellites, and a proxy for everybody's.

The node sends nothing of its own but requests for services: a process without satellites, such as a face, is
invisible to others.
"""

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Self

import zmq

from .beacon import Beacons, check_address
from .constellation.chirp import Beacon, Service
from .peer import Peer
from .proxy import Proxy
from .watch import Watch
from .wire import Context

if TYPE_CHECKING:
    from .satellite import Satellite

TICK_S = 0.05
OFFER_S = 30.0
"""Offers are repeated: a C++ peer that has once declared us dead stays deaf until it hears the next one."""
STALL_S = 1.0
"""After a stall of our loop longer than this, peers may have declared us dead: offer at once."""
LISTEN_S = 0.5
"""Time in which every living satellite has answered a request for its services."""
LAG_S = 2.0
SOCKETS = 4096


class Node:
    """The bus as seen by this process; an async context manager.

    `interface` is an IPv4 address; 127.0.0.1 binds loopback only. All callbacks come on the event loop.
    `arrays=False`: proxies do not subscribe to images and spectra, for processes that have no use for them.
    """

    def __init__(self, group: str, name: str, *, interface: str = "127.0.0.1", arrays: bool = True) -> None:
        self.group, self.name, self.interface, self.arrays = group, name, check_address(interface), arrays
        self.context: Context
        self.satellites: list[Satellite] = []
        self.proxies: dict[str, Proxy] = {}
        self.on_proxy: list[Callable[[Proxy], None]] = []
        self.changed = asyncio.Event()
        """Set and replaced at every change of a peer: `await node.changed.wait()` is the next one."""
        self.loop_lag_s = 0.0
        """Longest delay of the event loop in the last LAG_S."""
        self._beacons = Beacons(group, name, self.interface, self._heard)
        self._watch = Watch(
            lambda host, service: self._beacons.offers.get((host, service)),
            self._tell,
            self._interrupt,
            self._degrade,
        )
        self._ticker: asyncio.Task[None] | None = None
        self._started_s = 0.0

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def peers(self) -> dict[bytes, Peer]:
        """All satellites heard, by the MD5 of their canonical names."""
        return self._watch.peers

    @property
    def malformed(self) -> int:
        """Beacons and heartbeats that were dropped."""
        return self._beacons.malformed + self._watch.malformed

    @property
    def bind(self) -> str:
        """Address for zmq.bind: loopback only when only loopback was chosen."""
        return "tcp://127.0.0.1" if self.interface.startswith("127.") else "tcp://*"

    async def start(self) -> None:
        """Begin to listen and ask who is there; raises OSError when the interface cannot be used."""
        self._beacons.open()
        self.context = self._watch.context = zmq.Context()
        self.context.set(zmq.MAX_SOCKETS, SOCKETS)
        self._started_s = time.monotonic()
        self._beacons.request(Service.HEARTBEAT, Service.CONTROL, Service.MONITORING)
        self._ticker = asyncio.create_task(self._tick(), name=f"node {self.name}")

    async def stop(self) -> None:
        """Stop our satellites in order, then close everything."""
        if self._ticker is None:
            return
        await asyncio.gather(*(s.stop() for s in tuple(self.satellites)))
        self._ticker.cancel()
        await asyncio.gather(self._ticker, return_exceptions=True)
        self._ticker = None
        self._beacons.close()
        for proxy in self.proxies.values():
            proxy.detach()
        self._watch.close()
        self.context.destroy(linger=0)

    def add(self, satellite: "Satellite") -> None:
        """Make a local satellite a member; then `await satellite.start()`."""
        satellite.node = self
        self.satellites.append(satellite)

    def proxy(self, name: str) -> Proxy:
        """Return the proxy of `name` or `Type.name`; it connects when and whenever the satellite is there."""
        found = self._find(name) or self._new(name)
        found.attach()
        return found

    async def taken(self, host: bytes) -> str:
        """Listen long enough to know; return the address of a living satellite of this name, or nothing."""
        await asyncio.sleep(max(0.0, self._started_s + LISTEN_S - time.monotonic()))
        peer = self.peers.get(host)
        if peer is None or (peer.life and not peer.alive):
            return ""
        return "{}:{}".format(*next(iter(peer.services.values())))

    def offer(self, host: bytes, ports: dict[Service, int]) -> None:
        """Announce a local satellite."""
        self._beacons.offers.update({(host, service): port for service, port in ports.items()})
        self._beacons.offer(host)

    def depart(self, host: bytes) -> None:
        """Say goodbye for a local satellite."""
        self._beacons.depart(host)

    def _heard(self, beacon: Beacon, address: str) -> None:
        self._watch.heard(beacon, address)

    def _interrupt(self, peer: Peer, reason: str) -> None:
        for satellite in self._others(peer):
            satellite.interrupt(reason)

    def _degrade(self, peer: Peer, reason: str) -> None:
        for satellite in self._others(peer):
            satellite.degrade(reason)

    def _others(self, peer: Peer) -> "list[Satellite]":
        return [s for s in self.satellites if s.host != peer.host]

    def _tell(self, peer: Peer) -> None:
        self.changed.set()
        self.changed = asyncio.Event()
        if not peer.name:
            return  # nobody can ask for it before its first heartbeat
        proxy = self._find(peer.name) or self._new(peer.name)
        first = proxy.peer is None
        proxy.follow(peer)
        if first:
            for callback in tuple(self.on_proxy):
                callback(proxy)

    def _new(self, name: str) -> Proxy:
        """Make a proxy; two satellites of one name and different types go by their full names."""
        kind, _, short = name.rpartition(".")
        proxy = Proxy(self, name if short.lower() in self.proxies else short, name if kind else "")
        self.proxies[proxy.name.lower()] = proxy
        return proxy

    def _find(self, name: str) -> Proxy | None:
        kind, _, short = name.lower().rpartition(".")
        for key in (name.lower(), short):
            proxy = self.proxies.get(key)
            if proxy is not None and (not kind or proxy.canonical.lower() in ("", name.lower())):
                return proxy
        return None

    async def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        due_s = loop.time() + TICK_S
        offer_s, window_s, longest_s = loop.time() + OFFER_S, loop.time() + LAG_S, 0.0
        while True:
            await asyncio.sleep(due_s - loop.time())
            now_s = loop.time()
            lag_s = now_s - due_s
            longest_s = max(longest_s, lag_s)
            if now_s >= window_s or lag_s > self.loop_lag_s:
                self.loop_lag_s, window_s, longest_s = longest_s, now_s + LAG_S, 0.0
            due_s = now_s + TICK_S
            self._watch.tick()
            for satellite in tuple(self.satellites):
                satellite.tick(now_s)
            if lag_s > STALL_S or now_s >= offer_s:
                offer_s = now_s + OFFER_S
                self._beacons.offer()
