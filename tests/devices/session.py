"""The devices of the fake station, and what the scenarios have in common; argv is LAYER PREFIX."""

import sys

import numpy as np
import ophyd
from kit.patience import WAIT_S
from kit.until import wait_until

ophyd.set_cl(sys.argv[1])

from bluesky import RunEngine  # noqa: E402
from hitline.devices.analysis import HitAnalysis  # noqa: E402
from hitline.devices.detector import HitDetector  # noqa: E402
from hitline.devices.run import Run  # noqa: E402
from hitline.devices.station import StationDevice  # noqa: E402
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
    device.wait_for_connection(timeout=WAIT_S)

EVENT = (
    "det1_exposure",
    "det1_hits_logged",
    "det1_ana1_exposure",
    "det1_ana1_exposure_hits",
    "det1_ana1_exposure_clusters",
    "det1_ana1_exposure_tot_sum",
)


def expected(n):
    return (n, sum(map(hits, range(1, n + 1))), n, hits(n), clusters(n), 3 * hits(n))


def fault(name):
    mode.put(name, use_complete=True)
    wait_until(lambda: mode.get() == name, what=f"the mode {name}")


def engine():
    documents = []
    engine = RunEngine({}, call_returns_result=False)
    engine.subscribe(lambda name, document: documents.append((name, document)))
    return engine, documents


def plain(value):
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else list(value)


def only(documents, kind):
    return [d for name, d in documents if name == kind]
