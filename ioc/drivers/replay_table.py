"""The attributes and options of a replay."""

from dataclasses import dataclass, field
from pathlib import Path

from hitline.bus.attribute import Attribute
from hitline.bus.states import State

from .logged import LogOptions
from .pace import speed_factor

SLICES = ("All", "Hits", "Time", "Mark")

REPLAY = (
    Attribute(
        "file",
        "str",
        "Recording that is played. A file or a folder of a run log.",
        access="rw",
        states=(State.NEW, State.INIT, State.ORBIT, State.ERROR),
    ),
    Attribute("speed", "str", "recorded, flat, or a multiple such as 10.", access="rw"),
    Attribute("slice", "enum", "What one exposure plays.", access="rw", choices=SLICES),
    Attribute("slice_hits", "int", "Hits in one exposure, for Hits.", access="rw", low=1, high=2**53),
    Attribute(
        "slice_s",
        "float",
        "Detector time in one exposure, for Time.",
        unit="s",
        precision=6,
        access="rw",
        low=1e-6,
        high=1e6,
    ),
    Attribute("position", "float", "How much was played.", unit="%", precision=1),
    Attribute("at_end", "bool", "Nothing is left to play. Send rewind."),
    Attribute("packets_lost", "int", "Packets missing in the recording. By their counters."),
)


@dataclass(frozen=True, kw_only=True)
class ReplayOptions(LogOptions):
    """Options of a replay."""

    file: Path = field(metadata={"exists": True, "unless": "follow"})
    """A `.tpx3` file, a file of bare words (.raw, .bin), or the folder of one of our runs."""
    follow: bool = False
    """The file is being written, or will be: an exposure is what comes meanwhile, whatever `speed` says."""
    speed: str = "recorded"
    """recorded, flat, or a multiple such as 10."""
    slice: str = field(default="All", metadata={"choices": SLICES})
    """What one exposure plays."""
    slice_hits: int = field(default=10_000, metadata={"low": 1})
    """Hits in one exposure, for Hits."""
    slice_s: float = field(default=1.0, metadata={"above": 0.0})
    """Detector time in one exposure, in s, for Time."""

    def __post_init__(self) -> None:
        speed_factor(self.speed)
