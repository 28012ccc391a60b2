"""The state machine of a satellite as one table, with roles and who interrupts whom.

Codes and moves are Constellation's (its published finite state machine): a transitional code carries in its
low nibble the high nibble of the steady state that it ends in. Everything that depends on a state reads this
file; nothing else knows a code.
"""

from enum import Enum, IntEnum, IntFlag


class State(IntEnum):
    """State codes as they stand on the wire."""

    NEW = 0x10
    INITIALIZING = 0x12
    INIT = 0x20
    LAUNCHING = 0x23
    LANDING = 0x32
    ORBIT = 0x30
    RECONFIGURING = 0x33
    STARTING = 0x34
    RUN = 0x40
    STOPPING = 0x43
    INTERRUPTING = 0x0E
    SAFE = 0xE0
    ERROR = 0xF0
    DEAD = 0xFF
    """Never on the wire: heartbeats are gone or the satellite departed."""

    @property
    def steady(self) -> bool:
        """True unless the satellite is on its way to another state."""
        return not self & 0x0F or self is State.DEAD

    @property
    def goal(self) -> "State":
        """The steady state that a transitional one ends in; itself when steady."""
        return self if self.steady else State((self & 0x0F) << 4)


STEADY = tuple(s for s in State if s.steady and s is not State.DEAD)
"""The states that a satellite can rest in."""

OPERATING = (State.INIT, State.ORBIT, State.RUN)
"""Where attributes may be written and commands sent unless they say otherwise."""

ALWAYS = tuple(s for s in State if s is not State.DEAD)
"""For safe actions (stop, off): every state, transitional ones included."""

TRANSITIONS: dict[str, dict[State, State]] = {
    "initialize": dict.fromkeys((State.NEW, State.INIT, State.SAFE, State.ERROR), State.INITIALIZING),
    "launch": {State.INIT: State.LAUNCHING},
    "land": {State.ORBIT: State.LANDING},
    "reconfigure": {State.ORBIT: State.RECONFIGURING},
    "start": {State.ORBIT: State.STARTING},
    "stop": {State.RUN: State.STOPPING},
    "interrupt": {State.ORBIT: State.INTERRUPTING, State.RUN: State.INTERRUPTING},
    "failure": {s: State.ERROR for s in State if s is not State.DEAD},
    "shutdown": dict.fromkeys((State.NEW, State.INIT, State.SAFE, State.ERROR), State.DEAD),
}
"""command -> {state it is legal in: state it leads to}; everything else is refused."""


class HeartbeatFlag(IntFlag):
    """Flags of a heartbeat: what the sender asks others to do about it."""

    NONE = 0
    DENY_DEPARTURE = 0x01
    TRIGGER_INTERRUPT = 0x02
    MARK_DEGRADED = 0x04
    EXTRASYSTOLE = 0x80
    """Sent out of turn, at a change of state."""


class Role(Enum):
    """How the others react to the loss of a satellite; its own choice, sent with every heartbeat."""

    ESSENTIAL = HeartbeatFlag.DENY_DEPARTURE | HeartbeatFlag.TRIGGER_INTERRUPT | HeartbeatFlag.MARK_DEGRADED
    """Failure, silence and orderly departure interrupt the others."""
    DYNAMIC = HeartbeatFlag.TRIGGER_INTERRUPT | HeartbeatFlag.MARK_DEGRADED
    """Failure and silence interrupt the others; departure is free."""
    TRANSIENT = HeartbeatFlag.MARK_DEGRADED
    """Failure only marks the run as degraded."""
    NONE = HeartbeatFlag.NONE
    """A spectator."""


def next_state(command: str, state: State) -> State | None:
    """Where `command` leads from `state`, or None when the move is illegal."""
    return TRANSITIONS.get(command, {}).get(state)


def interrupts(state: State, flags: HeartbeatFlag, *, departed: bool = False) -> bool:
    """Say whether a peer in `state` with `flags` sends everybody else to SAFE."""
    if departed:
        return bool(flags & HeartbeatFlag.DENY_DEPARTURE)
    return state in (State.SAFE, State.ERROR, State.DEAD) and bool(flags & HeartbeatFlag.TRIGGER_INTERRUPT)
