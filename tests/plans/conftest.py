"""Stations and sessions that several modules of plans share."""

from collections.abc import Iterator
from typing import Any

import killing
import numpy as np
import pytest
from hitline.bus.formats.tpx3 import Decoder
from kit.session import Session, session_on
from kit.station import Running, station_up
from replay_station import CLIENT, HITS, replay_station, scene


@pytest.fixture(scope="module")
def running(tmp_path_factory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("station")
    scene(folder)
    with station_up(folder, replay_station()) as station:
        yield station


@pytest.fixture(scope="module")
def tot(running) -> np.ndarray:
    """int64[HITS]: ToT of the hits of the scene, in the order of the stream."""
    decoder = Decoder()
    stream = (running.file.parent / "scene.tpx3").read_bytes()
    found = np.concatenate([batch.hits.tot for batch in (decoder.feed(stream), decoder.flush())])
    assert len(found) == HITS
    return found.astype(np.int64)


@pytest.fixture(scope="module")
def session(running) -> Iterator[Session]:
    """A session over libca."""
    with session_on(running, "pyepics", CLIENT) as session:
        yield session


@pytest.fixture(scope="module")
def undisturbed(session):
    """Events and results of the same scan when nothing happens."""
    events = []

    def heard(name, document):
        if name == "event":
            events.append(document["data"])

    return events, session.ask("scan", heard, hits=killing.HITS)


class Documents(dict[str, list[Any]]):
    """Collects documents by their kind; called with each."""

    def __call__(self, name: str, document: Any) -> None:
        self.setdefault(name, []).append(document)


@pytest.fixture
def documents() -> Documents:
    return Documents()
