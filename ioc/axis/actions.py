"""What an axis asks of its controller, and what the controller tells it: plain data in motor steps.

Only bounded moves exist. A jog is a move to a place short of the limit, so that a controller whose driver has
died comes to rest by itself. Steps are the controller's own counts (negative resolutions are the axis'
business), speeds are steps/s, ramps steps/s².
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that a controller shall do. Base of all."""


@dataclass(frozen=True, slots=True)
class MoveTo(Action):
    """Go to an absolute count and stop there. Only ever asked of an axis at rest."""

    steps: int
    speed_hz: float
    start_hz: float
    """Speed that is reached without a ramp; at most `speed_hz`."""
    ramp_hz_s: float


@dataclass(frozen=True, slots=True)
class Stop(Action):
    """Come to rest with the ramp of the move. Harmless at rest; overtakes whatever waits in the link."""


@dataclass(frozen=True, slots=True)
class StopHard(Action):
    """Come to rest as fast as the controller can; it may lose steps."""


@dataclass(frozen=True, slots=True)
class Home(Action):
    """Search the reference and set the counters there. The axis has stopped before and lifted its limits."""

    direction: int
    """+1 or -1, of the steps."""
    speed_hz: float
    ramp_hz_s: float
    creep_hz: float
    """Slow speed of the last part, where the controller has one."""


@dataclass(frozen=True, slots=True)
class SetPosition(Action):
    """Change the counters without moving."""

    steps: int
    encoder: int
    """Count of the encoder at that place, for controllers that have one."""


@dataclass(frozen=True, slots=True)
class Enable(Action):
    """Switch the power stage or the servo."""

    on: bool


@dataclass(frozen=True, slots=True)
class SetLimits(Action):
    """Program the controller's own soft limits; None switches them off. Only asked at rest.

    A controller that has none may ignore it.
    """

    low_steps: int | None
    high_steps: int | None


@dataclass(frozen=True, slots=True)
class ClearErrors(Action):
    """Clear latched errors; asked before a move when the last reading had a problem."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a controller says of one axis, all taken at one time."""

    steps: int
    """Counter of motor steps."""
    encoder: int | None = None
    """Counter of the encoder; None where there is none."""
    moving: bool = False
    """True from the moment a move or home search is accepted until it is over with all its parts."""
    limit_plus: bool = False
    """The switch in the direction of growing steps is pressed."""
    limit_minus: bool = False
    home_switch: bool = False
    homed: bool | None = None
    """Its counters are referenced; None when the controller does not know, and the axis keeps count."""
    enabled: bool = True
    """The power stage or servo is on."""
    problem: str = ""
    """What is wrong in words: power stage, temperature, refused command. Empty when all is well."""
    slip: bool = False
    """The controller itself has seen lost steps, a stall or too large a position error."""
    boots: int = 0
    """Grows by one whenever the driver has noticed that the controller restarted."""
    acted: int = 0
    """Number of actions that had been carried out when it was taken; the axis driver fills it in."""
