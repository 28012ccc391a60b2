"""The fields of a motor record and the attributes of an axis that they are: a table for all faces."""

from collections.abc import Iterator

DOUBLES = """VAL target DVAL target_dial RLV relative OFF offset HLM high LLM low DHLM high_dial DLLM low_dial
TWV tweak_size VELO velocity VBAS velocity_base VMAX velocity_max ACCL acceleration_time HVEL home_velocity
JVEL jog_velocity JAR jog_acceleration BDST backlash BVEL backlash_velocity BACC backlash_acceleration
RDBD retry_deadband DLY settle_time MRES resolution UREV units_per_revolution ERES encoder_resolution"""
LONGS = """RVAL target_raw SREV steps_per_revolution RTRY retries HOMF home_forward HOMR home_reverse
JOGF jog_forward JOGR jog_reverse TWF tweak_forward TWR tweak_reverse"""
SHOWN_DOUBLES = "RBV position DRBV position_dial DIFF difference"
SHOWN_LONGS = """RRBV position_raw RMP motor_raw REP encoder RDIF difference_raw DMOV done MOVN moving
LVIO limit_violation HLS limit_high LLS limit_low RHLS limit_high_raw RLLS limit_low_raw ATHM at_home
RCNT retry_count MISS missed MSTA status_word"""
MENUS = {
    "DIR": ("direction", ("Pos", "Neg")),
    "FOFF": ("offset_frozen", ("Variable", "Frozen")),
    "SET": ("calibrate", ("Use", "Set")),
    "SPMG": ("mode", ("Stop", "Pause", "Move", "Go")),
    "UEIP": ("use_encoder", ("No", "Yes")),
    "CNEN": ("enabled", ("Disable", "Enable")),
    "RMOD": ("retry_mode", ("Default", "Arithmetic", "Geometric", "In-Position")),
}
TEXTS = {"EGU": "unit", "OUT": "controller"}
STEPS = ("MRES", "ERES")
"""Fields with more digits than PREC says."""
LIMITED = ("VAL", "RBV")
"""Fields whose control limits are HLM and LLM: clients take limits from there."""
OF_RECORD = ("STAT", "SEVR", "AMSG", "UDF", "ACKS")
"""Fields of the record that are those of its position."""


def pairs(text: str) -> Iterator[tuple[str, str]]:
    """Give (field, attribute) of a text of both in turn."""
    words = text.split()
    return zip(words[::2], words[1::2], strict=True)


FIELDS = {
    field: attribute
    for text in (DOUBLES, LONGS, SHOWN_DOUBLES, SHOWN_LONGS)
    for field, attribute in pairs(text)
} | {field: attribute for field, (attribute, _) in MENUS.items()} | TEXTS  # fmt: skip
"""Field -> attribute of the axis."""
