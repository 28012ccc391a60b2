"""The loss of a backend through every client: INVALID at once, refusals that say so, and all of it back."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from callers import Refusal
from everywhere import Station, everybody_sees, running, until
from hitline.bus.attribute import Severity


@pytest.fixture
def own_station(tmp_path: Path) -> Iterator[Station]:
    """A station that a test may break."""
    yield from running(tmp_path)


def test_a_lost_backend_is_invalid_for_all_and_comes_back(own_station: Station) -> None:
    callers = own_station.callers
    callers["cscp"].set("voltage", 2.5)
    everybody_sees(own_station, "voltage", 2.5)
    own_station.processes["backend"].kill()
    for name, caller in callers.items():
        until(lambda caller=caller: caller.read("voltage").severity is Severity.INVALID, f"{name} sees it")
    for caller in callers.values():
        with pytest.raises(Refusal) as caught:
            caller.set("voltage", 5.0)
        assert caught.value.kind == "link", caller
    own_station.restart()
    for name, caller in callers.items():
        until(lambda caller=caller: caller.read("voltage") == (0.0, Severity.OK), f"{name} sees it again")
    for volts, caller in enumerate(callers.values(), 1):
        caller.set("voltage", float(volts))
        everybody_sees(own_station, "voltage", float(volts))
