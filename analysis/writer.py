"""Results of a run into an HDF5 file with NeXus' groups, readable by any HDF5 or NeXus program.

/entry (NXentry) holds an NXdata per picture and spectrum with its axes, `counts` with every scalar,
`exposures` with a column per result of the exposures, and `process` with what the results depend on. Every
number has `units`.
"""

import os
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..bus.attribute import Attribute
from .blocks.base import outputs

if TYPE_CHECKING:
    import h5py

TOT_NS = 25.0
"""One count of ToT."""
AXES: dict[str, tuple[tuple[str, str, float], ...]] = {
    "image": (("y", "px", 1.0), ("x", "px", 1.0)),
    "tot_spectrum": (("tot", "ns", TOT_NS),),
    "size_spectrum": (("size", "hits", 1.0),),
    "cluster_tot_spectrum": (("cluster_tot", "ns", TOT_NS),),
    "chip_hits": (("chip", "", 1.0),),
}
"""Axes of the arrays that we know: name, unit, step; the first index is 0."""


def write(
    path: Path,
    results: Mapping[str, Any],
    *,
    run: str,
    source: str,
    exposures: Sequence[Mapping[str, Any]] = (),
    parameters: Mapping[str, Any] | None = None,
    opened_ns: int = 0,
    closed_ns: int = 0,
    blocks: Sequence[str] = ("counts", "image", "spectra"),
) -> Path:
    """Write `results` by attribute name; the file appears when it is whole, in place of an older one.

    `exposures`: a row of numbers each, with the same names. `parameters`: what the results depend on, such as
    {"window_ns": 200.0}; a name that ends in `_ns`, `_s`, `_hz` or `_v` gives the unit. `opened_ns`,
    `closed_ns`: Unix time of begin and end of the run. `blocks`: the pipeline blocks whose attributes give
    units and texts.
    """
    import h5py

    described = {attribute.name: attribute for attribute in outputs(blocks)}
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.new")
    try:
        with h5py.File(new, "w") as file:
            file.attrs.update({"NX_class": "NXroot", "default": "entry", "creator": f"hitline {_version()}"})
            entry = _group(file, "entry", "NXentry")
            entry["title"] = run
            entry["run"] = run
            for name, time_ns in (("start_time", opened_ns), ("end_time", closed_ns)):
                if time_ns:
                    entry[name] = datetime.fromtimestamp(time_ns / 1e9, UTC).isoformat()
            _process(entry, source, parameters or {})
            _results(entry, results, described)
            _exposures(entry, exposures, described)
        os.replace(new, path)
    finally:
        new.unlink(missing_ok=True)
    return path


def _version() -> str:
    return metadata.version("hitline")


def _group(parent: "h5py.Group", name: str, nx_class: str) -> "h5py.Group":
    group = parent.create_group(name)
    group.attrs["NX_class"] = nx_class
    return group


def _process(entry: "h5py.Group", source: str, parameters: Mapping[str, Any]) -> None:
    process = _group(entry, "process", "NXprocess")
    process["program"], process["version"], process["source"] = "hitline", _version(), source
    for name, value in parameters.items():
        process[name] = value
        unit = re.search(r"_(ns|us|ms|s|hz|v)$", name)
        process[name].attrs["units"] = {"hz": "Hz", "v": "V"}.get(unit[1], unit[1]) if unit else ""


def _results(entry: "h5py.Group", results: Mapping[str, Any], described: Mapping[str, Attribute]) -> None:
    counts = _group(entry, "counts", "NXcollection")
    for name, value in results.items():
        attribute = described.get(name)
        if isinstance(value, np.ndarray):
            _data(entry, name, value, attribute)
        elif value is not None:
            counts[name] = value
            _describe(counts[name], attribute)
    if "image" in results:
        entry.attrs["default"] = "image"


def _data(entry: "h5py.Group", name: str, value: np.ndarray, attribute: Attribute | None) -> None:
    group = _group(entry, name, "NXdata")
    group.create_dataset("counts", data=value, compression="gzip" if value.size > 4096 else None)
    _describe(group["counts"], attribute)
    axes = AXES.get(name, tuple((f"axis{k}", "", 1.0) for k in range(value.ndim)))
    for (axis, unit, step), size in zip(axes, value.shape, strict=True):
        group[axis] = np.arange(size) * step
        group[axis].attrs["units"] = unit
    group.attrs.update({"signal": "counts", "axes": [axis for axis, *_ in axes]})


def _exposures(
    entry: "h5py.Group", rows: Sequence[Mapping[str, Any]], described: Mapping[str, Attribute]
) -> None:
    if not rows:
        return
    table = _group(entry, "exposures", "NXcollection")
    for name in rows[0]:
        table[name] = np.array([row[name] for row in rows])
        _describe(table[name], described.get(name))


def _describe(dataset: "h5py.Dataset", attribute: Attribute | None) -> None:
    dataset.attrs["units"] = attribute.unit if attribute else ""
    if attribute:
        dataset.attrs["long_name"] = attribute.doc
