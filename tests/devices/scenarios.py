"""What devices do on the fake station, one function per scenario.

Run: scenarios.py LAYER PREFIX. Names of scenarios on stdin are run one after the other and answered with a
line of JSON: "" or the traceback. ophyd takes one control layer for good, hence a process for each.
"""

import contextlib
import json
import math
import sys
import threading
import time
import traceback

import numpy as np
import ophyd
import pytest

ophyd.set_cl(sys.argv[1])

from bluesky import RunEngine, plans  # noqa: E402
from bluesky.utils import FailedStatus, RunEngineInterrupted  # noqa: E402
from event_model import DocumentNames, schema_validators  # noqa: E402
from hitline.devices.analysis import HitAnalysis  # noqa: E402
from hitline.devices.detector import HitDetector  # noqa: E402
from hitline.devices.run import Run  # noqa: E402
from hitline.devices.station import StationDevice  # noqa: E402
from hitline.devices.wait import Failed, Missed, Stopped  # noqa: E402
from ophyd import Component as Cpt  # noqa: E402
from ophyd import EpicsSignal  # noqa: E402

from ioc import clusters, hits  # noqa: E402

P = sys.argv[2]


class Detector(HitDetector):
    ana1 = Cpt(HitAnalysis, P + "ANA1:", add_prefix=())


station = StationDevice(P, name="station")
run = Run(P + "Run:", name="run", owner_name="test@here:1")
det = Detector(P + "DET1:", name="det1", conductor=run)
mode = EpicsSignal(P + "Test:Mode.VAL$", string=True, name="mode")
puts = EpicsSignal(P + "Test:Puts", name="puts")
run.refusal = det.refusal = station.refusal
for device in (station, run, det, mode, puts):
    device.wait_for_connection(timeout=20)

EVENT = ("det1_exposure", "det1_hits_logged", "det1_ana1_exposure", "det1_ana1_exposure_hits",
         "det1_ana1_exposure_clusters", "det1_ana1_exposure_tot_sum")


def expected(n):
    return (n, sum(map(hits, range(1, n + 1))), n, hits(n), clusters(n), 3 * hits(n))


def fault(name):
    mode.put(name, use_complete=True)
    deadline = time.monotonic() + 5
    while mode.get() != name and time.monotonic() < deadline:
        pass
    assert mode.get() == name


def engine():
    documents = []
    engine = RunEngine({}, call_returns_result=False)
    engine.subscribe(lambda name, document: documents.append((name, document)))
    return engine, documents


def plain(value):
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else list(value)


def only(documents, kind):
    return [d for name, d in documents if name == kind]


def exposures_are_own():
    """Each event has its own exposure's counts, and all are of one run, which is ended and landed."""
    RE, documents = engine()
    RE(plans.count([det], num=5))
    events = only(documents, "event")
    assert [tuple(e["data"][k] for k in EVENT) for e in events] == [expected(n) for n in range(1, 6)]
    assert len({e["data"]["det1_run"] for e in events}) == 1
    assert run.state.get() == "Idle" and run.owner.get() == ""
    (descriptor,) = only(documents, "descriptor")
    keys = descriptor["data_keys"]
    assert keys["det1_ana1_exposure_hits"]["dtype"] == "integer"
    assert keys["det1_ana1_exposure_hits"]["dtype_numpy"] == "<i8"
    assert keys["det1_ana1_exposure_hits"]["source"] == f"PV:{P}ANA1:ExposureHits_RBV"
    assert keys["det1_log"]["external"] == "STREAM:"
    assert descriptor["hints"]["det1"]["fields"] == ["det1_ana1_exposure_hits", "det1_ana1_exposure_clusters"]
    configuration = descriptor["configuration"]["det1"]
    assert configuration["data"]["det1_run"] == events[0]["data"]["det1_run"]
    time_key = configuration["data_keys"]["det1_acquire_time"]
    assert time_key["dtype"] == "number" and time_key["dtype_numpy"] == "<f8"
    assert all(type(v) is int for v in (events[0]["data"][k] for k in EVENT))
    # the run log: one resource, one datum per exposure, pointing at the exposure's place in it
    (resource,) = only(documents, "stream_resource")
    assert resource["mimetype"] == "application/x-hitline-runlog" and resource["data_key"] == "det1_log"
    assert resource["parameters"]["spec"] == "hitline-runlog"
    assert resource["parameters"]["run"] == events[0]["data"]["det1_run"]
    assert resource["uri"].endswith("/det1") and " " not in resource["uri"]
    data = only(documents, "stream_datum")
    assert [d["indices"] for d in data] == [{"start": n, "stop": n + 1} for n in range(5)]
    assert [d["seq_nums"]["start"] for d in data] == [e["seq_num"] for e in events]


