"""Live progress of a plan, from its documents alone."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Point:
    """One event that has been taken."""

    number: int
    """Counts from 1."""
    total: int | None
    """How many the plan takes, when it says so."""
    counts: dict[str, float]
    """The hinted fields of the event."""
    elapsed_s: float
    """Since the start of the plan."""


@dataclass(eq=False, slots=True)  # the RunEngine hashes its callbacks
class Progress:
    """A callback for `RunEngine.subscribe` that tells `report` of every point of the primary stream."""

    report: Callable[[Point], None]
    clock: Callable[[], float] = time.monotonic
    _total: int | None = None
    _begin: float = 0.0
    _fields: dict[str, list[str]] = field(default_factory=dict)

    def __call__(self, name: str, document: dict[str, Any]) -> None:
        """Take one document."""
        if name == "start":
            self._total, self._begin = document.get("num_points"), self.clock()
            self._fields.clear()
        elif name == "descriptor" and document.get("name") == "primary":
            hints = document.get("hints", {}).values()
            self._fields[document["uid"]] = [key for hint in hints for key in hint.get("fields", ())]
        elif name == "event" and document["descriptor"] in self._fields:
            data = document["data"]
            counts = {key: data[key] for key in self._fields[document["descriptor"]] if key in data}
            self.report(Point(document["seq_num"], self._total, counts, self.clock() - self._begin))
