"""A stage flies over a collimated source: hits joined by TDC words, by trigger words, by the clocks."""

from collections.abc import Iterator

import numpy as np
import pytest
from fly_station import CLIENT, fly_station
from guide import examples, run
from kit.session import Session, session_on
from kit.station import Running, station_up

pytestmark = pytest.mark.timeout(240)
GRID = [[-3.0, 3.0, 24], [-3.0, 3.0, 7]]
ROWS = [[-3.0, 3.0, 24], [-0.6, 0.0, 2]]
SOURCE = (0.8, -0.6, 3.0)


@pytest.fixture(scope="module")
def station(tmp_path_factory) -> Iterator[Running]:
    with station_up(tmp_path_factory.mktemp("fly"), fly_station()) as station:
        yield station


@pytest.fixture(scope="module")
def session(station) -> Iterator[Session]:
    with session_on(station, "pyepics", CLIENT) as session:
        for signal, value in zip(("spot_x", "spot_y", "spot_size"), SOURCE, strict=True):
            session.ask("put", device="world", signal=signal, value=value)
        session.ask("ready")
        yield session


def fly(
    session: Session, detector: str, stage: str = "stage", x: str = "x", rate: float = 20.0, grid=GRID, **more
):
    return session.ask("fly", detector=detector, stage=stage, x=x, grid=grid, rate=rate, **more)


@pytest.mark.faults  # for its time
def test_pulses_place_the_source(session):
    found = fly(session, "det")
    assert found["flagged"] == 0 and len(found["rows"]) == 7, found["text"]
    assert {row[0] for row in found["rows"]} == {"tdc"} and all(row[1] < 1e-3 for row in found["rows"])
    assert found["problem"] == "" and found["spot"] == pytest.approx(SOURCE, abs=0.25)
    assert found["facts"]["x"] == "stage_x" and found["flying"] == 0


def test_the_place_of_trigger_words_places_the_source(session):
    found = fly(session, "kat", grid=ROWS)
    assert found["flagged"] == 0 and {row[0] for row in found["rows"]} == {"trigger words"}, found["text"]
    for row in np.array(found["image"]):
        middle = (np.arange(24) - 11.5) * 0.25 @ row / row.sum()
        assert row.sum() > 100 and middle == pytest.approx(SOURCE[0], abs=0.25), "both ways alike"


def test_without_pulses_the_clocks_place_the_hits(session):
    """The phyMOTION gives none, and nothing moves in the beam: every point counts the same."""
    found = fly(session, "det", "stage2", "z", grid=ROWS, whole=True)
    assert found["flagged"] == 0 and len(found["rows"]) == 2, found["text"]
    assert {row[0] for row in found["rows"]} == {"clock"}
    assert all(row[1] > 0.02 for row in found["rows"]), "the error tells of the way to the computer"
    image = np.array(found["image"])
    assert image.min() > 0 and image.std() < 5 * np.sqrt(image.mean())


@pytest.mark.parametrize(("detector", "extra"), [("det", 0), ("kat", 0), ("det", 1)])
def test_a_pulse_that_is_missing_or_too_many_is_flagged_and_shifts_nothing(session, detector, extra):
    """In the middle of the source: with few hits on one side of a lost pulse it may honestly be any."""
    fault = "extra_pulse" if extra else "lose_pulse"
    session.ask("put", device="world", signal="spot_x", value=0.0)
    session.ask("put", device="rails", signal=fault, value=13)
    found = fly(session, detector, grid=ROWS)
    session.ask("put", device="rails", signal=fault, value=0)
    session.ask("put", device="world", signal="spot_x", value=SOURCE[0])
    for method, _, problem, missing, doubtful, more, edges in found["rows"]:
        assert problem == "" and more == extra, found["text"]
        if method == "tdc":
            assert (missing, doubtful) == ([] if extra else [12], []), found["text"]
        else:  # by the place among few hits it may be doubtful which of two neighbours it was
            assert 12 in [*missing, *doubtful] and len([*missing, *doubtful]) <= 3, found["text"]
        assert np.ptp(np.diff(edges)) < 0.02
    assert found["flagged"] <= 8 and bool(found["flagged"]) is not bool(extra)


@pytest.mark.faults  # for its time
def test_the_examples_of_the_guide_run(station):
    """All Python of docs/how-to/raster.md, in order, with fewer points."""
    code = examples("raster.md", 1)
    assert code.count("-3, 3, 13") == 2 and code.count("-3, 3, 20") == 1
    told = run(code.replace("-3, 3, 13", "-1, 1, 2").replace("-3, 3, 20", "-1, 1, 2"), station)
    assert "flight 1: by trigger words" in told and "fly_raster.npz" in told


def test_a_refused_flight_leaves_everything_as_it_was(session):
    outcome, text = session.tried(
        "fly", detector="det", stage="stage", x="x", rate=40.0, grid=[[-9.9, 3.0, 24], [0.0, 1.0, 2]]
    )
    assert outcome == "failed" and "soft limits, -10 to 10" in text
    assert fly(session, "det", grid=[[-3.0, 3.0, 24], [0.0, 1.0, 2]])["left"] == [10.0, 0.0]
