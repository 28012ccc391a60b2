"""What every analysis worker shows, whatever blocks it runs."""

from ..bus.attribute import Attribute

MAX_WINDOW_NS = 25_600.0
"""The largest cluster window that the kernels take."""
MAX_UPDATE_HZ = 50.0
"""Higher, and pictures fill the bus without anybody seeing more."""

ATTRIBUTES = (
    Attribute("exposure", "int", "Exposure of the results. Published after all the others."),
    Attribute("run", "str", "Run that is analysed, or the last one.", pv="RunId_RBV"),
    Attribute("analysing", "bool", "True from begin to end of an exposure."),
    Attribute("lag", "int", "Log bytes not analysed yet.", unit="bytes"),
    Attribute("lag_s", "float", "Age of the newest block at its analysis.", unit="s", precision=3),
    Attribute(
        "lost",
        "int",
        "Lost hits or packets of this run. As the readout counts them, else by "
        "the packet counter in the stream; INVALID when nobody counts.",
    ),
    Attribute("late_hits", "int", "Hits too late to be in clusters. They count everywhere else."),
    Attribute("unknown_words", "int", "Words that mean nothing."),
    Attribute("blocks", "int", "Log blocks analysed of this run."),
    Attribute("set_aside", "int", "Blocks that failed three times. The results lack their hits."),
    Attribute(
        "update_rate",
        "float",
        "Most updates per second",
        unit="Hz",
        precision=1,
        access="rw",
        low=0.1,
        high=MAX_UPDATE_HZ,
    ),
    Attribute(
        "window",
        "float",
        "Longest time between neighbouring hits. A new value holds from the next exposure on.",
        unit="ns",
        precision=1,
        access="rw",
        low=0.0,
        high=MAX_WINDOW_NS,
    ),
)
