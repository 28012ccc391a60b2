"""The attributes and commands that every hit detector has; names follow areaDetector where it has a word."""

from hitline.bus.attribute import Attribute, Command
from hitline.bus.states import ALWAYS

from .ending import ENDS, SEVERITIES

STATES = (
    "Idle",
    "Acquire",
    "Readout",
    "Correct",
    "Saving",
    "Aborting",
    "Error",
    "Waiting",
    "Initializing",
    "Disconnected",
    "Aborted",
)

DETECTOR = (
    Attribute(
        "acquire",
        "enum",
        "Begin or stop an exposure. In RUN one of the run, else in a run of its own.",
        access="rw",
        choices=("Done", "Acquire"),
        busy="acquiring",
        pv="Acquire",
    ),
    Attribute("acquiring", "bool", "An exposure is going on.", pv="AcquireBusy"),
    Attribute(
        "acquire_time",
        "float",
        "Longest exposure; 0 is no limit.",
        unit="s",
        precision=3,
        access="rw",
        low=0.0,
        high=1e7,
    ),
    Attribute(
        "detector_state",
        "enum",
        "What it does. Acquire only between BEGIN and END.",
        choices=STATES,
        choice_severity=(0, 0, 0, 0, 0, 0, 2, 0, 0, 3, 1),
        pv="DetectorState_RBV",
    ),
    Attribute("exposure", "int", "Number of the exposure in the run."),
    Attribute(
        "exposure_end",
        "enum",
        "How the exposure ended.",
        choices=ENDS,
        choice_severity=SEVERITIES,
    ),
    Attribute("exposure_ended_by", "str", "Who or what ended it before its time."),
    Attribute("exposure_condition", "str", "Condition of the exposure. GOOD if all is well."),
    Attribute("run", "str", "Run that is open, or the last one.", pv="RunId_RBV"),
    Attribute("hits_sent", "int", "Hits that the source sent in this run."),
    Attribute("hits_logged", "int", "Hits in the log of this run."),
    Attribute("hits_lost", "int", "Hits lost in this run. INVALID when unknown."),
    Attribute("loss_method", "str", "How losses are counted."),
    Attribute("log_folder", "str", "Folder of the run log.", pv="FilePath_RBV"),
    Attribute("log_written", "int", "Bytes of this run in its files.", unit="B"),
    Attribute("log_durable", "int", "Bytes that survive a power cut.", unit="B"),
    Attribute(
        "ring_fill",
        "float",
        "Fill of the ring before the disk.",
        unit="%",
        precision=1,
        alarms=(None, None, 50.0, 90.0),
    ),
    Attribute("ring_dropped", "int", "Words dropped at the full ring.", alarms=(None, None, 1.0, None)),
    Attribute("condition", "str", "Condition of the run. GOOD if all is well."),
    Attribute("manufacturer", "str", "Maker of the detector.", pv="Manufacturer_RBV"),
    Attribute("model", "str", "Model of the detector.", pv="Model_RBV"),
)

COMMANDS = (Command("stop", "End the exposure at once.", states=ALWAYS, overtakes=True, busy="acquiring"),)
