"""Options of an axis in the station file, and the settings that they make."""

from dataclasses import dataclass, field
from typing import Any

from ..axis.settings import Settings
from .axis_table import DIRECTIONS, RETRY_MODES


def _above(default: float) -> Any:
    return field(default=default, metadata={"low": 0.0})


@dataclass(frozen=True, kw_only=True)
class AxisOptions:
    """Options of an axis."""

    controller: str
    """Name of the controller, an instrument of the same process."""
    channel: str = "1.1"
    """Its name for the axis, such as 1.1 or X."""
    unit: str = "mm"
    """Unit of positions."""
    precision: int = field(default=4, metadata={"low": 0, "high": 9})
    """Digits after the point."""
    resolution: float = 0.001
    """Way of one step; negative when the motor counts the other way."""
    steps_per_revolution: int = field(default=200, metadata={"low": 1})
    """Full steps times micro steps."""
    encoder_resolution: float = 0.0
    """Way of an encoder count; 0: that of a step."""
    use_encoder: bool = False
    """The encoder tells the position."""
    offset: float = 0.0
    """User frame less dial frame at first."""
    direction: str = field(default="Pos", metadata={"choices": DIRECTIONS})
    """Sign of the user frame at first."""
    low: float = 0.0
    """Lower soft limit, dial frame; both 0: none."""
    high: float = 0.0
    """Upper soft limit, dial frame."""
    velocity: float = field(default=1.0, metadata={"above": 0.0})
    """Speed, units per second."""
    velocity_base: float = _above(0.0)
    """Speed reached without a ramp."""
    velocity_max: float = _above(0.0)
    """Largest speed; 0: none."""
    acceleration_time: float = _above(0.2)
    """Seconds from base speed to speed."""
    home_velocity: float = field(default=0.5, metadata={"above": 0.0})
    """Speed of a home search."""
    jog_velocity: float = field(default=0.5, metadata={"above": 0.0})
    """Speed of a jog."""
    jog_acceleration: float = field(default=1.0, metadata={"above": 0.0})
    """Ramp of a jog, units per second squared."""
    backlash: float = 0.0
    """Signed last approach; 0: none."""
    backlash_velocity: float = field(default=0.5, metadata={"above": 0.0})
    """Speed of the last approach."""
    retries: int = field(default=0, metadata={"low": 0, "high": 100})
    """Retries at most; needs an encoder."""
    retry_deadband: float = _above(0.0)
    """Allowed error."""
    retry_mode: str = field(default="Default", metadata={"choices": RETRY_MODES})
    """How a retry goes."""
    settle_time: float = _above(0.0)
    """Seconds to wait before a move is judged."""
    following_error_limit: float = _above(0.0)
    """Allowed motor less encoder; 0: not watched."""
    tweak_size: float = _above(0.1)
    """Size of a tweak."""
    poll_s: float = field(default=0.5, metadata={"low": 0.02, "high": 10.0})
    """Time between readings at rest."""
    poll_moving_s: float = field(default=0.05, metadata={"low": 0.01, "high": 1.0})
    """Time between readings in motion."""

    def __post_init__(self) -> None:
        if not self.resolution:
            raise ValueError("resolution of 0: it must be the way of one step, signed")
        if self.low > self.high:
            raise ValueError(f"low of {self.low} is above high of {self.high}")

    def settings(self) -> Settings:
        """Give what they make."""
        same = set(Settings.__dataclass_fields__) & set(self.__dataclass_fields__)
        return Settings(
            **{name: getattr(self, name) for name in same}, low_dial=self.low, high_dial=self.high
        )
