"""The severity that every face shows: the worse of the backend's and the one that a record's limits give.

The rules are EPICS base's: limits are looked at in the order HIHI, LOLO, HIGH, LOW, one without a severity
is off, and HYST holds an alarm until the value has come back by that much. Everything here is pure; what
hysteresis has to remember is handed in and out.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from hitline.bus.attribute import Severity, Update
from hitline.db.supported import SEVERITIES, STATES


class Alarm(IntEnum):
    """Alarm status codes of EPICS (menuAlarmStat), those that a face shows."""

    NO_ALARM = 0
    HIHI = 3
    HIGH = 4
    LOLO = 5
    LOW = 6
    STATE = 7
    """The backend's own judgement, or a state with a severity."""
    COMM = 9
    """INVALID: the instrument or the link to it is silent."""
    UDF = 17
    """No value has come yet."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a value is worth."""

    severity: Severity = Severity.OK
    alarm: Alarm = Alarm.NO_ALARM
    held: float | None = None
    """The limit in alarm, for the hysteresis of the next value."""


GOOD = Verdict()


@dataclass(frozen=True, slots=True)
class Rules:
    """What a record says about alarms, read once."""

    limits: tuple[tuple[float, bool, Severity, Alarm], ...] = ()
    """(limit, True for an upper one, severity, alarm) in the order in which they are looked at."""
    hysteresis: float = 0.0
    states: tuple[Severity, ...] = ()
    """Severity of state 0, 1, ..."""
    other: Severity = Severity.OK
    """Severity of a state beyond those."""


def rules(rtype: str, fields: Mapping[str, str]) -> Rules:
    """Read the alarm fields of a record; raises ValueError with the field's name when one is no number."""
    if rtype in ("bi", "bo"):
        return Rules(states=(_severity(fields, "ZSV"), _severity(fields, "OSV")))
    if rtype in ("mbbi", "mbbo"):
        named = [state for state in STATES if fields.get(f"{state}ST")]
        states = tuple(_severity(fields, f"{state}SV") for state in STATES[: len(named)])
        return Rules(states=states, other=_severity(fields, "UNSV"))
    order = {Alarm.HIHI: "HHSV", Alarm.LOLO: "LLSV", Alarm.HIGH: "HSV", Alarm.LOW: "LSV"}
    limits = tuple(
        (number(fields, limit.name), limit in (Alarm.HIHI, Alarm.HIGH), severity, limit)
        for limit, name in order.items()
        if (severity := _severity(fields, name))
    )
    return Rules(limits=limits, hysteresis=number(fields, "HYST"))


def judge(by: Rules, value: Any, held: float | None = None) -> Verdict:
    """Judge a value (a number, or the index of a state) by a record's rules; `held` is the last verdict's."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return Verdict(Severity.INVALID, Alarm.UDF)
    if by.states:
        severity = by.states[value] if 0 <= value < len(by.states) else by.other
        return Verdict(severity, Alarm.STATE if severity else Alarm.NO_ALARM)
    for limit, upper, severity, alarm in by.limits:
        give = by.hysteresis if held == limit else 0.0
        if (value >= limit - give) if upper else (value <= limit + give):
            return Verdict(severity, alarm, limit)
    return GOOD


def worse(update: Update, verdict: Verdict) -> Verdict:
    """Join the backend's severity with the record's; at equal severity the record names the alarm."""
    if update.value is None and update.severity is Severity.INVALID:
        return Verdict(Severity.INVALID, Alarm.UDF, verdict.held)
    if update.severity <= verdict.severity:
        return verdict
    alarm = Alarm.COMM if update.severity is Severity.INVALID else Alarm.STATE
    return Verdict(Severity(update.severity), alarm, verdict.held)


def number(fields: Mapping[str, str], name: str) -> float:
    """Read a number of a field as EPICS does (hexadecimal too); absent or empty is 0."""
    text = fields.get(name, "").strip()
    try:
        return float(int(text, 16)) if text.lower().lstrip("+-").startswith("0x") else float(text or 0)
    except ValueError:
        raise ValueError(f"{name}: {text!r} is not a number") from None


def _severity(fields: Mapping[str, str], name: str) -> Severity:
    text = fields.get(name, "") or SEVERITIES[0]
    if text in SEVERITIES:
        return Severity(SEVERITIES.index(text))
    if text.isdigit() and int(text) < len(SEVERITIES):
        return Severity(int(text))
    raise ValueError(f"{name}: {text!r} is none of {', '.join(SEVERITIES)}")
