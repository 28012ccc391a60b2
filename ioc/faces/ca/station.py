"""The pseudo-instrument "face": what this face says about itself, seen as any instrument's attributes.

Its table is FACE in `hitline.ioc.faces.common`, from which `db/station.db` is written.
"""

import time
from collections.abc import Callable
from typing import Any

from hitline.bus.attribute import Attribute, Board, Command, Refused, Severity, Update
from hitline.ioc.faces.common import FACE

Listener = Callable[[str, Update], None]


class Own:
    """Attributes without a satellite; has the part of a Proxy that the face uses."""

    name = "face"

    def __init__(self, clock_ns: Callable[[], int] = time.time_ns) -> None:
        self._clock_ns = clock_ns
        self.attributes: dict[str, Attribute] = {a.name: a for a in FACE}
        self.commands: dict[str, Command] = {}
        self.connected = True
        self._board = Board(self.attributes, clock_ns())
        self._listeners: list[Listener] = []

    @property
    def updates(self) -> dict[str, Update]:
        """Newest value of each attribute."""
        return self._board.updates

    def listen(self, callback: Listener) -> Callable[[], None]:
        """Call back for all values now and for each new one; the result ends it."""
        self._listeners.append(callback)
        for name, update in self.updates.items():
            callback(name, update)
        return lambda: self._listeners.remove(callback)

    def publish(self, name: str, value: Any, severity: Severity = Severity.OK, status: str = "") -> None:
        """Show a new value of an attribute; one that the table does not have is left out."""
        if name in self.attributes:
            update = self._board.post(name, value, self._clock_ns(), severity, status)
            for callback in tuple(self._listeners):
                callback(name, update)

    async def set(self, name: str, value: Any, timeout_s: float = 2.0) -> Any:
        """Nothing here can be set."""
        raise Refused("access", f"{name}: only the face itself changes it")
