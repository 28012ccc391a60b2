"""The attributes and commands of an emulated Katherine: knobs, faults, and the truth to compare with."""

from hitline.bus.attribute import Attribute, Command
from hitline.bus.states import OPERATING

from .knobs import MODE_LATCHES, STOPS, WORDS_DROPPED


def _share(name: str, doc: str) -> Attribute:
    return Attribute(name, "float", doc, precision=3, access="rw", low=0.0, high=1.0)


KNOBS = (
    Attribute(
        "mode_latch",
        "enum",
        "When 0x09 takes effect. Latched as hardware.",
        access="rw",
        choices=MODE_LATCHES,
    ),
    Attribute("on_stop", "enum", "What a stop does to an open frame.", access="rw", choices=STOPS),
    Attribute("unknown_ack", "bool", "Acknowledge commands without a meaning.", access="rw"),
    Attribute("datagram_bytes", "int", "Largest data datagram.", unit="B", access="rw", low=6, high=65502),
)
FAULTS = (
    _share("drop", "Share of hit datagrams lost. Those with hits only."),
    Attribute("drop_word", "enum", "Words that are left out.", access="rw", choices=WORDS_DROPPED),
    Attribute("drop_crd", "int", "Answers to come that are lost.", access="rw", low=0, high=10**6),
    Attribute(
        "drop_px_chunk",
        "int",
        "Datagram of the next upload lost. From 1 on, 0 is none.",
        access="rw",
        low=0,
        high=10**6,
    ),
    _share("duplicate", "Share of datagrams that come twice."),
    _share("reorder", "Share of datagrams that are overtaken."),
    _share("truncate", "Share of datagrams cut short. By 1 to 5 bytes."),
    Attribute(
        "late_ms",
        "float",
        "Delay of answers and data.",
        unit="ms",
        precision=1,
        access="rw",
        low=0.0,
        high=60_000.0,
    ),
    Attribute("stall", "bool", "Neither answers nor sends.", access="rw"),
    Attribute("foreign", "bool", "Another address answers as well.", access="rw"),
    Attribute("lost_inside", "int", "Hits of a frame lost in the readout.", access="rw", low=0, high=2**31),
    Attribute("trigger_channel", "int", "Input that triggers come on.", access="rw", low=0, high=15),
    Attribute("trigger_falling", "bool", "Triggers are falling edges.", access="rw"),
)
TRUTH = (
    Attribute("hits_sent", "int", "Hits sent, before any fault."),
    Attribute("hits_dropped", "int", "Of those, lost by a fault."),
    Attribute("words_sent", "int", "Words sent, before any fault."),
    Attribute("words_dropped", "int", "Of those, lost by a fault. Without hits."),
    Attribute("datagrams_sent", "int", "Data datagrams sent."),
    Attribute("datagrams_dropped", "int", "Data datagrams lost by a fault."),
    Attribute("frames_sent", "int", "Frames that came to an end."),
    Attribute("commands", "int", "Commands that came."),
    Attribute("answers_dropped", "int", "Answers lost by a fault."),
    Attribute("uploads", "int", "Pixel configurations that came."),
    Attribute("acquiring", "bool", "An acquisition goes on."),
    Attribute("threshold_e", "float", "Threshold of an average pixel.", unit="e-", precision=0),
    Attribute("bias_v", "float", "Bias of the sensor.", unit="V", precision=2),
    Attribute("masked", "int", "Pixels that are off."),
    Attribute("mode", "str", "Mode in the chip."),
    Attribute("behind_ms", "float", "How late the data are made.", unit="ms", precision=0),
    Attribute("listening", "str", "Address and port of the commands."),
)
COMMANDS = (
    Command(
        "reboot", "Forget everything. Silent for so many s.", args=(("silence_s", "float"),), states=OPERATING
    ),
    Command("trigger", "An edge on an input. A trigger word in the data.", states=OPERATING),
)
