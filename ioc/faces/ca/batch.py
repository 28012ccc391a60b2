"""Updates of one instrument that wait to be shown: the last value of each attribute, in a safe order. Pure.

What an instrument publishes last says that the rest is there: the number of an exposure, a busy flag that
falls. In a batch such conclusions come after everything else, so that who sees one of them has seen, by then,
the values that belong to it, or newer ones.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from hitline.bus.attribute import Update

EXPOSURE = "exposure"
"""An analysis publishes the number of the exposure after its results."""
DONE = "done"
"""Of an axis, the inverse of its busy flag. Clients wait for it to fall and rise: both are told."""


def conclusions(attributes: Iterable[Any], commands: Iterable[Any]) -> frozenset[str]:
    """Return the attributes that tell of an end: of an exposure, or of what a set or command began."""
    return frozenset((EXPOSURE, DONE, *(it.busy for it in (*attributes, *commands) if it.busy)))


class Batch:
    """Collects updates, then gives each attribute's last."""

    def __init__(self) -> None:
        self._updates: dict[str, Update] = {}
        self._fallen: Update | None = None
        """A done that has fallen, and risen again before it was shown."""
        self.replaced = 0
        """Updates that a newer one has replaced before they were shown."""

    def add(self, name: str, update: Update) -> None:
        """Take an update; an earlier one of the same attribute is forgotten, its place too."""
        if (before := self._updates.pop(name, None)) is not None:
            self.replaced += 1
            if name == DONE and before.value is False and update.value is True:
                self._fallen = before
        self._updates[name] = update

    def take(self, last: frozenset[str]) -> Iterator[tuple[str, Update]]:
        """Give what is there and forget it, in the order of the last values, those in `last` at the end."""
        updates, self._updates = self._updates, {}
        if self._fallen is not None:
            yield DONE, self._fallen
            self._fallen = None
        yield from ((name, update) for name, update in updates.items() if name not in last)
        yield from ((name, update) for name, update in updates.items() if name in last)
