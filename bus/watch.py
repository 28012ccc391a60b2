"""Who is in the group and who lives: beacons and heartbeats in, changes of peers out.

A peer is dead when its link is lost (milliseconds after a crash), when it was silent for three intervals
(hangs, cut cables), or when it says so. What that means for our own satellites is decided here by role, once
per failure, and carried out by the node.
"""

import logging
import time
from collections.abc import Callable

from .constellation import chp
from .constellation.chirp import Beacon, Kind, Service
from .peer import Peer
from .states import HeartbeatFlag, State, interrupts
from .wire import Context

log = logging.getLogger(__name__)

MOST_PEERS = 500
"""Beacons of more satellites than this are a flood; each costs a socket and a monitor."""
FAILED = (State.SAFE, State.ERROR, State.DEAD)


class Watch:
    """All peers of one group, those of this process included.

    `changed(peer)` tells of every change; `interrupt(peer, reason)` and `degrade(peer, reason)` of what a
    failure asks of everybody else; `offers` are the ports of our own satellites.
    """

    def __init__(
        self,
        offers: Callable[[bytes, Service], int | None],
        changed: Callable[[Peer], None],
        interrupt: Callable[[Peer, str], None],
        degrade: Callable[[Peer, str], None],
    ) -> None:
        self.context: Context
        self.offers, self.changed, self.interrupt, self.degrade = offers, changed, interrupt, degrade
        self.peers: dict[bytes, Peer] = {}

    @property
    def malformed(self) -> int:
        """Heartbeats that were dropped."""
        return sum(peer.heart.malformed for peer in self.peers.values() if peer.heart)

    def close(self) -> None:
        """Forget all peers."""
        for peer in self.peers.values():
            peer.forget()
        self.peers.clear()

    def tick(self) -> None:
        """Take lives; what waits in the sockets is read first, for a beat there saves its sender."""
        for peer in tuple(self.peers.values()):
            if peer.heart is not None:
                peer.heart.drain()
            if peer.lives.tick(time.monotonic()):
                self._lost(peer, "no heartbeat")

    def heard(self, beacon: Beacon, address: str) -> None:
        """Take note of an OFFER or DEPART."""
        peer = self.peers.get(beacon.host)
        known = peer is not None and peer.services.get(beacon.service, ("", 0))[1] == beacon.port
        if beacon.kind is Kind.DEPART:
            if peer is not None and known:
                self._withdrawn(peer, beacon.service)
            return
        mine = self.offers(beacon.host, beacon.service)
        if mine is not None and mine != beacon.port:
            log.critical("another satellite at %s has the name of one of ours: stop one of them", address)
            return
        if known or not beacon.port:
            return  # the same port by another address is the same satellite, heard on two interfaces
        if peer is None:
            if len(self.peers) >= MOST_PEERS:
                return
            peer = self.peers[beacon.host] = Peer(beacon.host)
        peer.services[beacon.service] = (address, beacon.port)
        if beacon.service is Service.HEARTBEAT:
            self._lost(peer, "replaced by a new process")
            peer.listen(self.context, self._beat, self._lost)
        self.changed(peer)

    def _beat(self, peer: Peer, beat: chp.Beat) -> None:
        newborn, before = not peer.alive, (peer.state, peer.status, peer.flags)
        peer.lives.beat(time.monotonic(), beat.interval_ms)
        peer.name, peer.state, peer.time_ns = beat.sender, beat.state, beat.time_ns
        peer.flags = beat.flags & ~HeartbeatFlag.EXTRASYSTOLE
        if beat.status is not None:
            peer.status = beat.status
        if beat.state is State.DEAD:
            peer.lives.end()
        elif newborn:
            peer.life += 1
        if newborn or before != (peer.state, peer.status, peer.flags):
            self._judge(peer, f"{peer.name} is in {peer.state.name}")
            self.changed(peer)

    def _lost(self, peer: Peer, reason: str = "link lost") -> None:
        if peer.state is State.DEAD:
            return
        peer.lives.end()
        peer.state, peer.status = State.DEAD, reason
        log.warning("%s: %s", peer.name, reason)
        self._judge(peer, f"{peer.name}: {reason}")
        self.changed(peer)

    def _withdrawn(self, peer: Peer, service: Service) -> None:
        del peer.services[service]
        if not peer.services:
            del self.peers[peer.host]
        if service is Service.HEARTBEAT:
            if peer.alive and interrupts(peer.state, peer.flags, departed=True):
                self.interrupt(peer, f"{peer.name} departed")
            peer.lives.end()
            peer.state, peer.status = State.DEAD, "departed"
            peer.forget()
            self.changed(peer)

    def _judge(self, peer: Peer, reason: str) -> None:
        """Act once on each failure of a peer; it has recovered when a beat says so."""
        if peer.state not in FAILED:
            peer.acted = False
        elif not peer.acted:
            peer.acted = True
            if peer.flags & HeartbeatFlag.MARK_DEGRADED:  # first, while the run is on
                self.degrade(peer, reason)
            if interrupts(peer.state, peer.flags):
                self.interrupt(peer, reason)
