"""The state of a run, as the states of its members give it. Pure."""

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from hitline.bus.attribute import Severity
from hitline.bus.log.block import Condition
from hitline.bus.states import State

RUN_STATES = (
    "Idle",
    "Arming",
    "Armed",
    "Starting",
    "Running",
    "Stopping",
    "Landing",
    "Aborting",
    "Aborted",
    "Error",
)
"""States of a run as its record shows them."""

HELD = ("Aborted", "Error")
"""A member is in SAFE or ERROR, which only a reset leaves."""

FAILED = (State.SAFE, State.ERROR, State.DEAD)
"""A member in one of these takes no part in a run."""

MOVING = {
    State.INITIALIZING: "Idle",
    State.LAUNCHING: "Arming",
    State.LANDING: "Landing",
    State.STARTING: "Starting",
    State.RECONFIGURING: "Arming",
    State.STOPPING: "Stopping",
    State.INTERRUPTING: "Aborting",
}
"""What a member on its way makes the run look like when nobody here sent it."""


def judge(
    states: Mapping[str, State], missing: Iterable[str] = (), why: Mapping[str, str] = MappingProxyType({})
) -> tuple[str, Severity, str]:
    """Give the run's state, severity and the reason, from members that are at rest or moved by others.

    A run is open as soon as one member is in RUN, whatever the others say. `missing` are those that belong to
    the station and were not seen yet; `why` is what members say of themselves.
    """

    def named(*wanted: State) -> str:
        return ", ".join(f"{name} is {state.name}" for name, state in states.items() if state in wanted)

    for word, wanted in (("Error", (State.ERROR, State.DEAD)), ("Aborted", (State.SAFE,))):
        if text := named(*wanted):
            reasons = {why[name] for name, state in states.items() if state in wanted and why.get(name)}
            return word, Severity.MAJOR, ": ".join([text, *sorted(reasons)])
    missing = list(missing)
    if missing and State.RUN not in states.values():
        return "Idle", Severity.INVALID, f"waiting for {', '.join(missing)}"
    for state in states.values():
        if not state.steady:
            return MOVING[state], Severity.OK, ""
    for word, most in (("Running", State.RUN), ("Armed", State.ORBIT), ("Idle", State.INIT)):
        if most in states.values():
            text = named(*(state for state in State if state is not most))
            return word, Severity.MINOR if text else Severity.OK, text
    text = named(State.NEW)
    return "Idle", Severity.MINOR if text else Severity.OK, text


def flags(text: object) -> Condition:
    """Read a condition as a member shows it; words that are not known are passed over."""
    condition = Condition.GOOD
    for word in re.findall("[A-Z]+", text if isinstance(text, str) else ""):
        condition |= Condition.__members__.get(word, Condition.GOOD)
    return condition
