"""What a face shows beyond the instruments' own tables: the satellite of each, and the face itself.

Every instrument has the attributes of SATELLITE, which its proxy keeps, and takes the transition RESET. The
attributes of FACE are those of the pseudo-instrument "face", which each face fills in itself.
"""

from hitline.bus.attribute import Attribute, Command, Severity
from hitline.bus.states import ALWAYS, State

_WORRY = {
    State.NEW: Severity.MINOR,
    State.SAFE: Severity.MAJOR,
    State.ERROR: Severity.MAJOR,
    State.DEAD: Severity.INVALID,
}

SATELLITE = (
    Attribute(
        "state",
        "enum",
        "State of its satellite.",
        choices=tuple(s.name for s in State),
        choice_severity=tuple(_WORRY.get(s, Severity.OK) for s in State),
        pv="SatelliteState_RBV",
    ),
    Attribute("status_text", "str", "What its satellite says about its state.", pv="StatusMessage_RBV"),
    Attribute(
        "connected",
        "bool",
        "The link to its process stands.",
        choices=("Disconnected", "Connected"),
        choice_severity=(Severity.MAJOR, Severity.OK),
        pv="Connected_RBV",
    ),
)
"""What a proxy knows of every instrument."""

RESET = (Command("initialize", "Leave NEW, SAFE or ERROR; writes nothing.", states=ALWAYS, pv="Reset"),)
"""A transition, sent as such and not as a command of the instrument: see Binding.transition."""

FACE = (
    Attribute("heartbeat", "int", "Counts up once a second.", pv="Heartbeat"),
    Attribute("up_time", "float", "Since this face started.", unit="s", precision=0, pv="UpTime"),
    Attribute("version", "str", "Version of hitline.", pv="Version"),
    Attribute("ca_clients", "int", "Channel Access clients now.", pv="CaClients"),
    Attribute("ca_dropped", "int", "Updates dropped for slow clients.", pv="CaDropped"),
    Attribute("ca_conflated", "int", "Updates replaced by newer ones.", pv="CaConflated"),
    Attribute("face_errors", "str", "Records that do not fit, and why.", pv="Face:Errors"),
    Attribute("last_refusal", "str", "Last refused put: PV, value and reason.", pv="LastRefusal_RBV"),
    Attribute("trusted_network", "bool", "The bus leaves this machine.", pv="TrustedNetwork"),
)
"""Attributes of the pseudo-instrument "face"."""