def documents_are_valid():
    """Every document is one by event-model's schemas."""
    RE, documents = engine()
    det.acquire_time.kind = det.ana1.tot_spectrum.kind = "normal"
    RE(plans.count([det], num=2))
    det.acquire_time.kind, det.ana1.tot_spectrum.kind = "config", "omitted"
    for name, document in documents:
        schema_validators[DocumentNames[name]].validate(json.loads(json.dumps(document, default=plain)))
    assert len(only(documents, "event")[0]["data"]["det1_ana1_tot_spectrum"]) == 1024
    key = only(documents, "descriptor")[0]["data_keys"]["det1_acquire_time"]
    assert key["limits"] == {"control": {"low": 0.0, "high": 100.0}}


def pauses():
    """A pause in the middle of an exposure, or between two, neither repeats nor loses one."""
    for what, defer in ((det, False), (det, True), (det.ana1, False)):
        RE, documents = engine()
        before = puts.get()

        def pause(name, document, RE=RE, defer=defer):
            if name == "event" and document["seq_num"] == 1:
                threading.Timer(0.03, RE.request_pause, [defer]).start()  # the second exposure is under way

        RE.subscribe(pause)
        with pytest.raises(RunEngineInterrupted):
            RE(plans.count([what], num=3))
        assert run.state.get() == "Running"
        RE.resume()
        events = only(documents, "event")
        assert [e["data"]["det1_ana1_exposure"] for e in events] == [1, 2, 3], (what.name, defer)
        assert puts.get() == before + 3
        assert run.state.get() == "Idle"


def aborts():
    """RE.abort in the middle of an exposure sends stop, and lands the run."""
    RE, documents = engine()
    RE.subscribe(lambda name, document: fault("hang"), "start")
    threading.Timer(1.0, RE.request_pause).start()
    with pytest.raises(RunEngineInterrupted):
        RE(plans.count([det], num=3))
    assert det.acquiring.get()
    RE.abort()
    assert not det.acquiring.get() and run.state.get() == "Idle" and run.owner.get() == ""
    assert only(documents, "stop")[0]["exit_status"] == "abort"


def parts_alone():
    """A worker counted alone triggers its detector; with its detector it is read once."""
    RE, documents = engine()
    RE(plans.count([det.ana1], num=2))
    assert [e["data"]["det1_ana1_exposure_hits"] for e in only(documents, "event")] == [hits(1), hits(2)]
    documents.clear()
    RE(plans.count([det, det.ana1], num=2))
    assert [e["data"]["det1_ana1_exposure_hits"] for e in only(documents, "event")] == [hits(1), hits(2)]


def own_runs():
    """Without staging, each trigger is a run of its own."""
    for _ in range(2):
        det.trigger().wait(10)
        assert det.read()["det1_exposure"]["value"] == 1
        assert det.read()["det1_ana1_exposure_hits"]["value"] == hits(1)


def circuits_break():
    """A put that is lost with its circuit is repeated once it is sure to be lost; one that arrived is not."""
    det.stage()
    det.trigger().wait(10)
    before = puts.get()
    fault("cut")
    det.trigger().wait(20)
    assert det.read()["det1_ana1_exposure_hits"]["value"] == hits(2)
    assert puts.get() == before + 1
    fault("lose")
    det.trigger().wait(30)
    assert det.read()["det1_exposure"]["value"] == 3
    assert det.read()["det1_ana1_exposure_hits"]["value"] == hits(3)
    assert puts.get() == before + 3
    det.unstage()


def launch_is_lost():
    """A launch that is lost with its circuit is repeated, too."""
    fault("lose")
    det.stage()
    assert run.state.get() == "Armed"
    det.unstage()


def late_results():
    """Results that come late, or whose values are unknown at first, are waited for; unknown loss is NaN."""
    det.stage()
    for n, name in enumerate(("slow", "blank", "unknown"), 1):
        fault(name)
        det.trigger().wait(20)
        reading = det.read()
        assert tuple(reading[k]["value"] for k in EVENT) == expected(n), name
        assert math.isnan(reading["det1_hits_lost"]["value"]) == (name == "unknown")
    det.unstage()
    assert det.ana1.taken is None and det.taken is None


