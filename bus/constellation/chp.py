"""CHP version 1: heartbeats.

Source: Constellation, "Constellation Heartbeat Protocol". Frame 1: protocol, sender, time, state u8, flags
u8, interval u16 in ms until the next beat at the latest. Frame 2, only when there is something to say: status
as bare UTF-8.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ..states import HeartbeatFlag, State
from .pack import Malformed, frames_expected, header, open_header, text

PROTOCOL = "CHP\x01"


@dataclass(frozen=True, slots=True)
class Beat:
    """One heartbeat; `status` is None when the sender did not repeat it."""

    sender: str
    time_ns: int
    state: State
    flags: HeartbeatFlag
    interval_ms: int
    status: str | None = None


def encode(beat: Beat) -> list[bytes]:
    """Return one frame, or two with a status."""
    frames = [header(PROTOCOL, beat.sender, beat.time_ns, int(beat.state), int(beat.flags), beat.interval_ms)]
    if beat.status is not None:
        frames.append(beat.status.encode())
    return frames


def decode(frames: Sequence[bytes]) -> Beat:
    """Return the beat in one or two frames, or raise Malformed."""
    frames_expected(frames, 1, 2)
    sender, time_ns, state, flags, interval_ms = open_header(PROTOCOL, frames[0], int, int, int)
    if not 0 <= flags <= 0xFF or not 0 <= interval_ms <= 0xFFFF:
        raise Malformed(f"flags {flags} or interval {interval_ms} ms out of range")
    try:
        state = State(state)
    except ValueError as error:
        raise Malformed(str(error)) from None
    status = text(frames[1]) if len(frames) == 2 else None
    return Beat(sender, time_ns, state, HeartbeatFlag(flags), interval_ms, status)
