"""Bluesky on a whole station: replays of a scene, workers, conductor, CA face, libca."""

import random

import numpy as np
import pytest
from guide import examples, run
from hitline.bus.log.block import Kind
from hitline.bus.log.reader import open_run
from killing import ends_clearly, survives
from kit.session import session_on
from replay_station import CLIENT


@pytest.fixture(autouse=True)
def nothing_left():
    """Processes are replaced here; `running` insists that all of them end with the station."""


def known(tot, hits):
    """(hits, ToT sum) of each exposure, from the recording alone."""
    ends = np.cumsum(hits)
    return [(n, int(tot[end - n : end].sum())) for n, end in zip(hits, ends.tolist(), strict=True)]


@pytest.mark.parametrize("number", [12, pytest.param(100, marks=pytest.mark.faults)])  # a quarter second each
def test_exposures_have_their_own_counts(tot, session, documents, number):
    """Exposures with different known numbers of hits: each event has its own, none is shifted by one."""
    hits = random.Random(5).sample(range(1, 700), number)
    result = session.ask("scan", documents, hits=hits)
    events = [event["data"] for event in documents["event"]]
    assert [event["det1_slice_hits"] for event in events] == hits
    seen = [(event["det1_ana1_exposure_hits"], event["det1_ana1_exposure_tot_sum"]) for event in events]
    assert seen == known(tot, hits)
    assert [event["det1_exposure"] for event in events] == list(range(1, number + 1))
    assert [event["det1_ana1_exposure"] for event in events] == list(range(1, number + 1))
    assert [event["det1_hits_logged"] for event in events] == np.cumsum(hits).tolist()
    assert [event["det1_ana1_hits"] for event in events] == np.cumsum(hits).tolist()
    clusters = [event["det1_ana1_exposure_clusters"] for event in events]
    assert sum(clusters) == events[-1]["det1_ana1_clusters"] == result["clusters"]
    assert {event["det1_hits_lost"] for event in events} == {0.0}
    assert (result["state"], result["condition"]) == ("Idle", "GOOD")


def test_documents_lead_to_the_run_log(running, session, documents):
    """The resource names the log's folder; exposure n there has the hits of event n."""
    hits = [10, 500, 1, 77]
    result = session.ask("scan", documents, hits=hits)
    (resource,) = documents["stream_resource"]
    assert resource["uri"] == f"file://localhost{result['folder']}"
    assert resource["parameters"] == {"spec": "hitline-runlog", "run": result["run"], "source": "det1"}
    run = open_run(running.data / result["run"] / "det1")
    logged: dict[int, int] = {}
    for header, _ in run:
        if header.kind == Kind.DATA:
            logged[header.exposure] = logged.get(header.exposure, 0) + header.hits
    assert [logged[datum["indices"]["stop"]] for datum in documents["stream_datum"]] == hits
    (descriptor,) = documents["descriptor"]
    assert descriptor["configuration"]["det1"]["data"]["det1_run"] == result["run"]


def test_hit_count(running, session, documents):
    """A first count: metadata, progress, and an acquire time that is set back."""
    result = session.ask("count", documents, num=3, exposure=5.0, hits=200)
    (start,) = documents["start"]
    assert (start["plan_name"], start["num_points"], start["sample"]) == ("hit_count", 3, "none")
    assert start["plan_args"]["exposure"] == 5.0
    counts = [e["data"]["det1_ana1_exposure_hits"] for e in documents["event"]]
    assert counts == [200, 200, 200]
    assert [(number, total) for number, total, _ in result["points"]] == [(1, 3), (2, 3), (3, 3)]
    assert [point["det1_ana1_exposure_hits"] for _, _, point in result["points"]] == counts
    assert documents["descriptor"][0]["configuration"]["det1"]["data"]["det1_acquire_time"] == 5.0
    assert result["after"] == result["before"] == 0.0


def test_a_plan_that_cannot_go_on_says_why(session):
    """At the end of the recording the refusal names PV, reason and next step; the run is landed."""
    outcome, text = session.tried("count", num=3, exposure=None, hits=20_000)
    assert outcome == "failed"
    assert "T:DET1:Acquire " in text and "at its end: send rewind first" in text and "wanted 3 of run" in text
    result = session.ask("count", num=1, exposure=None, hits=5)
    assert result["state"] == "Idle"


@pytest.mark.faults  # for its time
def test_the_examples_of_the_guide_run(running, session):
    """All Python of docs/how-to/scan.md, in order, in the folder of a station file."""
    session.ask("count", num=1, exposure=None, hits=50)  # rewinds, and leaves short exposures
    told = run(examples("scan.md", 5), running)
    assert "det1_ana1_exposure_hits" in told and str(running.data) in told


@pytest.fixture
def two(running):
    """A session over caproto."""
    with session_on(running, "caproto", CLIENT) as session:
        yield session


def test_two_readouts_and_their_workers_share_a_run(two, documents):
    """All workers of all readouts show the exposure that the event is about; blocks decide what they have."""
    result = two.ask("both", documents, num=6)
    events = [event["data"] for event in documents["event"]]
    workers = ("det1_ana1", "det1_ana2", "det2_ana3")
    for number, event in enumerate(events, 1):
        assert {event[f"{name}_exposure"] for name in ("det1", "det2", *workers)} == {number}
        assert [event[f"{name}_exposure_hits"] for name in workers] == [200, 200, 300]
        assert event["det1_ana1_clusters"] == event["det1_ana2_clusters"]
    assert len(events) == 6 and len({event["det1_run"] for event in events}) == 1
    assert events[0]["det1_run"] == events[0]["det2_run"]
    assert len(documents["stream_resource"]) == 2 and len(documents["stream_datum"]) == 12
    assert result == {"state": "Idle", "image": False, "spectrum": True}


def test_a_plan_outlives_a_killed_conductor(running, session, undisturbed):
    """No hit is lost or doubled, and counts, images and spectra are bit-equal."""
    survives(running, session, undisturbed, "run", seed=1)


def test_a_killed_readout_ends_the_plan_clearly_and_leaves_what_was_written(running, session):
    """The Status names PV, wanted and last value; the log has every hit of the finished exposures."""
    ends_clearly(running, session, seed=1, others=True)
