"""A Bluesky session on a station of replays; it says the documents as they come.

Run: client.py STATION LAYER, by kit.session.
"""

import hashlib
import sys

from hitline.devices import make_devices
from kit.patience import WAIT_S
from kit.session import answer, say

devices = make_devices(sys.argv[1], sys.argv[2])

from bluesky import RunEngine, plans  # noqa: E402
from hitline.plans import Progress, hit_count  # noqa: E402

RE = RunEngine({})
det = devices.det1
det.slice_hits.kind = "normal"  # what is scanned is to be in the events


def connect():
    for device in (devices.station, devices.run, det):
        device.wait_for_connection(timeout=WAIT_S)


def scan(hits):
    """One exposure per entry, with exactly so many hits in it."""
    det.cmd_rewind.set(1).wait(WAIT_S)
    RE(plans.list_scan([det], det.slice_hits, hits), say)
    return results()


def results():
    """What the worker shows at the end: counts, and digests of images and spectra."""
    worker = det.ana1
    shown = {name: getattr(worker, name).get() for name in ("hits", "clusters", "tot_sum")}
    for name in ("image", "tot_spectrum", "size_spectrum", "cluster_tot_spectrum", "chip_hits"):
        shown[name] = hashlib.sha256(getattr(worker, name).get().tobytes()).hexdigest()
    shown["run"] = det.run.get()
    shown["folder"] = det.log_folder.get()
    shown["state"] = devices.run.state.get()
    shown["lost"] = det.hits_lost.get()
    shown["condition"] = det.condition.get()
    return shown


def reset():
    """As an operator does."""
    devices.run.cmd_reset.set(1).wait(WAIT_S)


def count(num, exposure, hits):
    """hit_count with everything that a first user meets."""
    det.cmd_rewind.set(1).wait(WAIT_S)
    det.slice_hits.set(hits).wait(WAIT_S)
    before = det.acquire_time.get()
    points = []
    token = RE.subscribe(Progress(lambda point: points.append([point.number, point.total, point.counts])))
    try:
        RE(hit_count([det], num=num, exposure=exposure, md={"sample": "none"}), say)
    finally:
        RE.unsubscribe(token)
    return {**results(), "points": points, "before": before, "after": det.acquire_time.get()}


def both(num):
    """Two detectors in one plan, and one of the workers named as well."""
    other = devices.det2
    other.wait_for_connection(timeout=WAIT_S)
    det.slice_hits.set(200).wait(WAIT_S)
    RE(hit_count([det, devices.ana2, other], num=num), say)
    return {
        "state": devices.run.state.get(),
        "image": det.ana2.image is not None,
        "spectrum": other.ana3.size_spectrum is not None,
    }


if __name__ == "__main__":
    connect()
    answer(globals())
