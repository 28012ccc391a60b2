"""Processes are killed in the middle of a plan at any instant; once, at one: test_station.py."""

from collections.abc import Iterator

import pytest
from killing import ends_clearly, survives
from kit.station import Running, station_up
from replay_station import replay_station, scene

pytestmark = [pytest.mark.timeout(150), pytest.mark.faults]


@pytest.fixture(scope="module")
def running(tmp_path_factory) -> Iterator[Running]:
    """One readout with its worker: nobody else is interrupted by its death."""
    table = replay_station()
    del table["instruments"]["det2"], table["workers"]["ana2"], table["workers"]["ana3"]
    folder = tmp_path_factory.mktemp("station")
    scene(folder)
    with station_up(folder, table) as station:
        yield station


@pytest.fixture(autouse=True)
def nothing_left():
    """Processes are replaced here; `running` insists that all of them end with the station."""


@pytest.mark.parametrize("process", ["face-ca", "face-tango", "ana1"])
def test_a_plan_outlives_a_killed_process(process, running, session, undisturbed):
    survives(running, session, undisturbed, process, seed=1)


# A plan does not wait for the Tango face: killed too often in a row, it would be given up.
KILLS = [
    *((process, seed) for process in ("face-ca", "ana1", "run") for seed in range(2, 10)),
    *(("face-tango", seed) for seed in range(2, 6)),
]


@pytest.mark.parametrize(("process", "seed"), KILLS)
def test_a_plan_outlives_a_killed_process_at_any_instant(process, seed, running, session, undisturbed):
    survives(running, session, undisturbed, process, seed)


@pytest.mark.parametrize("seed", range(2, 10))
def test_a_killed_readout_ends_the_plan_clearly_at_any_instant(seed, running, session):
    ends_clearly(running, session, seed)
