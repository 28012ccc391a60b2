"""Updates of one instrument that wait to be shown: the last value of each attribute, in a safe order. Pure.

What an instrument publishes last says that the rest is there: the number of an exposure, a busy flag that
falls. In a batch such conclusions come after everything else, so that who sees one of them has seen, by then,
the values that belong to it, or newer ones. A flag that went up and down again in one batch is told both
times: clients wait for its edges.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

from hitline.bus.attribute import Update

EXPOSURE = "exposure"
"""An analysis publishes the number of the exposure after its results."""
DONE = "done"
"""Of an axis, the inverse of its busy flag."""
EDGES = 64
"""Changes of one flag that are kept for whoever is behind."""


def flags(attributes: Iterable[Any], commands: Iterable[Any]) -> frozenset[str]:
    """Return the attributes whose every change counts: busy flags, and switches that begin something."""
    attributes = tuple(attributes)
    busy = (it.busy for it in (*attributes, *commands) if it.busy)
    switches = (a.name for a in attributes if a.busy and (a.dtype == "bool" or len(a.choices) == 2))
    return frozenset((DONE, *busy, *switches))


class Batch:
    """Collects updates, then gives each attribute's last, of flags each change."""

    def __init__(self) -> None:
        self.flags: frozenset[str] = frozenset()
        """Attributes whose changes are all told; see `flags`."""
        self.replaced = 0
        """Updates that a newer one has replaced before they were shown."""
        self._updates: dict[int, tuple[str, Update]] = {}
        self._places: dict[str, deque[int]] = {}
        self._serial = 0

    def add(self, name: str, update: Update) -> None:
        """Take an update; an earlier one of the same attribute is forgotten, its place too."""
        places = self._places.setdefault(name, deque())
        if places:
            before = self._updates[places[-1]][1]
            if name not in self.flags or before.value == update.value:
                self._replace(places.pop())
            elif len(places) == EDGES:
                self._replace(places.popleft())
        self._serial += 1
        places.append(self._serial)
        self._updates[self._serial] = name, update

    def take(self) -> Iterator[tuple[str, Update]]:
        """Give what is there and forget it, in the order of its coming, conclusions at the end."""
        waiting, self._updates, self._places = tuple(self._updates.values()), {}, {}
        for concluding in (False, True):
            yield from (it for it in waiting if (it[0] in self.flags or it[0] == EXPOSURE) is concluding)

    def _replace(self, place: int) -> None:
        del self._updates[place]
        self.replaced += 1
