"""The severity that faces show: EPICS base's rules for limits, joined with the backend's own judgement."""

import math

import pytest
from hitline.bus.attribute import UNKNOWN, Severity, Update
from hitline.ioc.faces.severity import GOOD, Alarm, Rules, Verdict, judge, rules, worse
from hypothesis import given, settings
from hypothesis import strategies as st

LIMITS = {
    "HIHI": "10",
    "HIGH": "5",
    "LOW": "-5",
    "LOLO": "-0xA",
    "HHSV": "MAJOR",
    "HSV": "MINOR",
    "LSV": "MINOR",
    "LLSV": "MAJOR",
}


@pytest.mark.parametrize(
    ("value", "severity", "alarm"),
    [
        (11, Severity.MAJOR, Alarm.HIHI),
        (10, Severity.MAJOR, Alarm.HIHI),
        (9.99, Severity.MINOR, Alarm.HIGH),
        (5, Severity.MINOR, Alarm.HIGH),
        (4.99, Severity.OK, Alarm.NO_ALARM),
        (-5, Severity.MINOR, Alarm.LOW),
        (-10, Severity.MAJOR, Alarm.LOLO),
        (-11, Severity.MAJOR, Alarm.LOLO),
        (math.nan, Severity.INVALID, Alarm.UDF),
        (None, Severity.INVALID, Alarm.UDF),
    ],
)
def test_limits(value: float, severity: Severity, alarm: Alarm) -> None:
    verdict = judge(rules("ai", LIMITS), value)
    assert (verdict.severity, verdict.alarm) == (severity, alarm)


def test_a_limit_without_a_severity_is_off() -> None:
    assert judge(rules("ai", {"HIHI": "1", "HIGH": "2", "HSV": "MINOR"}), 1.5) == GOOD
    assert judge(rules("ai", {"HHSV": "MAJOR"}), 0) == Verdict(Severity.MAJOR, Alarm.HIHI, 0.0)


def test_hysteresis_holds_an_alarm_until_the_value_has_come_back() -> None:
    by = rules("ao", LIMITS | {"HYST": "1"})
    seen, held = [], None
    for value in (9.5, 10, 9.5, 9, 8.9, 9.5, 5, 4.5, 4, 3.9, -10, -9, -8.9):
        verdict = judge(by, value, held)
        held = verdict.held
        seen.append(verdict.alarm)
    assert seen == [
        Alarm.HIGH,
        Alarm.HIHI,
        Alarm.HIHI,
        Alarm.HIHI,
        Alarm.HIGH,
        Alarm.HIGH,
        Alarm.HIGH,
        Alarm.HIGH,
        Alarm.HIGH,
        Alarm.NO_ALARM,
        Alarm.LOLO,
        Alarm.LOLO,
        Alarm.LOW,
    ]


def test_states() -> None:
    by = rules(
        "mbbi", {"ZRST": "a", "ONST": "b", "TWST": "c", "ONSV": "MINOR", "TWSV": "INVALID", "UNSV": "MAJOR"}
    )
    assert [judge(by, n).severity for n in range(4)] == [0, 1, 3, 2]
    assert judge(by, 0).alarm is Alarm.NO_ALARM and judge(by, 1).alarm is Alarm.STATE
    shutter = rules("bo", {"ZNAM": "Closed", "ONAM": "Open", "OSV": "MAJOR"})
    assert [judge(shutter, n).severity for n in (False, True)] == [0, 2]


@pytest.mark.parametrize("fields", [{"HIHI": "x", "HHSV": "MAJOR"}, {"HHSV": "BAD"}, {"HYST": "x"}])
def test_what_is_no_rule_is_refused(fields: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"'(x|BAD)'"):
        rules("ai", fields)


def test_the_worse_of_backend_and_record_is_shown() -> None:
    high = Verdict(Severity.MINOR, Alarm.HIGH, 5.0)
    assert worse(Update(6.0, 1), high) == high
    assert worse(Update(6.0, 1, Severity.MINOR, "hot"), high) == high
    assert worse(Update(6.0, 1, Severity.MAJOR, "tripped"), high) == Verdict(Severity.MAJOR, Alarm.STATE, 5.0)
    assert worse(Update(6.0, 1, Severity.INVALID, "link lost"), high) == Verdict(
        Severity.INVALID, Alarm.COMM, 5.0
    )
    assert worse(UNKNOWN, high) == Verdict(Severity.INVALID, Alarm.UDF, 5.0)
    assert worse(Update(6.0, 1), GOOD) == GOOD


@settings(deadline=None)
@given(
    st.floats(allow_nan=False),
    st.floats(allow_nan=False),
    st.sampled_from(Severity),
    st.sampled_from(Severity),
)
def test_the_severity_is_never_below_either(
    value: float, limit: float, own: Severity, backend: Severity
) -> None:
    by = Rules(limits=((limit, True, own, Alarm.HIHI),))
    verdict = judge(by, value)
    shown = worse(Update(value, 1, backend), verdict)
    assert shown.severity == max(verdict.severity, backend)
    assert (verdict.severity == own) or value < limit
