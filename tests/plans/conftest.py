"""Stations and sessions that several modules of plans share."""

from collections.abc import Iterator
from typing import Any

import pytest
from station_rig import STATION, Running, Session, session_on, station_up


@pytest.fixture(scope="module")
def running(tmp_path_factory, free_ports) -> Iterator[Running]:
    """A station of replay, worker, conductor, CA and Tango face."""
    with station_up(tmp_path_factory.mktemp("station"), free_ports(2)) as station:
        yield station


@pytest.fixture(scope="module")
def two(tmp_path_factory, free_ports) -> Iterator[Session]:
    """A session over caproto on a station of two readouts, the first with two workers."""
    more = """
[instruments.det2]
type = "replay"
[instruments.det2.options]
file = "scene.tpx3"
speed = "flat"
slice = "Hits"
slice_hits = 300
[workers.ana2]
source = "det1"
blocks = ["counts"]
[workers.ana3]
source = "det2"
blocks = ["counts", "spectra"]
"""
    folder = tmp_path_factory.mktemp("two")
    with (
        station_up(folder, free_ports(2), STATION + more) as station,
        session_on(station, "caproto") as session,
    ):
        yield session


@pytest.fixture(scope="module")
def session(running) -> Iterator[Session]:
    """A session over libca."""
    with session_on(running, "pyepics") as session:
        yield session


class Documents(dict[str, list[Any]]):
    """Collects documents by their kind; called with each."""

    def __call__(self, name: str, document: Any) -> None:
        self.setdefault(name, []).append(document)


@pytest.fixture
def documents() -> Documents:
    return Documents()
