"""The attributes and commands of an axis; after each the motor record's field, where it has one."""

from hitline.bus.attribute import Attribute, Command
from hitline.bus.states import ALWAYS, OPERATING

DIRECTIONS = ("Pos", "Neg")
MODES = ("Stop", "Pause", "Move", "Go")
RETRY_MODES = ("Default", "Arithmetic", "Geometric", "In-Position")
ALARMS = ("NO_ALARM", "HIGH", "LOW", "STATE", "COMM")
"""Words of the record's STAT that an axis can have."""


def _flag(name: str, doc: str, access: str = "r", busy: str = "") -> Attribute:
    return Attribute(name, "bool", doc, access=access, busy=busy)


def _count(name: str, doc: str, access: str = "r", low: int | None = None, busy: str = "") -> Attribute:
    return Attribute(name, "int", doc, access=access, low=low, busy=busy)


def axis_attributes(unit: str = "mm", precision: int = 4) -> tuple[Attribute, ...]:
    """Give the table of an axis whose positions are in `unit` with `precision` digits."""

    def place(name: str, doc: str, access: str = "r", busy: str = "") -> Attribute:
        return Attribute(name, "float", doc, unit=unit, precision=precision, access=access, busy=busy)

    def speed(name: str, doc: str, per: str = "/s") -> Attribute:
        return Attribute(name, "float", doc, unit=unit + per, precision=precision, access="rw", low=0.0)

    def time(name: str, doc: str) -> Attribute:
        return Attribute(name, "float", doc, unit="s", precision=3, access="rw", low=0.0, high=3600.0)

    return (
        place("target", "Where to go, user frame. Setting it moves.", "rw", "active"),  # VAL
        place("target_dial", "Where to go, dial frame.", "rw", "active"),  # DVAL
        _count("target_raw", "Where to go, in steps.", "rw", busy="active"),  # RVAL
        place("relative", "Go so far from the target.", "rw", "active"),  # RLV
        place("position", "Where it is, user frame."),  # RBV
        place("position_dial", "Where it is, dial frame."),  # DRBV
        _count("position_raw", "Where it is, in steps or encoder counts."),  # RRBV
        _count("motor_raw", "Counter of motor steps."),  # RMP
        _count("encoder", "Counter of the encoder."),  # REP
        place("difference", "Target less position, dial frame."),  # DIFF
        _count("difference_raw", "Target less position, in steps."),  # RDIF
        _flag("active", "A request is being carried out. The inverse of done."),
        _flag("done", "Nothing is left to do. False until backlash, retries and settling are over."),  # DMOV
        _flag("moving", "The motor turns."),  # MOVN
        Attribute("travel_direction", "enum", "Last direction, user frame.", choices=("Neg", "Pos")),  # TDIR
        Attribute("mode", "enum", "Whether it may move.", access="rw", choices=MODES),  # SPMG
        place("offset", "User frame less dial frame. No motion.", "rw"),  # OFF
        Attribute("direction", "enum", "Sign of the user frame.", access="rw", choices=DIRECTIONS),  # DIR
        _flag("offset_frozen", "Offset stays when calibrating.", "rw"),  # FOFF
        _flag("calibrate", "Targets redefine the position. No motion.", "rw"),  # SET
        place("high", "Upper soft limit, user frame.", "rw"),  # HLM
        place("low", "Lower soft limit, user frame.", "rw"),  # LLM
        place("high_dial", "Upper soft limit, dial frame. Both 0: none.", "rw"),  # DHLM
        place("low_dial", "Lower soft limit, dial frame.", "rw"),  # DLLM
        _flag("limit_violation", "A request was beyond a soft limit."),  # LVIO
        _flag("limit_high", "Upper limit switch, user frame."),  # HLS
        _flag("limit_low", "Lower limit switch, user frame."),  # LLS
        _flag("limit_high_raw", "Limit switch of growing steps."),  # RHLS
        _flag("limit_low_raw", "Limit switch of falling steps."),  # RLLS
        _flag("home_forward", "Search home upwards, dial frame. Falls when over.", "rw", "active"),  # HOMF
        _flag("home_reverse", "Search home downwards, dial frame.", "rw", "active"),  # HOMR
        _flag("homed", "The position is referenced. False after lost steps or a restart."),  # MSTA 14
        _flag("at_home", "The home switch is pressed."),  # ATHM
        _flag("jog_forward", "Run up while true, to a second before the limit.", "rw"),  # JOGF
        _flag("jog_reverse", "Run down while true.", "rw"),  # JOGR
        _flag("tweak_forward", "Go up by the tweak size.", "rw", "active"),  # TWF
        _flag("tweak_reverse", "Go down by the tweak size.", "rw", "active"),  # TWR
        place("tweak_size", "Size of a tweak.", "rw"),  # TWV
        speed("velocity", "Speed. Kept between base and maximum."),  # VELO
        speed("velocity_base", "Speed reached without a ramp."),  # VBAS
        speed("velocity_max", "Largest speed. 0 is no maximum."),  # VMAX
        time("acceleration_time", "Time from base speed to speed."),  # ACCL
        speed("home_velocity", "Speed of the home search."),  # HVEL
        speed("jog_velocity", "Speed of a jog."),  # JVEL
        speed("jog_acceleration", "Ramp of a jog.", "/s2"),  # JAR
        place("backlash", "Signed last approach. 0 is none.", "rw"),  # BDST
        speed("backlash_velocity", "Speed of the last approach."),  # BVEL
        time("backlash_acceleration", "Ramp time of the last approach."),  # BACC
        Attribute(
            "retry_deadband", "float", "Allowed error.", unit=unit, precision=precision, access="rw", low=0.0
        ),  # RDBD
        Attribute("retries", "int", "Retries at most.", access="rw", low=0, high=100),  # RTRY
        Attribute("retry_mode", "enum", "How a retry goes.", access="rw", choices=RETRY_MODES),  # RMOD
        _count("retry_count", "Retries made in this move."),  # RCNT
        _flag("missed", "The last move ended off its target."),  # MISS
        time("settle_time", "Wait after a move, before it is judged."),  # DLY
        Attribute(
            "resolution", "float", "Way of one step. Signed.", unit=unit, precision=7, access="rw"
        ),  # MRES
        Attribute(
            "steps_per_revolution", "int", "Steps of a revolution.", access="rw", low=1, high=10**9
        ),  # SREV
        Attribute(
            "units_per_revolution", "float", "Way of a revolution.", unit=unit, precision=6, access="rw"
        ),  # UREV
        Attribute(
            "encoder_resolution",
            "float",
            "Way of an encoder count. 0: that of a step.",
            unit=unit,
            precision=7,
            access="rw",
        ),  # ERES
        _flag("use_encoder", "The encoder tells the position.", "rw"),  # UEIP
        Attribute(
            "following_error_limit",
            "float",
            "Allowed motor less encoder. 0 is off.",
            unit=unit,
            precision=precision,
            access="rw",
            low=0.0,
        ),
        place("following_error", "Motor less encoder. Since it was homed or loaded."),
        _flag("enabled", "Power stage or servo is on.", "rw"),  # CNEN
        _count("status_word", "Bits of the controller's status. As MSTA of the motor record."),  # MSTA
        Attribute("alarm", "enum", "Alarm of the whole axis.", choices=ALARMS),  # STAT
        Attribute("problem", "str", "What is wrong, in words."),
        Attribute("unit", "str", "Unit of positions."),  # EGU
        _count("precision", "Digits after the point."),  # PREC
        Attribute("controller", "str", "Controller and channel of the axis."),  # OUT
    )


AXIS = axis_attributes()

AXIS_COMMANDS = (
    Command("stop", "Stop. The target becomes the position.", states=ALWAYS, overtakes=True, busy="active"),
    Command("clear", "Clear errors of the controller.", states=OPERATING),
    Command("restore", "Load the remembered position. Moves nothing.", states=OPERATING, busy="active"),
)
