"""A process is killed in the middle of a plan: it goes on with the same results, or says why not."""

import random
import threading

from hitline.bus.log.block import Kind
from hitline.bus.log.reader import open_run
from kit.patience import WAIT_S
from kit.until import wait_until

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
    "image",
    "tot_spectrum",
    "size_spectrum",
    "cluster_tot_spectrum",
    "chip_hits",
)


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


def columns(events):
    return [[event[key] for key in EVENT] for event in events]


def survives(running, session, undisturbed, process, seed):
    killer = Killer(running, process, seed)
    before = running.pid(process)
    outcome, result = session.tried("scan", killer, hits=HITS)
    assert outcome == "done", f"{killer}: {result}"
    assert running.restarted(process, before), f"{killer}: it was not, or does not come back"
    events, results = undisturbed
    assert columns(killer.events) == columns(events), killer
    assert {key: result[key] for key in SAME} == {key: results[key] for key in SAME}, killer


def ends_clearly(running, session, seed, others=False):
    """`others`: there is another readout, which is put into SAFE: the station wants a reset."""
    killer = Killer(running, "det1", seed)
    outcome, text = session.tried("scan", killer, hits=HITS)
    assert outcome == "failed", f"{killer}: the plan went on without its readout"
    assert "T:" in text and "wanted" in text and "last value" in text, text
    events = killer.events
    run = running.data / events[-1]["det1_run"] / "det1"

    resets = []

    def back():
        outcome, text = session.tried("scan", hits=[1])
        if outcome != "done":
            if "T:Run:Launch" in text and "send reset" in text:
                resets.append(session.ask("reset"))
            raise LookupError(text)
        return True

    wait_until(back, 1.5 * WAIT_S, what="a scan with the readout back", but=(LookupError,))
    assert bool(resets) is others, "only who was interrupted needs a reset"
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
