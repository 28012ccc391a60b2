"""The measurement of the demo: a Bluesky count over Channel Access, and every sum by an independent way."""

import json
import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hitline.bus.station import Station

from .demo_station import SEED

if TYPE_CHECKING:
    from .raster import Image
    from .threshold import Found

FINISH_S = 30.0


class Measurement:
    """Counts `det1` of a running station; used from one thread, `abort` from any."""

    def __init__(self, station: Station, out: Path, exposures: int, ca_port: int, tango_port: int) -> None:
        self.station, self.out, self.exposures = station, out, exposures
        self.ca_port, self.tango_port = ca_port, tango_port
        # Before the first import of a Channel Access client, which reads them once.
        os.environ.update(
            {
                "EPICS_CA_ADDR_LIST": "127.0.0.1",
                "EPICS_CA_AUTO_ADDR_LIST": "NO",
                "EPICS_CA_SERVER_PORT": str(ca_port),
                "EPICS_CA_MAX_ARRAY_BYTES": "16777216",
            }
        )
        self._engine: Any = None

    def run(self) -> bool:
        """Count, compare all sums, write the files; True when all agree."""
        from bluesky import RunEngine
        from hitline.devices import make_devices

        devices = make_devices(self.station)
        det, ana = devices.det1, devices.ana1
        for device in (devices.run, det, devices.kat1, devices.world1, devices.x, devices.y):
            device.wait_for_connection(timeout=FINISH_S)
        # No signal handlers: this is not the main thread, Ctrl-C comes by `abort`.
        self._engine = engine = RunEngine({}, context_managers=[])
        points = self._count(engine, det)
        seen = {name: int(getattr(ana, name).get()) for name in ("hits", "clusters", "tot_sum")}
        row = {
            "hits_sent": int(det.hits_sent.get()),
            "hits_received": logged(self.station.data / det.run.get() / "det1"),
            "hits_analysed": sum(point["det1_ana1_exposure_hits"] for point in points),
            "hits_lost": int(det.hits_lost.get()),
            "clusters": seen["clusters"],
            "tot_sum": seen["tot_sum"],
        }
        tango = self._tango_hits()
        agree = len({row["hits_sent"], row["hits_received"], row["hits_analysed"], seen["hits"], tango}) == 1
        agree = agree and row["hits_lost"] == 0 and len(points) == self.exposures
        found = self._scan(engine, devices.kat1)
        image = self._raster(engine, devices)
        files = self._write(det.run.get(), points, ana, found, image)
        rows = {"sources": {"det1": row, "kat1": found.row}, "raster": image.row}
        (self.out / "summary.json").write_text(json.dumps(rows, indent=1) + "\n")
        self._print(row, seen["hits"], tango, agree, found, image, [*files, self.out / "summary.json"])
        return agree and found.good and image.good

    def abort(self) -> None:
        """End a count under way; `run` then raises."""
        if self._engine is not None:
            self._engine.abort(reason="interrupted")

    def close(self) -> None:
        """Leave the Channel Access client in order."""
        from hitline.devices.leave import leave

        leave()

    def _count(self, engine: Any, det: Any) -> list[dict[str, Any]]:
        """Run the plan; the data of its events, in order."""
        from hitline.plans.count import hit_count
        from hitline.plans.progress import Point, Progress

        points: list[dict[str, Any]] = []

        def keep(name: str, document: dict[str, Any]) -> None:
            if name == "event":
                points.append(document["data"])

        def report(point: Point) -> None:
            hits, clusters = (
                point.counts.get(f"det1_ana1_exposure_{name}", 0) for name in ("hits", "clusters")
            )
            print(
                f"exposure   {point.number:3d} of {point.total}: {hits:9,.0f} hits, "
                f"{clusters:9,.0f} clusters, {point.elapsed_s:6.2f} s",
                flush=True,
            )

        engine(hit_count([det], num=self.exposures), [keep, Progress(report)])
        return points

    def _scan(self, engine: Any, kat: Any) -> "Found":
        """Scan the threshold of the emulated readout."""
        from .threshold import POINTS, scan

        print(f"threshold  scan of {kat.name}: {POINTS} points with test pulses", flush=True)
        return scan(engine, kat, SEED, self.station.data, self.out / "threshold.png")

    def _raster(self, engine: Any, devices: Any) -> "Image":
        """Move the emulated readout through the beam of a collimated source."""
        from .raster import POINTS, scan

        print(f"raster     {POINTS} x {POINTS} points of a phyMOTION stage in a beam", flush=True)
        return scan(engine, devices, SEED, self.out / "raster.png")

    def _tango_hits(self) -> int:
        import tango

        name = f"tango://127.0.0.1:{self.tango_port}/hitline/{self.station.name}/ana1#dbase=no"
        return int(tango.DeviceProxy(name).read_attribute("hits").value)

    def _write(
        self, run: str, points: list[dict[str, Any]], ana: Any, found: "Found", image: "Image"
    ) -> list[Path]:
        """Write results and pictures from what Channel Access shows."""
        from hitline.analysis.plot import overview, plot
        from hitline.analysis.writer import write

        results = {
            name: getattr(ana, name).get()
            for name in (
                "image",
                "tot_spectrum",
                "size_spectrum",
                "cluster_tot_spectrum",
                "chip_hits",
                "hits",
                "clusters",
                "tot_sum",
            )
        }
        rows = [
            {
                "exposure": point["det1_exposure"],
                **{
                    name: point[f"det1_ana1_{name}"]
                    for name in ("exposure_hits", "exposure_clusters", "exposure_tot_sum")
                },
            }
            for point in points
        ]
        window_ns = self.station.workers["ana1"].window_ns
        file = write(
            self.out / "results.h5",
            results,
            run=run,
            source="det1",
            exposures=rows,
            parameters={"window_ns": window_ns},
        )
        pictures = [*plot(self.out, results), found.picture, image.picture]
        return [file, *pictures, overview(self.out / "demo.png", results, more=[found.draw, image.draw])]

    def _print(
        self,
        row: dict[str, int],
        seen: int,
        tango: int,
        agree: bool,
        found: "Found",
        image: "Image",
        files: list[Path],
    ) -> None:
        equal = "=" if agree else "?"
        print(
            f"hits       {row['hits_sent']:,} sent {equal} {row['hits_received']:,} logged {equal} "
            f"{row['hits_analysed']:,} analysed {equal} {seen:,} seen by a Channel Access client {equal} "
            f"{tango:,} seen by a Tango client"
        )
        print(f"lost       {row['hits_lost']:,}")
        print(f"clusters   {row['clusters']:,}, ToT sum {row['tot_sum']:,} counts of 25 ns")
        equal, scanned = "=" if found.good else "?", found.row
        print(
            f"threshold  {scanned['hits_sent']:,} hits sent {equal} {scanned['hits_received']:,} logged "
            f"{equal} {scanned['hits_analysed']:,} seen by a Channel Access client; "
            f"lost {scanned['hits_lost']:,}"
        )
        print(f"           {found.text}")
        print(f"raster     {image.text}")
        folders = Counter(file.parent for file in files)
        for folder in folders:
            names = ", ".join(file.name for file in files if file.parent == folder)
            print(f"written    {folder}: {names}")
        print(f"           {self.station.data}: the run log (hitline runs list {self.station.data})")
        print("all agree" if agree and found.good and image.good else "THE SUMS DIFFER", flush=True)


def logged(folder: Path) -> int:
    """Count the hits in a run log, by the decoder that shares no code with the kernels."""
    from hitline.analysis.recording import Recording

    tables = Recording(folder).tables()
    return sum(len(columns["x"]) for part in tables for name, columns in part.items() if name == "hits")
