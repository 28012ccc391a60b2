"""What a node knows of one satellite: its services, its heartbeats, whether it lives."""

from collections.abc import Callable
from dataclasses import dataclass, field

import zmq

from .constellation import chp
from .constellation.chirp import Service, identity
from .constellation.pack import Malformed
from .lives import Lives
from .states import HeartbeatFlag, State
from .wire import Context, Wire

LARGEST_BEAT = 64 << 10


@dataclass(eq=False)
class Peer:
    """One satellite, ours or foreign, and the one heartbeat subscription that this process has to it."""

    host: bytes
    services: dict[Service, tuple[str, int]] = field(default_factory=dict)
    name: str = ""
    """Canonical name `Type.name`, known from the first heartbeat."""
    state: State = State.DEAD
    status: str = ""
    flags: HeartbeatFlag = HeartbeatFlag.NONE
    lives: Lives = field(default_factory=Lives)
    life: int = 0
    """Counts how often it came alive: who holds sockets to it opens new ones when this changes."""
    time_ns: int = 0
    """Sender's time of the last heartbeat."""
    acted: bool = False
    """Its failure was acted upon already."""
    heart: Wire | None = None

    @property
    def alive(self) -> bool:
        """True from the first heartbeat until link, lives or the peer itself say otherwise."""
        return self.lives.left > 0

    def listen(
        self, context: Context, beat: Callable[["Peer", chp.Beat], None], lost: Callable[["Peer"], None]
    ) -> None:
        """Subscribe to its heartbeats, in place of an earlier subscription."""
        self.forget()
        address, port = self.services[Service.HEARTBEAT]
        socket = context.socket(zmq.SUB)
        socket.setsockopt(zmq.MAXMSGSIZE, LARGEST_BEAT)
        socket.setsockopt(zmq.RECONNECT_IVL, 100)
        socket.setsockopt(zmq.RECONNECT_IVL_MAX, 2000)
        socket.setsockopt(zmq.SUBSCRIBE, b"")

        def receive(frames: list[bytes]) -> None:
            message = chp.decode(frames)
            # After a restart another program may sit on the port: only its owner's beats count.
            if identity(message.sender) != self.host:
                raise Malformed(f"heartbeat of {message.sender!r} on the port of {self.name or 'another'}")
            beat(self, message)

        self.heart = Wire(socket, receive)
        self.heart.watch(lambda: lost(self))
        socket.connect(f"tcp://{address}:{port}")

    def forget(self) -> None:
        """Close the subscription."""
        if self.heart is not None:
            self.heart.close()
            self.heart = None
