"""Limits in the station file are those of what they configure; they stand twice, as the bus imports none."""

import dataclasses

from hitline.analysis.attributes import ATTRIBUTES
from hitline.bus.station import WorkerEntry


def test_worker_limits() -> None:
    rules = {item.name: item.metadata for item in dataclasses.fields(WorkerEntry)}
    window, rate = (next(a for a in ATTRIBUTES if a.name == name) for name in ("window", "update_rate"))
    assert (rules["window_ns"]["above"], rules["window_ns"]["high"]) == (window.low, window.high)
    assert (rules["update_hz"]["low"], rules["update_hz"]["high"]) == (rate.low, rate.high)
