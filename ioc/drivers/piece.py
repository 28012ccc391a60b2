"""What a recording is asked for, and what it gives."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Slice:
    """How far to play: until the end unless one of these comes first."""

    hits: int | None = None
    seconds: float | None = None
    """Of detector time."""
    mark: bool = False
    """Until the next mark of a run log."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What is played at one moment."""

    payload: bytes
    words: int
    hits: int
    time_ns: int
    """Detector time since the beginning of the recording; only when asked for, else 0."""
