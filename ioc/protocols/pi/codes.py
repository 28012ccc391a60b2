"""Errors, parameters and status bits of GCS 2.0 (manuals of C-663, C-863, C-884; PI's GCS error list)."""

from enum import IntEnum, IntFlag


class Code(IntEnum):
    """What `ERR?` tells."""

    NONE = 0
    SYNTAX = 1
    UNKNOWN = 2
    UNREFERENCED = 5
    LIMIT = 7
    VELOCITY = 8
    STOPPED = 10
    AXIS = 15
    RANGE = 17
    TWICE = 22
    ILLEGAL_AXIS = 23
    COUNT = 24
    NUMBER = 25
    MISSING = 26
    SOFT_RANGE = 27
    NO_REFERENCE = 31
    NO_SWITCH = 32
    REFERENCING = 45
    MOVING = 53
    PARAMETER = 54
    SWITCH = 216
    MOTION = -1024


TEXTS = {
    Code.SYNTAX: "syntax error",
    Code.UNKNOWN: "unknown command",
    Code.UNREFERENCED: "not referenced, or the servo is off",
    Code.LIMIT: "position out of limits",
    Code.VELOCITY: "velocity out of limits",
    Code.STOPPED: "stopped by command",
    Code.AXIS: "invalid axis",
    Code.RANGE: "parameter out of range",
    Code.TWICE: "axis named twice",
    Code.ILLEGAL_AXIS: "illegal axis",
    Code.COUNT: "wrong number of arguments",
    Code.NUMBER: "bad number",
    Code.MISSING: "arguments missing",
    Code.SOFT_RANGE: "soft limit out of range",
    Code.NO_REFERENCE: "no reference switch",
    Code.NO_SWITCH: "no limit switches",
    Code.REFERENCING: "reference run failed",
    Code.MOVING: "a move is in progress",
    Code.PARAMETER: "unknown parameter",
    Code.SWITCH: "on a limit switch",
    Code.MOTION: "motion error: the position error is too large, the servo is off",
}


class Trigger(IntEnum):
    """Parameters of a trigger output, of `CTO`; from the manuals, not tried on hardware."""

    STEP = 1
    """Way between pulses."""
    AXIS = 2
    MODE = 3
    START = 8
    """Position of the first pulse."""
    STOP = 9


DISTANCE = 0
"""The mode in which pulses come after equal ways, between start and stop."""


def text(code: int) -> str:
    """An error in words."""
    return f"{TEXTS.get(Code(code), '') if code in set(Code) else 'see the manual'} (error {code})"


class Param(IntEnum):
    """Parameters of an axis."""

    SPEED_MAX = 0x0A
    ACCELERATION = 0x0B
    DECELERATION = 0x0C
    COUNTS = 0x0E
    """Counts for one unit: numerator."""
    UNITS = 0x0F
    """The same: denominator."""
    HAS_REFERENCE = 0x14
    HIGH = 0x15
    """Largest position."""
    AT_REFERENCE = 0x16
    LOW = 0x30
    NO_SWITCHES = 0x32
    STAGE = 0x3C
    SPEED = 0x49
    ACCELERATION_MAX = 0x4A
    DECELERATION_MAX = 0x4B
    HOME_SPEED = 0x50
    UNIT = 0x7000601


class Status(IntFlag):
    """Status register of an axis (#4, SRG?)."""

    LIMIT_MINUS = 1 << 0
    REFERENCE = 1 << 1
    LIMIT_PLUS = 1 << 2
    ERROR = 1 << 8
    SERVO = 1 << 12
    MOVING = 1 << 13
    REFERENCING = 1 << 14
    ON_TARGET = 1 << 15


def status_words(line: str) -> list[int]:
    """Read the answer to #4: four hex digits for each axis; ValueError when it is none."""
    digits = line.lower().removeprefix("0x")
    if not digits or len(digits) % 4:
        raise ValueError(f"status {line!r} has no four digits for each axis")
    return [int(digits[n : n + 4], 16) for n in range(0, len(digits), 4)]
