"""A Bluesky session on a station with an emulated Katherine.

Run: katherine_client.py STATION LAYER, by kit.session.
"""

import subprocess
import sys
import threading

import numpy as np
from hitline.devices import make_devices
from kit.patience import WAIT_S
from kit.session import answer
from kit.station import HITLINE
from kit.until import wait_until

devices = make_devices(sys.argv[1], sys.argv[2])

from bluesky import RunEngine  # noqa: E402
from bluesky.utils import FailedStatus  # noqa: E402
from hitline.plans import Curve, bias_scan, dac_scan, hit_count, keep_stopped, threshold_scan  # noqa: E402
from ophyd import EpicsSignal, EpicsSignalRO  # noqa: E402

RE = RunEngine({})
det, emulator = devices.kat1, devices.emu


def tune(**values):
    """Set attributes of the detector, one after the other."""
    for name, value in values.items():
        getattr(det, name).set(value).wait(WAIT_S)
    return {name: getattr(det, name).get() for name in values}


def world(**values):
    """Set attributes of the emulator or the world, `device__attribute`."""
    for name, value in values.items():
        device, _, attribute = name.partition("__")
        getattr(devices[device], attribute).set(value).wait(WAIT_S)


def pulse(pixels, trims, millivolts, count, period=65):
    """Test pulses of an amplitude into these pixels [(x, y), ...] with a trim each; all others are masked."""
    codes = np.ones((256, 256), np.uint8)
    for (x, y), trim in zip(pixels, trims, strict=True):
        codes[y, x] = 1 << 5 | int(f"{trim:04b}"[::-1], 2) << 1
    det.pixels.set(codes).wait(WAIT_S)
    assert np.array_equal(det.pixels.get(), codes)
    fine = 200
    det.dac("VTP_fine").set(fine).wait(WAIT_S)
    det.dac("VTP_coarse").set(round((millivolts + 2.5 * fine) / 5)).wait(WAIT_S)
    tune(pulses="Analogue", pulse_count=count, pulse_period=period)
    return {"amplitude": det.pulse_amplitude.get(), "pulsed": det.pixels_pulsed.get()}


def exposure(seconds):
    """One exposure, with what the station says of it."""
    det.acquire_time.set(seconds).wait(WAIT_S)
    det.trigger().wait(WAIT_S)
    names = ("hits_sent", "hits_logged", "hits_lost", "condition", "loss_method")
    found = {name: getattr(det, name).get() for name in names}
    return {**found, "analysed": det.ana1.exposure_hits.get(), "dropped": emulator.hits_dropped.get()}


def silenced(seconds):
    """What a trigger fails with whose readout falls silent in the middle."""
    det.acquire_time.set(seconds).wait(WAIT_S)
    status = det.trigger()
    wait_until(lambda: det.acquiring.get(), what="an exposure")
    emulator.stall.set(1).wait(WAIT_S)
    try:
        status.wait(WAIT_S)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "success"


def cut(words, keep):
    """What becomes of a plan whose exposure another client ends early, by `hitline set WORDS`."""

    def other():
        wait_until(lambda: det.acquiring.get(), what="an exposure")
        subprocess.run([*HITLINE, "set", *words, "-s", sys.argv[1]], check=True, capture_output=True)

    events = []
    thread = threading.Thread(target=other)
    thread.start()
    plan = hit_count([det], num=1, exposure=20.0)
    try:
        plan = keep_stopped(plan, [det]) if keep else plan
        RE(plan, {"event": lambda name, document: events.append(document["data"])})
        outcome = "success"
    except FailedStatus as error:
        outcome = str(error.__cause__ or error)
    finally:
        thread.join()
    names = ("exposure_end", "exposure_condition")
    return {"outcome": outcome, "events": [[event[f"kat1_{name}"] for name in names] for event in events]}


