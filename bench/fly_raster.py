"""Whether a fly raster of 10,000 points at 50 Hz loses a position or joins a hit to the wrong one.

    python bench/fly_raster.py [--rows 20] [--points 500] [--rate 50]

A station with an emulated PI controller and its stage, the raw stream of an emulated Timepix3 in the same
world, followed by a `replay`, and the Channel Access face; the plan runs here, over pyepics. The emulator
writes every move of its carriages into a file: the truth. Checked for every row: all readings that the
stage took are in its log; every edge has its pulse; the time of each pulse, less the true time at which the
carriage was there, is the same for all edges of the run within the stated error; the joined counts equal
those of a plain histogram of the whole stream; the edges that the clocks alone give are within the error
that they state. Where something of that does not hold, the exit code is 1. Writes
bench/results/fly_raster.json.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from lib.station import Table, axis, entry, free_port, machine, up

RESULTS = Path(__file__).parent / "results" / "fly_raster.json"
HALF_MM = 3.0


def station() -> Table:
    """A stage on an emulated PI controller, and the stream of a Timepix3 in the same world."""
    motion = free_port()
    rails = {"model": "C-884", "axes": ["1", "2"], "referenced": True, "rail_steps": 20000}
    fast = {"low": -10.0, "high": 10.0, "velocity": 20.0, "acceleration_time": 0.1}
    return {
        "conductor": {},
        "instruments": {
            "rails": entry("pi_emulator", "world", port=motion, moves="moves.jsonl", **rails),
            "world": entry("world", "world", source_rate=2e4, spot_mm=3.0, stage="rails"),
            "stream": entry("tpx3_stream", "world", file="live.tpx3"),
            "det": entry("replay", file="live.tpx3", follow=True),
            "box": entry("pi", "motion", where=f"tcp://127.0.0.1:{motion}", axes=["1", "2"]),
            "x": axis("box", "1", **fast),
            "y": axis("box", "2", **fast),
            "stage": entry("stage", "motion", axes=["x", "y"]),
        },
    }


def fly(file: Path, rows: int, points: int, rate: float) -> Any:
    """Run the plan; give its image with the joined rows."""
    from bluesky import RunEngine
    from hitline.devices import make_devices
    from hitline.plans import FlyRaster, fly_raster

    devices, image = make_devices(file, "pyepics"), FlyRaster(save=file.parent / "fly.png")
    grid = (-HALF_MM, HALF_MM, points), (-HALF_MM, HALF_MM, rows)
    plan = fly_raster(devices.det, devices.stage, "x", *grid[0], "y", *grid[1], rate=rate)

    def told(name: str, document: dict[str, Any]) -> None:
        if name == "event":
            print(f"\rrow {document['seq_num']} of {rows}", end="", flush=True, file=sys.stderr)

    RunEngine({}, context_managers=[])(plan, {"all": [image, told]})
    print(file=sys.stderr)
    return image


def crossings(moves: Path, places_steps: np.ndarray, at_s: float) -> np.ndarray:
    """When the carriage was at these places in the move that goes on at this time; s, monotonic."""
    from hitline.ioc.emulators.moves_file import read_moves

    up_way = bool(places_steps[-1] > places_steps[0])
    for rail, travel, ended_s in read_moves(moves):
        if rail == "1" and travel.stretches[0].begun_s <= at_s <= ended_s:
            return np.array([travel.crosses(float(place), up=up_way) for place in places_steps])
    raise RuntimeError("there is no such move in the truth")


def checked(folder: Path, image: Any) -> dict[str, Any]:
    """Hold everything against the truth; raises AssertionError."""
    from hitline.analysis.join.exposure import exposures
    from hitline.analysis.join.join import join
    from hitline.analysis.join.track import tracks
    from hitline.bus.formats.tpx3 import Decoder

    run = image.file.parent
    decoder = Decoder()
    batches = [decoder.feed((folder / "live.tpx3").read_bytes()), decoder.flush()]
    stream_s = np.sort(np.concatenate([b.hits.t_unwrapped for b in batches])) / 640e6
    late_s, clock_s, clock_error_s, gaps_ms, readings, same = [], [], [], [], 0, True
    flights = {track.number: track for track in tracks(run / "stage")}
    taken = {exposure.number: exposure for exposure in exposures(run / "det")}
    for row in image.rows:
        assert not row.problem and not row.missing and not row.doubtful and not row.extra, row.text
        track, exposure = flights[row.flight], taken[row.exposure]
        readings += len(track.at_s)
        gaps_ms.append(float(np.diff(track.at_s).max()) * 1e3)
        true_s = crossings(folder / "moves.jsonl", row.places * 1000.0, float(np.median(track.at_s)))
        late_s.append(row.edges_s - true_s)
        same &= bool(np.array_equal(np.diff(np.searchsorted(stream_s, row.edges_s)), row.counts))
        none = replace(exposure.triggers, early_s=np.zeros(0), late_s=np.zeros(0), place=np.zeros(0, int))
        blind = replace(track, facts={**track.facts, "pulses": False})
        alone = join(blind, replace(exposure, triggers=none))
        clock_s.append(alone.edges_s - true_s)
        clock_error_s.append(alone.error_s)
    offset_s = min(float(late.min()) for late in late_s)
    worst_s = max(float(late.max()) for late in late_s) - offset_s
    stated_s = max(row.error_s for row in image.rows)
    assert worst_s <= stated_s + 1e-6, (
        f"a pulse is {worst_s * 1e6:.1f} us off, {stated_s * 1e6:.1f} us stated"
    )
    assert same, "counts are not those of the stream"
    off_s = [float(np.abs(off - offset_s).max()) for off in clock_s]
    assert all(off <= error for off, error in zip(off_s, clock_error_s, strict=True)), (off_s, clock_error_s)
    return {
        "edges": sum(len(row.places) for row in image.rows),
        "hits_joined": int(sum(row.counts.sum() for row in image.rows)),
        "pulse_off_us": round(worst_s * 1e6, 2),
        "pulse_error_stated_us": round(stated_s * 1e6, 2),
        "clock_off_ms": round(max(off_s) * 1e3, 2),
        "clock_error_stated_ms": round(max(clock_error_s) * 1e3, 2),
        "readings": readings,
        "reading_hz": round(readings / sum(t.at_s[-1] - t.at_s[0] for t in flights.values()), 1),
        "reading_gap_ms": round(max(gaps_ms), 1),
        "exact": True,
    }


def main() -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=20)
    parser.add_argument("--points", type=int, default=500)
    parser.add_argument("--rate", type=float, default=50.0, help="points per second")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        begun_s = time.monotonic()
        with up(folder, station()) as running:
            image = fly(running.file, args.rows, args.points, args.rate)
        took_s = time.monotonic() - begun_s
        found = {"rows": args.rows, "points": args.rows * args.points, "rate_hz": args.rate}
        found |= {"took_s": round(took_s, 1), **checked(folder, image)}
    print(json.dumps(found, indent=2))
    RESULTS.write_text(json.dumps({"machine": machine(), "fly_raster": found}, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.stdout.flush()
    code = main()
    sys.stdout.flush()
    os._exit(code)  # libca's threads do not end by themselves
