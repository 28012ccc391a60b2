"""What plans do on the fake station, one function per scenario."""

import json
import queue
import threading

import pytest
from bluesky import plans
from bluesky.utils import RunEngineInterrupted
from event_model import DocumentNames, schema_validators
from hitline.devices.settings import NumberSetting
from hitline.devices.signals import Flag, Text
from kit.patience import WAIT_S
from kit.until import wait_until
from ophyd import Component as Cpt
from ophyd import Device, EpicsSignal
from session import EVENT, P, det, engine, expected, fault, only, plain, puts, run

from ioc import hits


class Ramped(Device):
    """A setting that takes its time."""

    time = Cpt(NumberSetting, "AcquireTime", busy="busy")
    busy = Cpt(Flag, "AcquireBusy")


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


def grown():
    """A text that has grown is read whole, also while the event with its new length is on its way."""
    put = EpicsSignal(P + "Test:Text.VAL$", string=True, name="put")
    put.put("a", use_complete=True)  # the other control layer's session leaves it grown
    told, heard = Text(P + "Test:Text", name="told"), queue.Queue()
    told.subscribe(lambda value, **more: heard.put(value))
    while heard.get(timeout=WAIT_S) != "a":
        pass
    told._read_pv.clear_auto_monitor()  # as if its events came late
    put.put("abc", use_complete=True)
    assert wait_until(lambda: told.get() != "a" and told.get()) == "abc"


def ramps():
    """A setting that is shown at once is set when it has arrived, also when the circuit breaks meanwhile."""
    ramped = Ramped(f"{P}DET1:", name="ramped")
    ramped.wait_for_connection(timeout=WAIT_S)
    for name, value in (("ramp", 7.0), ("ramp", 7.0), ("ramp cut", 8.0)):
        fault(name)
        ramped.time.set(value).wait(WAIT_S)
        assert ramped.busy.get() == 0, f"{name}: done while it was under way"
        assert ramped.time.get() == value
    ramped.time.set(0).wait(WAIT_S)


def own_runs():
    """Without staging, each trigger is a run of its own."""
    for _ in range(2):
        det.trigger().wait(WAIT_S)
        assert det.read()["det1_exposure"]["value"] == 1
        assert det.read()["det1_ana1_exposure_hits"]["value"] == hits(1)
