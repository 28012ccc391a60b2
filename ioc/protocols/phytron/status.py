"""Status words and parameters of Phytron's controllers (manual MA 1240, epics-motor's motorPhytron)."""

from enum import IntEnum, IntFlag

BUSY_BITS = 1 << 0 | 1 << 2 | 1 << 16 | 1 << 17
"""phyMOTION: busy, waiting for sync, running, in recovery time."""


class Status(IntFlag):
    """`SE` of an axis of a phyMOTION."""

    BUSY = 1 << 0
    INVALID = 1 << 1
    """The last command was invalid."""
    SYNC = 1 << 2
    INITIALISED = 1 << 3
    """Referenced."""
    LIMIT_PLUS = 1 << 4
    LIMIT_MINUS = 1 << 5
    CENTRE = 1 << 6
    SOFT_PLUS = 1 << 7
    SOFT_MINUS = 1 << 8
    INTERNAL = 1 << 11
    LIMIT_ERROR = 1 << 12
    """A limit switch ended a move; stays until it is cleared (SEC)."""
    STAGE = 1 << 13
    """Power-stage error."""
    STEP_LOSS = 1 << 14
    ENCODER = 1 << 15
    RUNNING = 1 << 16
    RECOVERY = 1 << 17
    IN_POSITION = 1 << 19


PROBLEMS = {
    Status.INTERNAL: "internal error",
    Status.STAGE: "power-stage error",
    Status.ENCODER: "encoder error",
}
"""What the words say that stops an axis; step loss is told apart."""


class MccStatus(IntFlag):
    """`SE` of an MCC: one word of four hex digits for each axis."""

    STAGE = 1 << 0
    UNDERVOLTAGE = 1 << 1
    OVERTEMPERATURE = 1 << 2
    STAGE_ON = 1 << 3
    LIMIT_MINUS = 1 << 4
    LIMIT_PLUS = 1 << 5
    STEP_LOSS = 1 << 6
    ENCODER = 1 << 7
    STANDSTILL = 1 << 8
    REFERENCED = 1 << 9


MCC_PROBLEMS = {
    MccStatus.STAGE: "power-stage error",
    MccStatus.UNDERVOLTAGE: "undervoltage",
    MccStatus.OVERTEMPERATURE: "overtemperature",
    MccStatus.ENCODER: "encoder error",
}
NO_STAGE = MccStatus.STAGE | MccStatus.UNDERVOLTAGE | MccStatus.OVERTEMPERATURE


def mcc_words(text: str) -> list[int]:
    """Status words of the axes, in their order; ValueError when they are none."""
    if len(text) % 4:
        raise ValueError(f"status {text!r} has no four digits for each axis")
    return [int(text[n : n + 4], 16) for n in range(0, len(text), 4)]


class P(IntEnum):
    """Parameters of an axis."""

    TYPE = 1
    """0 rotary: limits are ignored; 1 linear."""
    START = 4
    """Start-stop frequency, Hz."""
    STOP_RAMP = 7
    HOME_SPEED = 8
    HOME_RAMP = 9
    CREEP = 10
    OFFSET_PLUS = 11
    OFFSET_MINUS = 12
    SPEED = 14
    RAMP = 15
    POSITION = 20
    """Mechanical zero counter: the position, steps."""
    ENCODER = 22
    SOFT_PLUS = 23
    SOFT_MINUS = 24
    """0: none."""
    SWITCHES = 27
    ENCODER_TYPE = 34


DEFAULTS: dict[int, int] = {
    P.TYPE: 1, P.START: 400, P.STOP_RAMP: 100_000, P.HOME_SPEED: 4000, P.HOME_RAMP: 4000, P.CREEP: 400,
    P.OFFSET_PLUS: 0, P.OFFSET_MINUS: 0, P.SPEED: 4000, P.RAMP: 4000, P.POSITION: 0, P.ENCODER: 0,
    P.SOFT_PLUS: 0, P.SOFT_MINUS: 0, P.SWITCHES: 0, P.ENCODER_TYPE: 0,
}  # fmt: skip
RAMPS = (4_000, 500_000)
"""Hz/s that the run ramp takes."""
MCC_DEFAULTS = {**DEFAULTS, P.TYPE: 0}
SPEED_MAX = {"phymotion": 500_000, "mcc": 40_000}
"""Hz."""
