"""The heartbeat of one satellite: announced every 500 ms, sent every 400 ms, and at once at each change."""

import time
from collections.abc import Callable

import zmq

from .constellation import chp
from .states import HeartbeatFlag, Role, State
from .wire import Context, Wire

INTERVAL_MS = 500
"""Announced. Peers of ours declare us dead after three of them, stock Python ones after 2.3 s."""
SEND_S = 0.4
"""Sent earlier than announced, so that a loop that is a little late costs nobody a life."""


class Heart:
    """Sends beats; the interval is constant, unlike stock Python's, up to some thirty peers."""

    def __init__(
        self, context: Context, bind: str, sender: str, state: Callable[[], tuple[State, str, Role]]
    ) -> None:
        socket = context.socket(zmq.XPUB)
        socket.setsockopt(zmq.XPUB_VERBOSER, 1)
        socket.setsockopt(zmq.SNDHWM, 100)
        socket.setsockopt(zmq.MAXMSGSIZE, 4096)
        socket.setsockopt(zmq.LINGER, 0)
        self.port = socket.bind_to_random_port(bind)
        self.sender, self._state = sender, state
        self._due_s = 0.0
        self._sent: tuple[State, str, Role] | None = None
        self.wire = Wire(socket, self._subscribed)

    def tick(self, now_s: float) -> None:
        """Send a beat if one is due."""
        if now_s >= self._due_s:
            self._due_s = now_s + SEND_S
            self._beat(HeartbeatFlag.NONE, status=self._sent != self._state())

    def changed(self) -> None:
        """Tell of a change of state or status at once."""
        self._beat(HeartbeatFlag.EXTRASYSTOLE, status=True)

    def _subscribed(self, frames: list[bytes]) -> None:
        """Tell a newcomer everything, so that it need not wait for the next change to see the status."""
        if frames[0][:1] == b"\x01":
            self._beat(HeartbeatFlag.NONE, status=True)

    def _beat(self, flags: HeartbeatFlag, *, status: bool) -> None:
        self._sent = state, text, role = self._state()
        beat = chp.Beat(
            self.sender,
            time.time_ns(),
            state,
            role.value | flags,
            INTERVAL_MS,
            text if status and text else None,
        )
        self.wire.send(chp.encode(beat))

    def close(self) -> None:
        """Stop beating."""
        self.wire.close()
