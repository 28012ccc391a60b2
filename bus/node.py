"""One per process and group: who is there, who lives, and what their failure means for our satellites.

The node hears beacons and heartbeats, keeps one `Peer` per satellite and one `Proxy` per peer, ticks all
clocks of the bus and carries out autonomy. It sends nothing of its own but requests for services: a process
without satellites, such as a face, is invisible to others.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

import zmq

from .beacon import Beacons, check_address
from .constellation import chp
from .constellation.chirp import Beacon, Kind, Service
from .peer import Peer
from .proxy import Proxy
from .states import HeartbeatFlag, State, interrupts

if TYPE_CHECKING:
    from .satellite import Satellite

log = logging.getLogger(__name__)

TICK_S = 0.05
OFFER_S = 30.0
"""Offers are repeated: a C++ peer that has once declared us dead stays deaf until it hears the next one."""
STALL_S = 1.0
"""After a stall of our loop longer than this, peers may have declared us dead: offer at once."""
LAG_S = 2.0
LISTEN_S = 0.5
"""Time in which every living satellite has answered a request for its services."""
MOST_PEERS = 500
"""Beacons of more satellites than this are a flood; each costs a socket and a monitor."""
FAILED = (State.SAFE, State.ERROR, State.DEAD)


class Node:
    """The bus as seen by this process; an async context manager.

    `interface` is an IPv4 address; 127.0.0.1 binds loopback only. All callbacks come on the event loop.
    `arrays=False`: proxies do not subscribe to images and spectra, for processes that have no use for them.
    """

    def __init__(self, group: str, name: str, *, interface: str = "127.0.0.1", arrays: bool = True) -> None:
        self.group, self.name, self.interface, self.arrays = group, name, check_address(interface), arrays
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.context.set(zmq.MAX_SOCKETS, 4096)
        self.satellites: list[Satellite] = []
        self.peers: dict[bytes, Peer] = {}
        self.proxies: dict[str, Proxy] = {}
        self.on_proxy: list[Callable[[Proxy], None]] = []
        self.changed = asyncio.Event()
        """Set and cleared at every change of a peer's state: `await node.changed.wait()` is the next one."""
        self.loop_lag_s = 0.0
        """Longest delay of the event loop in the last LAG_S that are complete."""
        self._beacons = Beacons(group, name, self.interface, self._heard)
        self._ticker: asyncio.Task[None] | None = None
        self._started_s = 0.0

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def malformed(self) -> int:
        """Beacons and heartbeats that were dropped."""
        return self._beacons.malformed + sum(p.heart.malformed for p in self.peers.values() if p.heart)

    @property
    def bind(self) -> str:
        """Address for zmq.bind: loopback only when only loopback was chosen."""
        return "tcp://127.0.0.1" if self.interface.startswith("127.") else "tcp://*"

    async def start(self) -> None:
        """Begin to listen and ask who is there."""
        self._beacons.open()
        self._started_s = time.monotonic()
        self._beacons.request(Service.HEARTBEAT, Service.CONTROL, Service.MONITORING)
        self._ticker = asyncio.create_task(self._tick(), name=f"node {self.name}")

    async def stop(self) -> None:
        """Stop our satellites in order, then close everything."""
        await asyncio.gather(*(s.stop() for s in tuple(self.satellites)))
        if self._ticker is not None:
            self._ticker.cancel()
            await asyncio.gather(self._ticker, return_exceptions=True)
            self._ticker = None
            self._beacons.close()
        for proxy in self.proxies.values():
            proxy.detach()
        for peer in self.peers.values():
            peer.forget()
        self.peers.clear()
        self.context.destroy(linger=0)

    def add(self, satellite: "Satellite") -> None:
        """Make a local satellite a member; then `await satellite.start()`."""
        satellite.node = self
        self.satellites.append(satellite)

    def proxy(self, name: str) -> Proxy:
        """Return the proxy of `name` or `Type.name`, which is connected when and whenever the satellite is there."""
        found = self._find(name)
        if found is None:
            kind, _, short = name.rpartition(".")
            found = Proxy(self, name if kind and short.lower() in self.proxies else short, name if kind else "")
            self.proxies[found.name.lower()] = found
        found.attach()
        return found

    async def taken(self, host: bytes) -> str:
        """Listen long enough to know; return the address of a living satellite of this name, or nothing."""
        await asyncio.sleep(max(0.0, self._started_s + LISTEN_S - time.monotonic()))
        peer = self.peers.get(host)
        if peer is None or (Service.HEARTBEAT in peer.services and peer.life and not peer.alive):
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
        peer = self.peers.get(beacon.host)
        if beacon.kind is Kind.DEPART:
            if peer and peer.services.get(beacon.service, ("", 0))[1] == beacon.port:
                del peer.services[beacon.service]
                if beacon.service is Service.HEARTBEAT:
                    self._departed(peer)
                if not peer.services:
                    del self.peers[beacon.host]
            return
        mine = self._beacons.offers.get((beacon.host, beacon.service))
        if mine is not None and mine != beacon.port:
            log.critical("another satellite at %s has the name of one of ours: stop one of them", address)
            return
        if peer is None:
            if len(self.peers) >= MOST_PEERS or not beacon.port:
                return
            peer = self.peers[beacon.host] = Peer(beacon.host)
        if peer.services.get(beacon.service, ("", 0))[1] == beacon.port:
            return  # known; the same port by another address is the same satellite heard on two interfaces
        peer.services[beacon.service] = (address, beacon.port)
        if beacon.service is Service.HEARTBEAT:
            if peer.alive:
                self._lost(peer, "replaced by a new process")
            peer.listen(self.context, self._beat, self._lost)
        self._tell(peer)

    def _beat(self, peer: Peer, beat: chp.Beat) -> None:
        newborn, before = not peer.alive, (peer.state, peer.status)
        peer.lives.beat(time.monotonic(), beat.interval_ms)
        peer.name, peer.state, peer.flags, peer.time_ns = beat.sender, beat.state, beat.flags, beat.time_ns
        if beat.status is not None:
            peer.status = beat.status
        if beat.state is State.DEAD:
            peer.lives.end()
        elif newborn:
            peer.life += 1
        if newborn or before != (peer.state, peer.status):
            self._judge(peer, f"{peer.name} is in {peer.state.name}")
            self._tell(peer)

    def _lost(self, peer: Peer, reason: str = "link lost") -> None:
        if peer.state is State.DEAD:
            return
        peer.lives.end()
        peer.state, peer.status = State.DEAD, reason
        log.warning("%s: %s", peer.name, reason)
        self._judge(peer, f"{peer.name}: {reason}")
        self._tell(peer)

    def _departed(self, peer: Peer) -> None:
        if peer.alive and interrupts(peer.state, peer.flags, departed=True):
            self._interrupt(peer, f"{peer.name} departed")
        peer.lives.end()
        peer.state, peer.status = State.DEAD, "departed"
        peer.forget()
        self._tell(peer)

    def _judge(self, peer: Peer, reason: str) -> None:
        """Act once on each failure of a peer; it has recovered when a beat says so."""
        if peer.state not in FAILED:
            peer.acted = False
        elif not peer.acted:
            peer.acted = True
            if interrupts(peer.state, peer.flags):
                self._interrupt(peer, reason)
            if peer.flags & HeartbeatFlag.MARK_DEGRADED:
                for satellite in self._others(peer):
                    satellite.degrade(reason)

    def _interrupt(self, peer: Peer, reason: str) -> None:
        for satellite in self._others(peer):
            satellite.interrupt(reason)

    def _others(self, peer: Peer) -> "list[Satellite]":
        return [s for s in self.satellites if s.host != peer.host]

    def _tell(self, peer: Peer) -> None:
        self.changed.set()
        self.changed = asyncio.Event()
        if not peer.name:
            return
        found = self._find(peer.name)
        if found is None:
            short = peer.name.rpartition(".")[2]
            taken = self.proxies.get(short.lower())
            found = Proxy(self, peer.name if taken else short, peer.name)
            self.proxies[found.name.lower()] = found
        first = found.peer is None
        found.follow(peer)
        if first:
            for callback in tuple(self.on_proxy):
                callback(found)

    def _find(self, name: str) -> Proxy | None:
        kind, _, short = name.lower().rpartition(".")
        for key in (name.lower(), short):
            proxy = self.proxies.get(key)
            if proxy is not None and (not kind or proxy.canonical.lower() in ("", name.lower())):
                return proxy
        return None

    async def _tick(self) -> None:
        loop: Any = asyncio.get_running_loop()
        due_s = loop.time() + TICK_S
        offer_s, window_s, longest_s = loop.time() + OFFER_S, loop.time() + LAG_S, 0.0
        while True:
            await asyncio.sleep(max(0.0, due_s - loop.time()))
            now_s = loop.time()
            lag_s = now_s - due_s
            longest_s = max(longest_s, lag_s)
            if now_s >= window_s or lag_s > self.loop_lag_s:
                self.loop_lag_s, window_s, longest_s = longest_s, now_s + LAG_S, 0.0
            due_s = now_s + TICK_S
            for peer in tuple(self.peers.values()):
                if peer.heart is not None:
                    peer.heart.drain()  # a beat that waits in the socket saves its sender
                if peer.lives.tick(time.monotonic()):
                    self._lost(peer, "no heartbeat")
            for satellite in tuple(self.satellites):
                satellite.tick(now_s)
            if lag_s > STALL_S or now_s >= offer_s:
                offer_s = now_s + OFFER_S
                self._beacons.offer()