def refusals():
    """A refused put fails at once with the reason; no exposure is counted."""
    fault("refuse")
    with pytest.raises(Failed, match=r"T:Run:Launch.*refused for the test.*wanted Armed.*last value 'Idle'"):
        det.stage()
    det.stage()
    fault("refuse")
    with pytest.raises(Failed, match=r"T:DET1:Acquire .*shutter is locked.*wanted 1 of run .*last value 0"):
        det.trigger().wait(10)
    det.trigger().wait(10)
    assert det.read()["det1_exposure"]["value"] == 1
    det.unstage()
    fault("refuse")
    with pytest.raises(Failed, match=r"T:DET1:AcquireTime was refused .*2.5 s ref.*wanted 2.5, last value"):
        det.acquire_time.set(2.5).wait(10)
    det.acquire_time.set(1.5).wait(10)
    assert det.acquire_time.get() == 1.5


def others():
    """Somebody else's run is refused with the owner's name, and left alone; so is another's exposure."""
    other = Run(P + "Run:", name="other", owner_name="other@there:2")
    other.wait_for_connection(timeout=10)
    other.launch().wait(10)
    with pytest.raises(Failed, match=r"the run belongs to other@there:2"):
        det.stage()
    assert run.state.get() == "Armed"
    assert run.owner.get() == "other@there:2"
    other.land().wait(10)
    det.stage()
    fault("jump")
    with pytest.raises(Failed, match=r"T:DET1:Exposure_RBV: wanted 1.*somebody else takes exposures"):
        det.trigger().wait(10)
    det.unstage()


def restart():
    """A readout that was restarted in an exposure fails the Status at once: its counts are gone."""
    det.stage()
    det.trigger().wait(10)
    fault("restart")
    with pytest.raises(Failed, match=r"wanted 2 of run 2026.*last value 0 of run none, idle.*restarted"):
        det.trigger().wait(10)
    det.unstage()
    assert run.state.get() == "Idle"
    for stage in (True, False):  # a station's run, and one of the readout's own
        if stage:
            det.stage()
        fault("died")
        with pytest.raises(Failed, match=r"T:DET1:Condition_RBV.*: wanted GOOD, last value INCOMPL.*osure 1"):
            det.trigger().wait(10)
        det.unstage()


def timeouts():
    """A timeout names the PV, what was wanted and the last value, and leaves no exposure going."""
    det.patience_s = 0.5
    det.stage()
    fault("hang")
    with pytest.raises(Missed, match=r"T:DET1:Exposure_RBV: wanted 1 of run .*, last value 1 .*, acquiring"):
        det.trigger().wait(10)
    deadline = time.monotonic() + 5
    while det.acquiring.get() and time.monotonic() < deadline:
        pass
    assert not det.acquiring.get()
    det.unstage()


def stops():
    """`stop`, and an aborted plan, end the exposure under way, fail its Status and land the run."""
    det.stage()
    fault("hang")
    status = det.trigger()
    with pytest.raises(RuntimeError, match="wait for its end"):
        det.trigger()
    deadline = time.monotonic() + 5
    while not det.acquiring.get() and time.monotonic() < deadline:
        pass
    det.stop()
    with pytest.raises(Stopped, match="T:DET1:Exposure_RBV: wanted 1 of run"):
        status.wait(5)
    det.unstage()
    assert run.state.get() == "Idle" and not det.acquiring.get()
    RE, _ = engine()
    fault("refuse")
    with pytest.raises(Failed):
        RE(plans.count([det]))
    det.patience_s = 0.5

    def hung():
        yield from plans.count([det])

    RE.subscribe(lambda name, doc: fault("hang"), "start")
    with pytest.raises(FailedStatus) as error:
        RE(hung())
    assert "T:DET1:Exposure_RBV: wanted 1 of run" in repr(error.value.__cause__ or error.value.args)
    assert run.state.get() == "Idle" and not det.acquiring.get()


def run_scenario(name):
    det.patience_s = 60.0
    mode.put("", use_complete=True)
    try:
        with contextlib.redirect_stdout(sys.stderr):  # where the RunEngine talks of pauses
            globals()[name]()
    except BaseException:
        det.unstage()
        return traceback.format_exc()
    return ""


if __name__ == "__main__":
    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps(run_scenario(line.strip())), flush=True)
