"""Fly rasters on a station.

Run: fly_client.py STATION LAYER, by kit.session. LAYER: pyepics or caproto.
"""

import sys

import numpy as np
from bluesky import RunEngine
from hitline.analysis.join import load_rows
from hitline.cli.raster import WINDOW
from hitline.cli.threshold import codes
from hitline.devices import make_devices
from hitline.ioc.emulators.world.pixels import FrontEnd
from hitline.plans import FlyRaster, fly_raster
from kit.patience import WAIT_S
from kit.session import answer

SIDE = WINDOW[0].stop - WINDOW[0].start
devices = make_devices(sys.argv[1], sys.argv[2])
run = RunEngine({}, context_managers=[])


REGION = (WINDOW[1].start, WINDOW[0].start, SIDE, SIDE)
SIDE_MM = SIDE * 0.055
RUN_UP_S = {"kat": 0.8, "det": 2.4}
"""What the file of `det` tells must be in it before an exposure is over, and on a busy machine it is late."""


def ready(seed=1):
    """Let the window of a Katherine count what stands above the noise."""
    kat, front = devices["kat"], FrontEnd(seed)
    trims = front.best_trim()
    kat.voltage_set.set(150.0).wait(WAIT_S)
    kat.pixels.set(codes(trims, WINDOW)).wait(WAIT_S)
    kat.threshold.set(round(float(front.centre_step(trims)[WINDOW].mean() + 90))).wait(WAIT_S)


def fly(detector, stage, x, grid, rate, whole=False, save=""):
    """Fly, and give what came of it; `whole`: all pixels count."""
    image = FlyRaster(region=None if whole else REGION, aperture=SIDE_MM, save=save or None)
    moves = (devices[stage], x, *grid[0], "y", *grid[1])
    run(fly_raster(devices[detector], *moves, rate=rate, run_up=RUN_UP_S[detector]), image)
    facts, rows = load_rows(image.file)
    spot = image.spot()
    return {
        "image": np.nan_to_num(image.image, nan=-1.0).tolist(),
        "flagged": int(image.flagged.sum()),
        "text": image.text,
        "problem": image.problem,
        "facts": facts,
        "rows": [
            [r.method, r.error_s, r.problem, r.missing, r.doubtful, r.extra, r.edges_s.tolist()] for r in rows
        ],
        "spot": [spot.x, spot.y, spot.diameter] if spot else None,
        "flying": int(devices[stage].flying.get()),
        "left": [devices[stage].fly_points.get(), devices[detector].acquire_time.get()],
    }


def put(device, signal, value):
    """Set a signal of a device."""
    signal = getattr(devices[device], signal)
    signal.set(value).wait(WAIT_S)
    return signal.get()


answer({"fly": fly, "put": put, "ready": ready})
