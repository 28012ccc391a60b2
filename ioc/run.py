"""The state of a run, as the states of its members give it. Pure."""

import re
from collections.abc import Iterable

from hitline.bus.attribute import Severity
from hitline.bus.log.block import Condition
from hitline.bus.states import State

RUN_STATES = ("Idle", "Arming", "Armed", "Starting", "Running", "Stopping", "Landing", "Aborting", "Aborted",
              "Error")
"""States of a run as its record shows them."""

FAILED = (State.SAFE, State.ERROR, State.DEAD)
"""A member in one of these takes no part in a run."""

MOVING = {
    State.INITIALIZING: "Idle", State.LAUNCHING: "Arming", State.LANDING: "Landing",
    State.STARTING: "Starting", State.RECONFIGURING: "Arming", State.STOPPING: "Stopping",
    State.INTERRUPTING: "Aborting",
}
"""What a member on its way makes the run look like when nobody here sent it."""


def judge(states: dict[str, State], missing: Iterable[str] = ()) -> tuple[str, Severity, str]:
    """Give the run's state, severity and the reason, from members that are at rest or moved by others.

    A run is open as soon as one member is in RUN, whatever the others say. `missing` are those that belong to
    the station and were not seen yet.
    """
    def named(*wanted: State) -> str:
        return ", ".join(f"{name} is {state.name}" for name, state in states.items() if state in wanted)

    if text := named(State.ERROR, State.DEAD):
        return "Error", Severity.MAJOR, text
    if text := named(State.SAFE):
        return "Aborted", Severity.MAJOR, text
    if missing := list(missing):
        return "Idle", Severity.INVALID, f"waiting for {', '.join(missing)}"
    for state in states.values():
        if not state.steady:
            return MOVING[state], Severity.OK, ""
    for word, wanted in (("Running", State.RUN), ("Armed", State.ORBIT), ("Idle", State.INIT)):
        if wanted in states.values():
            text = named(*(state for state in State if state is not wanted))
            return word, Severity.MINOR if text else Severity.OK, text
    text = named(State.NEW)
    return "Idle", Severity.MINOR if text else Severity.OK, text


def flags(text: object) -> Condition:
    """Read a condition as a member shows it; words that are not known are passed over."""
    condition = Condition.GOOD
    for word in re.findall("[A-Z]+", text if isinstance(text, str) else ""):
        condition |= Condition.__members__.get(word, Condition.GOOD)
    return condition
