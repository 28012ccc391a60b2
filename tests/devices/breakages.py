"""What devices do when something breaks, is refused or is stopped, one function per scenario."""

import contextlib
import math
import time

import epics
import pytest
from bluesky import plans
from bluesky.utils import FailedStatus
from hitline.devices.run import Run
from hitline.devices.wait import Failed, Missed, Stopped
from hitline.plans import keep_stopped
from kit.patience import WAIT_S
from kit.until import wait_until
from session import EVENT, P, det, engine, expected, fault, only, puts, run

from ioc import hits


@contextlib.contextmanager
def late_requests(signal):
    """Hold each request of pyepics to read a signal after its look whether the channel is connected.

    A circuit that breaks now breaks in between, where pyepics would wait for the answer ever after.
    """
    real = epics.ca.get_cache

    def held(name):
        deadline = time.monotonic() + 0.2
        while name == signal.pvname and signal._read_pv.connected and time.monotonic() < deadline:
            pass
        return real(name)

    epics.ca.get_cache = held
    try:
        yield
    finally:
        epics.ca.get_cache = real


def circuits_break():
    """A put that is lost with its circuit is repeated once it is sure to be lost; one that arrived is not."""
    det.stage()
    det.trigger().wait(WAIT_S)
    before = puts.get()
    fault("cut")
    det.trigger().wait(WAIT_S)
    assert det.read()["det1_ana1_exposure_hits"]["value"] == hits(2)
    assert puts.get() == before + 1
    fault("lose")
    with late_requests(det.exposure):
        det.trigger().wait(WAIT_S)
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
        det.trigger().wait(WAIT_S)
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
        det.trigger().wait(WAIT_S)
    det.trigger().wait(WAIT_S)
    assert det.read()["det1_exposure"]["value"] == 1
    det.unstage()
    fault("refuse")
    with pytest.raises(Failed, match=r"T:DET1:AcquireTime was refused .*2.5 s ref.*wanted 2.5, last value"):
        det.acquire_time.set(2.5).wait(WAIT_S)
    det.acquire_time.set(1.5).wait(WAIT_S)
    assert det.acquire_time.get() == 1.5


def others():
    """Somebody else's run is refused with the owner's name, and left alone; so is another's exposure."""
    other = Run(P + "Run:", name="other", owner_name="other@there:2")
    other.wait_for_connection(timeout=WAIT_S)
    other.launch().wait(WAIT_S)
    with pytest.raises(Failed, match=r"the run belongs to other@there:2"):
        det.stage()
    assert run.state.get() == "Armed"
    assert run.owner.get() == "other@there:2"
    other.land().wait(WAIT_S)
    det.stage()
    fault("jump")
    with pytest.raises(Failed, match=r"T:DET1:Exposure_RBV: wanted 1.*somebody else takes exposures"):
        det.trigger().wait(WAIT_S)
    det.unstage()


def cuts():
    """An exposure that somebody cuts fails the plan; one that was stopped is kept where the plan says so."""
    RE, documents = engine()
    faults = iter(("halt", "halt", "interrupt"))
    RE.subscribe(lambda name, document: fault(next(faults)), "start")
    with pytest.raises(FailedStatus) as error:
        RE(plans.count([det], num=2))
    told = repr(error.value.__cause__ or error.value.args)
    assert "exposure 1 of run" in told, told
    assert "wanted Whole, last value Stopped" in told and "plans.keep_stopped keeps such points" in told
    assert "stopped by other@there (10.0.0.7)" in told
    assert not only(documents, "event")
    RE(keep_stopped(plans.count([det], num=2), [det.ana1]))
    assert [e["data"]["det1_exposure_end"] for e in only(documents, "event")] == ["Stopped", "Whole"]
    assert det.on_stop == "fail"
    with pytest.raises(FailedStatus, match="interrupted by other@there"):
        RE(keep_stopped(plans.count([det], num=2), [det]))
    assert len(only(documents, "event")) == 2 and run.state.get() == "Idle"


def restart():
    """A readout that was restarted in an exposure fails the Status at once: its counts are gone."""
    det.stage()
    det.trigger().wait(WAIT_S)
    fault("restart")
    with pytest.raises(Failed, match=r"wanted 2 of run 2026.*last value 0 of run none, idle.*restarted"):
        det.trigger().wait(WAIT_S)
    det.unstage()
    assert run.state.get() == "Idle"
    for stage in (True, False):  # a station's run, and one of the readout's own
        if stage:
            det.stage()
        fault("died")
        with pytest.raises(Failed, match=r"T:DET1:ExposureEnd_RBV: .* exposure 1 .* by the death"):
            det.trigger().wait(WAIT_S)
        det.unstage()


def timeouts():
    """A timeout names the PV, what was wanted and the last value, and leaves no exposure going."""
    det.patience_s = 0.5
    det.stage()
    fault("hang")
    with pytest.raises(Missed, match=r"T:DET1:Exposure_RBV: wanted 1 of run .*, last value 1 .*, acquiring"):
        det.trigger().wait(WAIT_S)
    wait_until(lambda: not det.acquiring.get())
    det.unstage()


def stops():
    """`stop`, and an aborted plan, end the exposure under way, fail its Status and land the run."""
    det.stage()
    fault("hang")
    status = det.trigger()
    with pytest.raises(RuntimeError, match="wait for its end"):
        det.trigger()
    wait_until(det.acquiring.get)
    det.stop()
    with pytest.raises(Stopped, match="T:DET1:Exposure_RBV: wanted 1 of run"):
        status.wait(WAIT_S)
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
