"""The attributes of an axis, from its state: three frames, flags, the status word, the alarm (pure)."""

from typing import Any

from .axis import Axis
from .core import Phase
from .settings import Settings

DIRECTION, DONE, PLUS, AT_HOME, SLIP, PRESENT, PROBLEM, MOVING, GAIN, COMM, MINUS, HOMED = (
    0, 1, 2, 3, 6, 8, 9, 10, 11, 12, 13, 14,
)  # fmt: skip
"""Bits of the status word, MSTA of the motor record."""
SETTINGS = (
    "offset",
    "direction",
    "offset_frozen",
    "calibrate",
    "mode",
    "high",
    "low",
    "high_dial",
    "low_dial",
    "velocity",
    "velocity_base",
    "velocity_max",
    "acceleration_time",
    "home_velocity",
    "jog_velocity",
    "jog_acceleration",
    "backlash",
    "backlash_velocity",
    "backlash_acceleration",
    "retry_deadband",
    "retries",
    "retry_mode",
    "settle_time",
    "tweak_size",
    "resolution",
    "steps_per_revolution",
    "units_per_revolution",
    "encoder_resolution",
    "use_encoder",
    "following_error_limit",
)
UNKNOWN = (
    "position",
    "position_dial",
    "position_raw",
    "motor_raw",
    "encoder",
    "difference",
    "difference_raw",
    "moving",
    "limit_high",
    "limit_low",
    "limit_high_raw",
    "limit_low_raw",
    "homed",
    "at_home",
    "following_error",
    "enabled",
)
"""Attributes that are None while the controller does not answer."""


def shown(axis: Axis, known: Settings | None = None) -> dict[str, Any]:
    """Give the value of each attribute, None where it is not known; in the order in which to tell them.

    Whether it is done comes last: who waits for that finds everything else as it belongs to it. The settings
    are left out while they are the `known` ones: a reading that comes 20 times a second does not change them.
    """
    s = axis.settings
    measured = _measured(axis)
    word, reason = alarm(axis, measured)
    return {
        **({} if s is known else {name: getattr(s, name) for name in SETTINGS}),
        **measured,
        "target": s.user(axis.target),
        "target_dial": axis.target,
        "target_raw": s.steps(axis.target),
        "relative": 0.0,
        "travel_direction": "Pos" if axis.travel_up == (s.sign > 0) else "Neg",
        "limit_violation": axis.limit_violation,
        "home_forward": axis.home_way > 0,
        "home_reverse": axis.home_way < 0,
        "jog_forward": axis.jog_way * s.sign > 0,
        "jog_reverse": axis.jog_way * s.sign < 0,
        "tweak_forward": False,
        "tweak_reverse": False,
        "retry_count": axis.retry_count,
        "missed": axis.missed,
        "alarm": word,
        "problem": reason,
        "status_word": status_word(axis),
        "done": not axis.active,
        "active": axis.active,
    }


def _measured(axis: Axis) -> dict[str, Any]:
    reading, position, s = axis.reading, axis.position, axis.settings
    if reading is None or position is None:
        return dict.fromkeys(UNKNOWN)
    steps = s.resolution > 0
    high, low = (
        (reading.limit_plus, reading.limit_minus) if steps else (reading.limit_minus, reading.limit_plus)
    )
    high, low = (high, low) if s.sign > 0 else (low, high)
    encoder = s.use_encoder and reading.encoder is not None
    return {
        "position": s.user(position),
        "position_dial": position,
        "position_raw": reading.encoder if encoder else reading.steps,
        "motor_raw": reading.steps,
        "encoder": reading.encoder,
        "difference": axis.target - position,
        "difference_raw": s.steps(axis.target - position),
        "moving": reading.moving,
        "limit_high": high,
        "limit_low": low,
        "limit_high_raw": reading.limit_plus,
        "limit_low_raw": reading.limit_minus,
        "homed": axis.homed,
        "at_home": reading.home_switch,
        "following_error": axis.health.following,
        "enabled": reading.enabled,
    }


def status_word(axis: Axis) -> int:
    """MSTA."""
    reading = axis.reading
    bits = {DIRECTION: axis.travel_up, DONE: not axis.active, COMM: reading is None, GAIN: True}
    if reading is not None:
        bits |= {
            PLUS: reading.limit_plus,
            MINUS: reading.limit_minus,
            AT_HOME: reading.home_switch,
            SLIP: reading.slip or bool(axis.health.fault),
            PRESENT: reading.encoder is not None,
            PROBLEM: bool(reading.problem),
            MOVING: reading.moving,
            HOMED: axis.homed,
        }
    return sum(1 << bit for bit, on in bits.items() if on)


def alarm(axis: Axis, measured: dict[str, Any] | None = None) -> tuple[str, str]:
    """(word of STAT, reason), the worst first; `measured` where it is known already."""
    reading, s, position = axis.reading, axis.settings, axis.position
    if reading is None or position is None:
        return "COMM", axis.link_fault
    if axis.health.fault:
        return "STATE", axis.health.fault
    if reading.problem:
        return "STATE", reading.problem
    if axis.refused and axis.phase is Phase.REST:
        return "STATE", axis.refused
    switches = measured or _measured(axis)
    for side in ("high", "low"):
        if switches[f"limit_{side}"]:
            return side.upper(), f"on the {'upper' if side == 'high' else 'lower'} limit switch"
    if s.limited and s.low_dial <= s.high_dial and not s.low <= s.user(position) <= s.high:
        half = abs(s.resolution)
        if s.user(position) > s.high + half:
            return "HIGH", f"above the soft limit of {s.high:g}"
        if s.user(position) < s.low - half:
            return "LOW", f"below the soft limit of {s.low:g}"
    return "NO_ALARM", ""


def failure(axis: Axis) -> str:
    """Why what the axis did last has not come to its end as asked; empty where it has."""
    reading = axis.reading
    if reading is None or axis.position is None:
        return axis.link_fault or "where the axis is, is not known"
    if why := axis.health.fault or reading.problem or axis.refused:
        return why
    return f"it missed the target: it stands at {axis.settings.user(axis.position):g}" if axis.missed else ""
