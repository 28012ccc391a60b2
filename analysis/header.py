"""What goes with decoded tables: units, epoch, where they came from, what was counted on the way."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from .recording import Recording, Tables

UNITS = {
    "hits/chip": "index",
    "hits/x": "pixel from the left of the chip",
    "hits/y": "pixel from the bottom of the chip",
    "hits/toa": "25 ns",
    "hits/tot": "25 ns",
    "hits/ftoa": "1.5625 ns, to subtract",
    "hits/spidr": "409.6 us",
    "hits/t": "1.5625 ns, modulo 2**34",
    "hits/t_unwrapped": "1.5625 ns",
    "hits/frame": "number in the stream",
    "hits/hit_count": "count",
    "tdc/chip": "index",
    "tdc/type": "top byte: 0x6f TDC1 rising, 0x6a TDC1 falling, 0x6e TDC2 rising, 0x6b TDC2 falling",
    "tdc/counter": "count, modulo 4096",
    "tdc/coarse35": "3.125 ns, modulo 2**35",
    "tdc/fine": "3.125/12 ns above 1; valid from 1 to 12",
    "tdc/abs": "3.125 ns; -2**63 where fine is not valid",
    "tdc/units12": "3.125/12 ns; -2**63 where fine is not valid",
    "counted/itot": "25 ns",
    "counted/events": "count",
    "counted/hit_count": "count",
    "frame/number": "number in the stream, from 1",
    "frame/exposure": "number in the run; 0 where there is none",
    "frame/announced": "0: the word for its begin did not come",
    "frame/first_pixel": "pixels before it",
    "frame/received": "pixels",
    "frame/sent": "pixels; -1 where the readout did not say",
    "frame/missing": "pixels sent that did not come; -1 where the readout did not say",
    "frame/surplus": "pixels beyond those sent; -1 where the readout did not say",
    "frame/lost": "pixels lost inside the readout",
    "frame/start": "25 ns; -1 where it did not come",
    "frame/end": "25 ns; -1 where it did not come",
    "mark/header": "bits 47 to 44 of the word",
    "mark/value": "44 bits as they came",
    "mark/place": "pixels before it",
    "mark/frame": "number of the frame begun last; 0 before the first",
}
EPOCH = "zero of the detector's own timer, which the readout resets, as a rule, at the start of a measurement"
KATHERINE_EPOCH = (
    "times begin anew with each frame; in sequential read-out they are known modulo 16384 steps of the pixel "
    "clock (409.6 us at 40 MHz) only"
)
KEYS = {"hits": "t_unwrapped", "tdc": "units12"}
"""By what `in_time_order` sorts."""


def header(
    recording: Recording, rows: dict[str, int], columns: set[str], *, by_time: bool, images: dict[str, str]
) -> dict[str, Any]:
    """The header of an export.

    rows: by table. columns: as `table/column`. images: by name, the rule that places hits in them.
    """
    used = {key: unit for key, unit in UNITS.items() if key in columns}
    return {
        "source": recording.path.name,
        "source_bytes": recording.bytes,
        "format": recording.format,
        "order": "time" if by_time else "stream",
        "epoch": KATHERINE_EPOCH if recording.format == "katherine" else EPOCH,
        **({"setup": recording.setups} if recording.setups else {}),
        "units": used,
        "images": images,
        "rows": rows,
        "facts": recording.facts,
        "words_by_type": recording.types,
    }


def in_time_order(parts: Iterable[Tables]) -> Tables:
    """All parts as one, hits and triggers sorted by absolute time; ties stay in the order of the stream."""
    gathered: dict[str, dict[str, list]] = {}
    for part in parts:
        for table, columns in part.items():
            for name, column in columns.items():
                gathered.setdefault(table, {}).setdefault(name, []).append(column)
    whole: Tables = {}
    for table, lists in gathered.items():
        columns = {name: np.concatenate(lists[name]) for name in lists}
        if table in KEYS:
            order = np.argsort(columns[KEYS[table]], kind="stable")
            columns = {name: column[order] for name, column in columns.items()}
        whole[table] = columns
    return whole
