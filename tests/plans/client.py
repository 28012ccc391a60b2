"""A Bluesky session on a real station, in a process of its own, driven by lines of JSON.

Run: client.py STATION LAYER. Each request on stdin, {"do": NAME, ...}, is answered by lines [NAME, VALUE] on
stdout: documents as they come, at last ["done", result] or ["failed", "the exception and its causes"].
"""

import hashlib
import json
import sys
import traceback

import numpy as np
from hitline.devices import make_devices
from kit.patience import WAIT_S

devices = make_devices(sys.argv[1], sys.argv[2])

from bluesky import RunEngine, plans  # noqa: E402
from hitline.plans import Progress, hit_count  # noqa: E402

RE = RunEngine({})
det = devices.det1
det.slice_hits.kind = "normal"  # what is scanned is to be in the events
WORKERS = [name for name in det.component_names if name.startswith("ana")]


def plain(value):
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else str(value)


def say(name, value):
    print(json.dumps([name, value], default=plain), flush=True)


def connect():
    for device in (devices.station, devices.run, det):
        device.wait_for_connection(timeout=WAIT_S)


def scan(hits):
    """One exposure per entry, with exactly so many hits in it."""
    det.cmd_rewind.set(1).wait(WAIT_S)
    RE(plans.list_scan([det], det.slice_hits, hits), say)
    return results()


def results():
    """What the workers show at the end: counts, and digests of images and spectra."""
    shown = {}
    for name in WORKERS:
        worker = getattr(det, name)
        for attr in ("hits", "clusters", "tot_sum"):
            shown[attr] = shown.get(attr, 0) + getattr(worker, attr).get()
        for attr in ("image", "tot_spectrum", "size_spectrum", "cluster_tot_spectrum", "chip_hits"):
            shown[f"{name}.{attr}"] = hashlib.sha256(getattr(worker, attr).get().tobytes()).hexdigest()
    shown["run"] = det.run.get()
    shown["folder"] = det.log_folder.get()
    shown["state"] = devices.run.state.get()
    shown["lost"] = det.hits_lost.get()
    shown["condition"] = det.condition.get()
    return shown


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


def causes(error):
    """The text of an exception and of what led to it."""
    texts = []
    while error is not None:
        texts.append(f"{type(error).__name__}: {error}")
        error = error.__cause__ or error.__context__
    return " <- ".join(texts)


if __name__ == "__main__":
    connect()
    say("ready", WORKERS)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = globals()[request.pop("do")](**request)
        except BaseException as error:
            print(traceback.format_exc(), file=sys.stderr)
            say("failed", causes(error))
        else:
            say("done", answer)
