"""Where an axis was, in a small file that survives a power cut.

It is written when an axis comes to rest and before it moves. Nothing loads it by itself: `restore` does when
it is asked to, and only if the axis was at rest when it was written. A controller that lost power says that
the axis is at 0: such a reading does not take the place of what is remembered.
"""

import json
import logging
import os
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from ..axis.axis import Axis
from ..axis.core import Phase
from ..axis.settings import Settings

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Memory:
    """What is kept."""

    dial: float
    offset: float
    direction: str
    homed: bool
    moving: bool = False
    """A move was under way: the position is where it began."""


def save(path: Path, memory: Memory) -> None:
    """Write it, whole or not at all, to the disk itself."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    with fresh.open("w", encoding="utf-8") as file:
        json.dump(asdict(memory), file)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def load(path: Path) -> Memory | None:
    """Read it; None where there is none, ValueError where it cannot be read."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    try:
        return Memory(**json.loads(text))
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: is no memory of an axis: {error}") from None


class Keeper:
    """Writes the memory of one axis in a thread of its own, whenever it is another."""

    def __init__(self, name: str, path: Path) -> None:
        self.name, self.path = name, path
        self._last = self._left()
        self._met: Memory | None = None
        """What the controller said first."""
        self._since = self._last is None
        """Something has happened since then: what it says now is worth more than what was left."""
        self._disk = ThreadPoolExecutor(1, f"{name}-memory")

    def close(self) -> None:
        """Wait until everything is written."""
        self._disk.shutdown()

    def keep(self, axis: Axis) -> None:
        """Write what is to be remembered of the axis now, if that is news."""
        position, s = axis.position, axis.settings
        if position is None:
            return
        memory = Memory(position, s.offset, s.direction, axis.homed)
        if axis.phase in (Phase.MOVE, Phase.STOP, Phase.HOME, Phase.JOG):
            self._since = True
            memory = replace(self._last or memory, moving=True)
        elif axis.health.fault or axis.phase is Phase.LOAD or self._forgot(memory, s):
            return
        if memory != self._last:
            self._last = memory
            self._disk.submit(save, self.path, memory).add_done_callback(self._saved)

    def _forgot(self, memory: Memory, s: Settings) -> bool:
        """It rests where it was met, not where it was left: its controller may have lost power."""
        left, met = self._last, self._met or memory
        self._met = met
        apart = max(s.deadband, abs(s.count))
        if (
            not self._since
            and left is not None
            and (left.moving or abs(met.dial - left.dial) > apart)
            and abs(memory.dial - met.dial) <= apart
            and (memory.offset, memory.direction) == (met.offset, met.direction)
        ):
            return True
        self._since = True
        return False

    def _left(self) -> Memory | None:
        try:
            return load(self.path)
        except ValueError as error:
            log.warning("%s: %s", self.name, error)
            return None

    def _saved(self, done: "Future[None]") -> None:
        if (error := done.exception()) is not None:
            log.warning("%s: its position is not remembered in %s: %s", self.name, self.path, error)