def back():
    """Leave ERROR once the readout answers again."""
    wait_until(lambda: det.chip_id.sample(1.0).valid, what="the readout answers")
    EpicsSignal(f"{det.prefix}Reset", name="reset").put(1, wait=True)
    wait_until(lambda: det.detector_state.sample(1.0).value == "Idle", what="Idle")
    det.cmd_configure.set(1).wait(WAIT_S)


def only(pixels):
    """Mask all but these pixels [(x, y), ...], trims 8."""
    codes = np.ones((256, 256), np.uint8)
    for x, y in pixels:
        codes[y, x] = 1 << 1
    det.pixels.set(codes).wait(WAIT_S)


def open_all(trims):
    """No mask, these trims [y][x]."""
    trims = np.array(trims, np.uint8)
    codes = np.zeros((256, 256), np.uint8)
    for bit in range(4):
        codes |= (trims >> 3 - bit & 1) << 1 + bit
    det.pixels.set(codes).wait(WAIT_S)


def scanned(plan, before, save):
    """Run a scan with a curve; what it found, what it cost, and what is left."""
    curve, points = Curve(save=save), []

    def heard(name, document):
        if name == "event":
            points.append(document)

    RE(plan, [curve, heard])
    return {
        "fits": {name: found.summary() for name, found in curve.fits.items()},
        "problems": curve.problems,
        "columns": curve.columns,
        "before": before,
        "after": {name: getattr(det, name).get() for name in before},
        "lost": det.hits_lost.get(),
        "condition": det.condition.get(),
        "state": devices.run.state.get(),
        "events": [point["data"] for point in points],
    }


def threshold(*, save=None, **arguments):
    before = {"threshold": det.threshold.get(), "acquire_time": det.acquire_time.get()}
    return scanned(threshold_scan(det, **arguments), before, save)


def bias(*, save=None, **arguments):
    before = {"voltage_set": det.voltage_set.get(), "acquire_time": det.acquire_time.get()}
    return scanned(bias_scan(det, **arguments), before, save)


def dac(*, save=None, **arguments):
    before = {name: getattr(det, name).get() for name in ("dac_vtp_fine", "dac_vtp_coarse", "monitor")}
    return scanned(dac_scan(det, **arguments), before, save)


def unknown():
    """A bias that the readout does not tell, set for the first time."""
    before = det.voltage_set.get()
    det.voltage_set.set(20.0).wait(WAIT_S)
    return {"before": before, "after": det.voltage_set.get()}


def stock():
    """ophyd's own classes on the PVs: put completion, enums, texts, and a refusal that shows."""
    prefix = det.prefix
    voltage = EpicsSignal(f"{prefix}VSet_RBV", write_pv=f"{prefix}VSet", name="voltage", put_complete=True)
    ramping = EpicsSignalRO(f"{prefix}Ramping_RBV", name="ramping")
    mode = EpicsSignal(
        f"{prefix}OperatingMode_RBV", write_pv=f"{prefix}OperatingMode", string=True, name="mode"
    )
    threshold = EpicsSignal(f"{prefix}Threshold", name="threshold", put_complete=True)
    for signal in (voltage, ramping, mode, threshold):
        signal.wait_for_connection(timeout=WAIT_S)
    voltage.set(40).wait(WAIT_S)
    arrived = ramping.get(use_monitor=False)
    mode.set("ToA").wait(WAIT_S)
    shown = mode.get(use_monitor=False)
    mode.set("ToA+ToT").wait(WAIT_S)
    threshold.set(1700).wait(WAIT_S)
    return {
        "voltage": voltage.get(use_monitor=False),
        "measured": det.voltage_measured.get(),
        "ramping": arrived,
        "mode": shown,
        "threshold": det.threshold.get(),
        "fine": det.dac("Vthreshold_fine").get(),
        "coarse": det.dac("Vthreshold_coarse").get(),
    }


if __name__ == "__main__":
    for device in (devices.station, devices.run, det, emulator):
        device.wait_for_connection(timeout=WAIT_S)
    answer(globals())
