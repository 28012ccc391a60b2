"""The image of a fly raster: hits joined to positions from the logs of the run, once it is over."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from event_model import EventDescriptor, RunStart, RunStop
from hitline.analysis.join import Row, join_run, save_rows

from .raster_image import Raster

FILE = "fly_raster.npz"
"""In the folder of the run."""


class FlyRaster(Raster):
    """A callback for `RunEngine.subscribe`; see `Raster` for image, x, y and spot.

    At the end of the run the rows are joined and written into the run's folder, with the method and the
    error of each (`hitline.analysis.join.load_rows` reads them). flagged: bool[y, x], points at whose edge
    a pulse was missing or doubtful; their counts stand in the image, by the track of the stage.
    region: (x, y, width, height) of the pixels that count.
    """

    def __init__(
        self,
        *,
        region: tuple[int, int, int, int] | None = None,
        aperture: float = 0.0,
        save: Path | str | None = None,
    ) -> None:
        super().__init__(aperture=aperture, save=save)
        self._region = region
        self.rows: list[Row] = []
        self.file: Path | None = None
        """Where the rows are."""

    def start(self, doc: RunStart) -> None:
        """Begin."""
        told: Mapping[str, Any] = doc
        self._told = told.get("fly_raster") or {}
        x, y = self._told.get("grid") or ([0, 1, 1], [0, 1, 2])
        half = (x[1] - x[0]) / x[2] / 2
        self._keys = [self._told.get("x", ""), self._told.get("y", ""), ""]
        self.x, self.y = np.linspace(x[0] + half, x[1] - half, x[2]), np.linspace(*y)
        self.image = np.full((len(self.y), len(self.x)), np.nan)
        self.flagged = np.zeros(self.image.shape, bool)
        self._folders: dict[str, Path] = {}
        self._uid, self.rows, self.file, self.problem = doc["uid"], [], None, ""

    def descriptor(self, doc: EventDescriptor) -> None:
        """Note where the logs are."""
        super().descriptor(doc)
        for part in ("detector", "stage"):
            name = self._told.get(part, "")
            told = doc["configuration"].get(name, {}).get("data", {}).get(f"{name}_log_folder")
            if told:
                self._folders[part] = Path(told)

    def stop(self, doc: RunStop) -> None:
        """Join, and write rows and picture."""
        if len(self._folders) == 2:
            self._join()
        else:
            self.problem = "no row was taken"
        super().stop(doc)

    @property
    def text(self) -> str:
        """How the rows were joined, a line for each way that it went."""
        return "\n".join(row.text for row in self.rows)

    def _join(self) -> None:
        detector, stage = self._folders["detector"], self._folders["stage"]
        self.rows = list(join_run(detector, stage, region=self._region))
        self.file = detector.parent / FILE
        save_rows(self.file, self.rows, uid=self._uid, region=self._region, **self._told)
        grown = self.x[0] <= self.x[-1]
        for row in self.rows:
            if row.problem or len(row.counts) != len(self.x):
                continue
            line = np.abs(self.y - self._place(row)).argmin()
            same = (row.places[0] < row.places[-1]) == grown
            self.image[line] = row.counts if same else row.counts[::-1]
            self.flagged[line] = row.flagged if same else row.flagged[::-1]

    def _place(self, row: Row) -> float:
        """Where the other axis was in a flight."""
        return float(row.positions.get(self._told["y_axis"], np.nan))
