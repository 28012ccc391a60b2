"""Processes are killed in the middle of a plan: it goes on with the same results, or says why not."""

import random
import threading

import pytest
from hitline.bus.log.block import Kind
from hitline.bus.log.reader import open_run
from kit.patience import WAIT_S
from kit.until import wait_until

pytestmark = pytest.mark.timeout(150)

HITS = random.Random(7).sample(range(1, 900), 30)
EVENT = (
    "det1_exposure",
    "det1_hits_logged",
    "det1_ana1_exposure",
    "det1_ana1_exposure_hits",
    "det1_ana1_exposure_clusters",
    "det1_ana1_exposure_tot_sum",
    "det1_ana1_hits",
    "det1_ana1_clusters",
)
SAME = (
    "hits",
    "clusters",
    "tot_sum",
    "lost",
    "condition",
    "state",
    "ana1.image",
    "ana1.tot_spectrum",
    "ana1.size_spectrum",
    "ana1.cluster_tot_spectrum",
    "ana1.chip_hits",
)


@pytest.fixture(autouse=True)
def nothing_left():
    """Processes are replaced here; `running` insists that all of them end with the station."""


class Killer:
    """A listener for documents that kills a process at a random instant after some event."""

    def __init__(self, station, process, seed):
        self.station, self.process = station, process
        chance = random.Random(seed)
        self.after, self.delay_s = chance.randrange(2, 20), chance.uniform(0.0, 0.08)
        self.events = []
        self.timer = None

    def __call__(self, name, document):
        if name == "event":
            self.events.append(document["data"])
            if len(self.events) == self.after:
                self.timer = threading.Timer(self.delay_s, self.station.kill, [self.process])
                self.timer.start()

    def __str__(self):
        return f"{self.process} killed {1e3 * self.delay_s:.0f} ms after event {self.after}"


@pytest.fixture(scope="module")
def undisturbed(session):
    """Events and results of the same scan when nothing happens."""
    events = []

    def heard(name, document):
        if name == "event":
            events.append(document["data"])

    outcome, result = session.ask("scan", heard, hits=HITS)
    assert outcome == "done", result
    return events, result


def columns(events):
    return [[event[key] for key in EVENT] for event in events]


def survives(running, session, undisturbed, process, seed):
    killer = Killer(running, process, seed)
    before = running.pid(process)
    outcome, result = session.ask("scan", killer, hits=HITS)
    assert outcome == "done", f"{killer}: {result}"
    assert running.restarted(process, before), f"{killer}: it was not, or does not come back"
    events, results = undisturbed
    assert columns(killer.events) == columns(events), killer
    assert {key: result[key] for key in SAME} == {key: results[key] for key in SAME}, killer


@pytest.mark.parametrize(
    "process",
    [
        "run",
        *(pytest.param(process, marks=pytest.mark.faults) for process in ("face-ca", "face-tango", "ana1")),
    ],
)
def test_a_plan_outlives_a_killed_process(process, running, session, undisturbed):
    """No hit is lost or doubled, and counts, images and spectra are bit-equal."""
    survives(running, session, undisturbed, process, seed=1)


# A plan does not wait for the Tango face: killed too often in a row, it would be given up.
KILLS = [
    *((process, seed) for process in ("face-ca", "ana1", "run") for seed in range(2, 10)),
    *(("face-tango", seed) for seed in range(2, 6)),
]


@pytest.mark.faults
@pytest.mark.parametrize(("process", "seed"), KILLS)
def test_a_plan_outlives_a_killed_process_at_any_instant(process, seed, running, session, undisturbed):
    survives(running, session, undisturbed, process, seed)


def ends_clearly(running, session, seed):
    killer = Killer(running, "det1", seed)
    outcome, text = session.ask("scan", killer, hits=HITS)
    assert outcome == "failed", f"{killer}: the plan went on without its readout"
    assert "T:" in text and "wanted" in text and "last value" in text, text
    events = killer.events
    run = running.data / events[-1]["det1_run"] / "det1"

    def back():
        outcome, text = session.ask("scan", hits=[1])
        if outcome != "done":
            raise LookupError(text)
        return True

    wait_until(back, 1.5 * WAIT_S, what="a scan with the readout back", but=(LookupError,))
    logged: dict[int, int] = {}
    whole = open_run(run)
    for header, _ in whole:
        if header.kind == Kind.DATA:
            logged[header.exposure] = logged.get(header.exposure, 0) + header.hits
    assert [logged[n] for n in range(1, len(events) + 1)] == HITS[: len(events)], killer
    assert whole.totals is not None and not whole.flaws.damaged
    assert "INCOMPLETE" in whole.totals["condition"], whole.totals
    assert whole.totals["hits_logged"] == sum(logged.values()), killer
    assert whole.totals["hits_sent"] == whole.totals["hits_logged"] + whole.totals["hits_lost"]


def test_a_killed_readout_ends_the_plan_clearly_and_leaves_what_was_written(running, session):
    """The Status names PV, wanted and last value; the log has every hit of the finished exposures."""
    ends_clearly(running, session, seed=1)


@pytest.mark.faults
@pytest.mark.parametrize("seed", range(2, 10))
def test_a_killed_readout_ends_the_plan_clearly_at_any_instant(seed, running, session):
    ends_clearly(running, session, seed)
