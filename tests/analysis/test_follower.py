"""The worker's thread: every exposure told once it ended, nothing told backwards, poison set aside."""

import queue

import pytest
from hitline.analysis.attempts import LIMIT, Attempts
from hitline.analysis.blocks.base import make
from hitline.analysis.blocks.counting import Counting
from hitline.analysis.follower import Follower
from hitline.analysis.pipeline import Pipeline
from hitline.bus.log.client import FeedClient
from kit.patience import WAIT_S
from kit.until import wait_until
from readout import Readout, shots

COUNTS = (400, 0, 900, 1, 250, 3)
ENDED = ("exposure_hits", "exposure_clusters", "exposure_tot_sum")


@pytest.fixture
def readout(tmp_path):
    readout = Readout("det", tmp_path)
    readout.start_feed()
    yield readout
    readout.close()


@pytest.fixture
def followers(tmp_path, readout):
    """Make followers of the readout that share a state file; all are stopped at the end."""
    made = []

    def start(blocks=(), window_ns=200.0, begin=True):
        def pipeline():
            return Pipeline(
                {**make(("counts", "image", "spectra")), **{b.__name__: b() for b in blocks}},
                window_ns=window_ns,
            )

        told = queue.Queue()
        client = FeedClient(f"tcp://127.0.0.1:{readout.feed.port}", "det")
        follower = Follower(client, pipeline, tmp_path / ".state" / "ana.state", str(window_ns), told.put)
        follower.told = told
        if begin:
            follower.start()
            made.append(follower)
        return follower

    yield start
    for follower in made:
        if follower._thread.is_alive():
            follower.stop()


def ends(follower, last):
    """Snapshots of the exposures that were told to have ended, up to number `last`."""
    seen = {}
    while last not in seen:
        snapshot = follower.told.get(timeout=WAIT_S)
        if snapshot.ended:
            assert snapshot.exposure not in seen
            seen[snapshot.exposure] = snapshot
    return seen


def asked(follower):
    """The first snapshot when one asks again and again, as a worker does."""
    wait_until(lambda: not follower.told.empty() or follower.ask(), what="a snapshot")
    return follower.told.get()


def truth(counts):
    """Results of each exposure by a pipeline that sees it whole."""
    from logged import exposures

    line = Pipeline(make(("counts", "image", "spectra")))
    line.reset("run")
    return [
        dict(line.results())
        for header, payload in exposures(shots(counts), 10**7)
        if line.block(header, payload)
    ]


def counts_of(results):
    return [results[name] for name in ENDED]


def test_each_end_is_told_at_once_with_its_own_results(readout, followers):
    follower = followers()
    readout.writer.open("run1")
    for number, (raw, wanted) in enumerate(zip(shots(COUNTS), truth(COUNTS), strict=True), 1):
        readout.expose(number, raw)
        snapshot = ends(follower, number)[number]
        assert counts_of(snapshot.results) == counts_of(wanted)
        assert (snapshot.run, snapshot.analysing, snapshot.lost, snapshot.late_hits) == ("run1", False, 0, 0)
        assert (snapshot.results["image"] == wanted["image"]).all()


