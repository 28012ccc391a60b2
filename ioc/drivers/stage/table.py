"""Options, attributes and commands of a stage."""

from dataclasses import dataclass, field

from hitline.bus.attribute import Attribute, Command
from hitline.bus.states import ALWAYS, OPERATING

from ..logged import LogOptions
from .flight import MOST_POINTS

PHASES = ("Idle", "Approach", "Ready", "Flight", "Done", "Failed")
MOST_AXES = 8


@dataclass(frozen=True, kw_only=True)
class StageOptions(LogOptions):
    """Options of a stage."""

    axes: tuple[str, ...]
    """Names of its axes, instruments of the same process; the first one flies unless another is chosen."""
    reading_hz: float = field(default=100.0, metadata={"low": 1.0, "high": 500.0})
    """Readings of the flying axis per second, at most what its controller can give."""

    def __post_init__(self) -> None:
        if not 1 <= len(self.axes) <= MOST_AXES:
            raise ValueError(f"{len(self.axes)} axes: must be 1 to {MOST_AXES}")


def _place(name: str, doc: str) -> Attribute:
    return Attribute(name, "float", doc, precision=4, access="rw")


STAGE = (
    Attribute("axes", "str", "Its axes, in order."),
    Attribute("positions", "<f8", "Position of each axis, user frame.", shape=(MOST_AXES,)),
    Attribute("active", "bool", "An axis moves, or a flight goes on."),
    Attribute("fly_axis", "str", "Axis that flies.", access="rw"),
    _place("fly_start", "First edge, user frame."),
    _place("fly_stop", "Last edge, user frame."),
    Attribute("fly_points", "int", "Equal parts between them.", access="rw", low=1, high=MOST_POINTS),
    Attribute(
        "fly_rate", "float", "Parts per second.", unit="Hz", precision=3, access="rw", low=1e-3, high=1e4
    ),
    Attribute("fly_velocity", "float", "Speed of a flight, units per second.", precision=4),
    Attribute("flying", "bool", "A flight goes on, with its approach."),
    Attribute("fly_phase", "enum", "What it is at.", choices=PHASES, choice_severity=(0, 0, 0, 0, 0, 2)),
    Attribute("fly_problem", "str", "Why the last flight failed."),
    Attribute("pulses", "bool", "Edges give pulses to the detectors."),
    Attribute("readings", "int", "Readings of the last flight."),
    Attribute("reading_rate", "float", "Readings per second in the last flight.", unit="Hz", precision=1),
    Attribute("reading_gap", "float", "Longest time between two of them.", unit="ms", precision=1),
    Attribute("time_error", "float", "Largest error of their times.", unit="ms", precision=2),
    Attribute("exposure", "int", "Number of the flight in the run."),
    Attribute("run", "str", "Run that is open, or the last one.", pv="RunId_RBV"),
    Attribute("log_folder", "str", "Folder of the run log.", pv="FilePath_RBV"),
    Attribute("log_written", "int", "Bytes of this run in its files.", unit="B"),
    Attribute("log_durable", "int", "Bytes that survive a power cut.", unit="B"),
    Attribute("ring_fill", "float", "Fill of the ring before the disk.", unit="%", precision=1),
    Attribute("ring_dropped", "int", "Words dropped at the full ring.", alarms=(None, None, 1.0, None)),
    Attribute("condition", "str", "Condition of the run. GOOD if all is well."),
)

STAGE_COMMANDS = (
    Command("approach", "Go to the begin of the run-up.", states=OPERATING, busy="flying"),
    Command("fly", "Fly once, as set. Approaches first.", states=OPERATING, busy="flying"),
    Command("stop", "Stop all axes.", states=ALWAYS, overtakes=True, busy="active"),
)
