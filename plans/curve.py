"""The curve of a scan, gathered from its documents: live, at its end, or later from where they are kept."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from event_model import DocumentRouter, Event, EventDescriptor, RunStart, RunStop

from .fit import Fit
from .models import fit
from .points import NoFit, Points
from .quantity import Quantity, declared

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Curve(DocumentRouter):
    """A callback for `RunEngine.subscribe`; `fits` and `problems` are there when the run has ended.

    x: data key of the setting; y: data key or Quantity, or several; both default to what the start document
    declares. model: another curve to fit than declared, "" for none. save: file of the picture, written at
    the end. figure: a matplotlib figure that is drawn anew with every point. report: told of each fit, or of
    why there is none. Made for one run at a time, and reusable. Nothing that it meets stops a plan.
    """

    def __init__(
        self,
        *,
        x: str = "",
        y: str | Quantity | Sequence[str | Quantity] = (),
        model: str | None = None,
        save: Path | str | None = None,
        figure: "Figure | None" = None,
        report: Callable[[str], None] | None = None,
    ) -> None:
        super().__init__()
        self._given_x = x
        several = [y] if isinstance(y, str | Quantity) else y
        self._given_y = tuple(Quantity(each, each) if isinstance(each, str) else each for each in several)
        self._model = model
        self._save = Path(save) if save else None
        self._figure = figure
        self._report = report
        self.title = ""
        self.clear()

    def clear(self, start: Mapping[str, Any] | None = None) -> None:
        """Forget the last run."""
        x, quantities = declared(start or {})
        self.x = self._given_x or x
        self.quantities = self._given_y or quantities
        self.columns: dict[str, list[float]] = {}
        self.units: dict[str, str] = {}
        self.fits: dict[str, Fit] = {}
        self.problems: dict[str, str] = {}
        """Why a quantity has no fit, by its name."""
        self._primary: set[str] = set()

    def start(self, doc: RunStart) -> None:
        """Begin."""
        self.clear(doc)
        self.title = f"{doc.get('plan_name', '')} {doc['uid'][:8]}".strip()
        self.columns = {key: [] for key in self._keys()}

    def descriptor(self, doc: EventDescriptor) -> None:
        """Take note of units."""
        if doc.get("name") == "primary":
            self._primary.add(doc["uid"])
            described: Mapping[str, Mapping[str, Any]] = doc["data_keys"]
            self.units |= {key: described.get(key, {}).get("units") or "" for key in self.columns}

    def event(self, doc: Event) -> Event:
        """Take a point; one that lacks a column is left out."""
        if doc["descriptor"] in self._primary and self.columns.keys() <= doc["data"].keys():
            for key, column in self.columns.items():
                column.append(doc["data"][key])
            if self._figure is not None:
                self._draw_live(self._figure)
        return doc

    def stop(self, doc: RunStop) -> None:
        """Fit, tell, and write the picture."""
        for quantity in self.quantities:
            try:
                model = quantity.model if self._model is None else self._model
                if model:
                    self.fits[quantity.name] = fit(model, self.points(quantity))
            except NoFit as error:
                self.problems[quantity.name] = str(error)
            if self._report and (told := self.told(quantity)):
                self._report(f"{quantity.name}: {told}")
        if self._figure is not None:
            self._draw_live(self._figure)
        if self._save is not None:
            try:
                self.picture(self._save)
            except OSError as error:  # a full disk is no reason for a plan to fail at its end
                self.problems["picture"] = f"not written: {error}"

    def points(self, quantity: Quantity) -> Points:
        """Points of one quantity; raises NoFit when they make no curve."""
        x_unit, y_unit = self.units.get(self.x, ""), self.units.get(quantity.field, "")
        return quantity.points(self.columns[self.x], self.columns, x_unit=x_unit, y_unit=y_unit)

    def told(self, quantity: Quantity) -> str:
        """The fit of a quantity as text, or why there is none."""
        found = self.fits.get(quantity.name)
        return str(found) if found else self.problems.get(quantity.name, "")

    def picture(self, path: Path | str) -> Path:
        """Write all curves with their fits into one picture; the suffix of the file tells its format."""
        from .drawing import written

        return written(Path(path), self)

    def _keys(self) -> list[str]:
        return [key for key in (self.x, *(k for q in self.quantities for k in (q.field, q.per))) if key]

    def _draw_live(self, figure: "Figure") -> None:
        from .drawing import draw

        draw(figure, self)
        figure.canvas.draw_idle()
