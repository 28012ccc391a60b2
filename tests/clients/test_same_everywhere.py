"""One instrument through every client: the same values, units, limits, severities and refusals.

The instrument runs in a backend process, both faces in theirs; clients are Constellation's CSCP, Tango, and
Channel Access by libca (pyepics) and by caproto.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from callers import Caller, Refusal, Tango
from everywhere import Station, everybody_sees, running, until
from hitline.bus.attribute import Severity

CALLERS = ("cscp", "tango", "libca", "caproto")


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    """Shared by the tests of this module, which leave it whole."""
    yield from running(tmp_path_factory.mktemp("same"))


@pytest.fixture(params=CALLERS)
def caller(request: pytest.FixtureRequest, station: Station) -> Caller:
    return station.callers[request.param]


def test_values_are_the_same(station: Station, caller: Caller) -> None:
    for name in ("voltage", "counts", "preset", "gate", "mode", "note", "place"):
        assert caller.read(name) == station.callers["cscp"].read(name), name
    assert caller.read("counts").value > 2**32 or caller.read("counts").value < 100


def test_units_and_limits_are_the_same(caller: Caller) -> None:
    assert [caller.unit(name) for name in ("voltage", "place")] == ["V", "mm"]
    assert caller.limits("voltage") == (-300, 100)
    assert caller.limits("preset") == (0, 2**40)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("voltage", (-12.5, 0.0)),
        ("preset", (2**33 + 1, 10)),
        ("gate", (True, False)),
        ("mode", ("Very fast", "Slow")),
        ("note", ("longer than the forty bytes of a string of EPICS", "hello")),
    ],
)
def test_what_one_sets_all_see(station: Station, caller: Caller, name: str, values: tuple[Any, ...]) -> None:
    for value in values:
        caller.set(name, value)
        everybody_sees(station, name, value)


def test_a_broken_limit_is_refused_with_the_old_value_kept(station: Station, caller: Caller) -> None:
    caller.set("voltage", 1.5)
    with pytest.raises(Refusal) as caught:
        caller.set("voltage", 150.0)
    assert caught.value.kind == "limit"
    if not isinstance(caller, Tango):  # Tango itself refuses, and names no number
        assert all(word in caught.value.text for word in ("150", "100", "V", "above"))
    everybody_sees(station, "voltage", 1.5)


def test_a_refused_command_says_the_same(caller: Caller) -> None:
    with pytest.raises(Refusal) as caught:
        caller.command("trip")
    assert caught.value.kind == "interlock"
    assert "the door is open: close it" in caught.value.text


def test_commands_reach_the_instrument(station: Station, caller: Caller) -> None:
    caller.set("note", "before")
    caller.command("stop")
    everybody_sees(station, "note", "stopped")


def test_the_backends_severity_is_the_same(station: Station, caller: Caller) -> None:
    caller.set("preset", 7)
    everybody_sees(station, "counts", 7)
    until(lambda: caller.read("counts").severity is Severity.MINOR, "the instrument says MINOR")
    until(lambda: caller.read("silent").severity is Severity.INVALID, "never had a value")


@pytest.mark.parametrize(
    ("volts", "severity"),
    [
        (0.0, Severity.OK),
        (60.0, Severity.MINOR),
        (90.0, Severity.MAJOR),
        (-220.0, Severity.MINOR),
        (-260.0, Severity.MAJOR),
        (0.0, Severity.OK),
    ],
)
def test_the_severity_of_limits_is_the_same_in_all_faces(
    station: Station, volts: float, severity: Severity
) -> None:
    station.callers["cscp"].set("voltage", volts)
    everybody_sees(station, "voltage", volts)
    for name in ("tango", "libca", "caproto"):
        assert station.callers[name].read("voltage") == (volts, severity), name


def test_changes_are_followed_to_the_end(station: Station, caller: Caller) -> None:
    other = station.callers["cscp" if isinstance(caller, Tango) else "tango"]
    other.set("place", 0.0)
    everybody_sees(station, "place", 0.0)
    assert caller.watch("place", lambda: other.set("place", 7.5), 7.5)[-1] == 7.5
