"""Options and attributes of an emulated motor controller."""

from dataclasses import dataclass, field
from pathlib import Path

from hitline.bus.attribute import Attribute

MOST_AXES = 32


@dataclass(frozen=True, kw_only=True)
class MotionEmulatorOptions:
    """Options of an emulated controller."""

    address: str = "127.0.0.1"
    """Address of this computer that it listens at."""
    port: int = field(default=0, metadata={"low": 0, "high": 65535})
    """TCP port; 0: any."""
    pty: str = ""
    """Path of a link to a serial line instead of TCP."""
    axes: tuple[str, ...] = ("1",)
    """Axes that exist."""
    rail_steps: int = field(default=100_000, metadata={"low": 1})
    """Steps from the middle of each rail to its switches."""
    encoder: bool = True
    """Axes have encoders, a count for each step."""
    jitter_us: float = field(default=20.0, metadata={"low": 0.0, "high": 10_000.0})
    """Pulses at positions come up to so much late, in µs."""
    moves: Path | None = None
    """File that gets every move, to hold results against."""
    silent: bool = False
    """Nothing is answered. This and what follows can be changed while it runs."""
    late_ms: float = field(default=0.0, metadata={"low": 0.0, "high": 60_000.0})
    """Delay of answers, in ms."""
    garbage: int = field(default=0, metadata={"low": 0})
    """Answers to come that are noise."""
    refuse: int = field(default=0, metadata={"low": 0})
    """Requests to come that are refused."""
    lose: int = field(default=0, metadata={"low": 0})
    """Steps that the first move of the first axis loses."""
    stalled: bool = False
    """Its carriage stands still."""
    stuck_plus: bool = False
    """Its switch of growing steps hangs."""
    stuck_minus: bool = False
    """Its switch of falling steps hangs."""
    lose_pulse: int = field(default=0, metadata={"low": 0})
    """Pulse of a flight that does not come; 0: all come."""
    extra_pulse: int = field(default=0, metadata={"low": 0})
    """Pulse of a flight after which another one comes."""


MOTION_EMULATOR = (
    Attribute("listening", "str", "Where it listens."),
    Attribute("telegrams", "int", "Telegrams that came."),
    Attribute("places", "<f8", "Place of each carriage, steps.", shape=(MOST_AXES,)),
    Attribute("stopped", "float", "Monotonic time of the last stop.", unit="s", precision=6),
    Attribute("silent", "bool", "Nothing is answered.", access="rw"),
    Attribute("garbage", "int", "Answers to come that are noise.", access="rw", low=0, high=10**6),
    Attribute("refuse", "int", "Requests to come that are refused.", access="rw", low=0, high=10**6),
    Attribute(
        "late_ms",
        "float",
        "Delay of answers.",
        unit="ms",
        precision=1,
        access="rw",
        low=0.0,
        high=60_000.0,
    ),
    Attribute("axis", "str", "Axis that the next ones are about.", access="rw"),
    Attribute("lose", "int", "Steps that the next move loses.", access="rw", low=0, high=10**6),
    Attribute("stalled", "bool", "The carriage stands still.", access="rw"),
    Attribute("stuck_plus", "bool", "The switch of growing steps hangs.", access="rw"),
    Attribute("stuck_minus", "bool", "The switch of falling steps hangs.", access="rw"),
    Attribute("lose_pulse", "int", "Pulse that does not come. 0: all come.", access="rw", low=0),
    Attribute("extra_pulse", "int", "Pulse that comes twice.", access="rw", low=0),
)