def test_between_ends_it_tells_when_asked_and_only_news(readout, followers):
    follower = followers()
    readout.writer.open("run1")
    readout.writer.begin(1)
    raw = shots(COUNTS)[0]
    readout.writer.data(raw, words=len(raw) // 8, format=1, method=3)
    assert readout.writer.wait(WAIT_S)
    while (told := asked(follower)).results["hits"] < 400:
        assert told.results["hits"] == 0
    assert (told.results["hits"], told.analysing, told.ended) == (400, True, False)
    follower.ask()
    assert follower.told.empty()


def test_a_new_run_is_told_when_it_begins(readout, followers):
    follower = followers()
    for run in ("run1", "run2"):
        readout.writer.open(run)
        readout.expose(1, shots(COUNTS)[0])
        first = follower.told.get(timeout=WAIT_S)
        assert (first.run, first.exposure, first.results["hits"]) == (run, 0, 0)
        assert ends(follower, 1)[1].results["hits"] == 400
        readout.writer.close()


def test_after_a_restart_nothing_old_is_told(readout, followers):
    raws, wanted = shots(COUNTS), truth(COUNTS)
    readout.writer.open("run1")
    first = followers()
    for number in (1, 2):
        readout.expose(number, raws[number - 1])
    ends(first, 2)
    first.stop()
    for number in (3, 4, 5):
        readout.expose(number, raws[number - 1])
    second = followers()
    snapshot = asked(second)
    assert (snapshot.exposure, counts_of(snapshot.results)) == (5, counts_of(wanted[4]))
    assert snapshot.results["hits"] == sum(COUNTS[:5])
    readout.expose(6, raws[5])
    assert counts_of(ends(second, 6)[6].results) == counts_of(wanted[5])


def test_what_was_saved_is_shown_when_the_feed_is_gone(readout, followers):
    readout.writer.open("run1")
    first = followers()
    readout.expose(1, shots(COUNTS)[0])
    wanted = ends(first, 1)[1]
    first.stop()
    readout.close()
    second = followers()
    again = asked(second)
    assert (again.exposure, counts_of(again.results)) == (1, counts_of(wanted.results))


def test_a_state_of_another_configuration_is_not_taken_up(readout, followers):
    readout.writer.open("run1")
    first = followers()
    for number, raw in enumerate(shots(COUNTS), 1):
        readout.expose(number, raw)
    wide = ends(first, len(COUNTS))[len(COUNTS)]
    first.stop()
    second = followers(window_ns=0.0)
    while (snapshot := second.told.get(timeout=WAIT_S)).exposure < len(COUNTS):
        pass
    assert snapshot.results["hits"] == sum(COUNTS)
    assert snapshot.results["clusters"] > wide.results["clusters"]


def test_a_torn_state_file_costs_only_time(readout, followers, tmp_path):
    readout.writer.open("run1")
    first = followers()
    readout.expose(1, shots(COUNTS)[0])
    ends(first, 1)
    first.stop()
    (tmp_path / ".state" / "ana.state").write_bytes(b"PK rubbish")
    second = followers()
    assert ends(second, 1)[1].results["hits"] == 400


class Poison(Counting):
    """Fails at the block that has exactly this many hits."""

    calls = 0
    hits_of_poison = 0

    def hits(self, batch):
        if len(batch) == Poison.hits_of_poison:
            Poison.calls += 1
            raise RuntimeError("cannot stomach this")


def test_a_block_that_fails_three_times_is_set_aside(readout, followers):
    Poison.calls, Poison.hits_of_poison = 0, 250
    follower = followers([Poison])
    readout.writer.open("run1")
    for number, raw in enumerate(shots(COUNTS), 1):
        readout.expose(number, raw)
    last = ends(follower, len(COUNTS))[len(COUNTS)]
    assert (last.set_aside, Poison.calls) == (1, LIMIT)
    assert last.results["hits"] == sum(COUNTS) - 250
    follower.stop()
    again = asked(followers([Poison]))
    assert (again.set_aside, again.results["hits"]) == (1, sum(COUNTS) - 250)


def test_attempts_blame_only_the_block_that_was_under_way(tmp_path):
    path = tmp_path / "a.attempt"

    def life(*offsets, dies_at=None):
        attempts = Attempts(path)
        taken = []
        for offset in offsets:
            if attempts.begin("run", offset):
                taken.append(offset)
                if offset == dies_at:
                    break
                attempts.done()
        attempts.close()
        return taken

    for _ in range(LIMIT):
        assert life(0, 10, 20, 30, dies_at=20) == [0, 10, 20]
    assert life(0, 10, 20, 30) == [0, 10, 30]
    assert life(0, 10, dies_at=10) == [0, 10]
    assert life(0, 10, 20, 30, dies_at=30) == [0, 10, 20, 30]
    assert life(0, 10, 20, 30) == [0, 10, 20, 30]
