"""What can be known of a satellite that does not describe itself, such as the stock ones."""

import re
from typing import Any

from .attribute import Attribute, Command, Severity, Update
from .constellation.cmdp import Metric
from .description import Description
from .states import STEADY, State
from .values import foreign

RESERVED = {"STATE"}
"""Metrics whose content comes with the heartbeat already."""


def description(listed: Any) -> Description:
    """Return a description made of the reply to `get_commands`: verb -> text, arguments in its last line."""
    commands = {}
    for verb, text in listed.items() if isinstance(listed, dict) else ():
        doc, _, arguments = str(text).strip().rpartition("\n")
        _, marked, arguments = arguments.partition("Arguments: ")
        args = re.findall(r"(\w+): (\w+)", arguments) if marked else []
        commands[str(verb)] = Command(str(verb), doc or str(text), tuple(args), STEADY)
    return Description(commands=commands, verbs={verb: verb for verb in commands})


def attribute(metric: Metric, doc: str) -> Attribute:
    """Return the attribute that a metric shows, its type taken from the value."""
    dtype, value = foreign(metric.value)
    shape = value.shape if dtype.startswith("<") else ()
    return Attribute(metric.name.lower(), dtype, doc, metric.unit, shape=shape)


def update(metric: Metric, state: State, last: Update | None) -> Update:
    """Return the update for a metric; its severity can only come from the state of the sender."""
    severity = Severity.MAJOR if state in (State.SAFE, State.ERROR) else Severity.OK
    status = f"satellite in {state.name}" if severity else ""
    return Update(foreign(metric.value)[1], metric.time_ns, severity, status, last.seq + 1 if last else 1)
