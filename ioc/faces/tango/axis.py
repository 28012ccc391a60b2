"""An axis as Tango's clients know motors: `position` is written to move, and State is MOVING till the end.

Frames, limits and refusals are those of the backend, as for the motor record.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from hitline.bus.attribute import Attribute, Severity
from hitline.bus.states import State
from tango import DevState

from .states import STATES

if TYPE_CHECKING:
    from .source import Source

PARTS = {"position", "target", "active", "alarm", "limit_high", "limit_low"}
"""What has all of these is an axis."""
TELLING = ("active", "alarm", "limit_high", "limit_low")
"""State depends on them."""
OPERABLE = (State.INIT, State.ORBIT, State.RUN)
"""Whatever a run is at, it can be moved."""
TARGETS = {"position": "target", "position_dial": "target_dial"}
"""Written here, set there."""


def is_axis(source: "Source") -> bool:
    """Whether the instrument is one."""
    return source.attributes.keys() >= PARTS


def telling(source: "Source") -> set[str]:
    """Give the attributes of an axis that State depends on; nothing of anything else."""
    return set(TELLING) if is_axis(source) else set()


def settable(source: "Source", a: Attribute) -> tuple[Attribute, Attribute]:
    """Give an attribute as a client sees it, and the one that is set when it is written."""
    if not is_axis(source) or a.name not in TARGETS:
        return a, a
    return replace(a, access="rw"), source.attributes[TARGETS[a.name]]


def state(source: "Source") -> DevState:
    """MOVING, ALARM (a switch, a problem), UNKNOWN without its controller; else as any other's.

    Any instrument is in ALARM where what it did last has failed.
    """
    general = STATES[source.proxy.state]
    if source.proxy.state not in OPERABLE:
        return general
    if not is_axis(source):
        return DevState.ALARM if source.failures() else general
    updates = source.proxy.updates
    values = {name: updates[name].value for name in TELLING if name in updates}
    position = updates.get("position")
    if position is None or position.severity is Severity.INVALID:
        return DevState.UNKNOWN
    if values.get("active"):
        return DevState.MOVING
    if values.get("alarm") not in (None, "NO_ALARM") or values.get("limit_high") or values.get("limit_low"):
        return DevState.ALARM
    return DevState.ALARM if source.failures() else general
