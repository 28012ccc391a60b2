"""What the threads of a writer have in common: the ring with its lock, and the rules of time."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from .assembler import Assembler


@dataclass(frozen=True)
class Policy:
    """When to flush, sync and trim, and what time it is."""

    flush_s: float
    sync_bytes: int
    sync_s: float
    keep_bytes: int
    mono_ns: Callable[[], int]
    wall_ns: Callable[[], int]


class Shared:
    """What the producer's threads and the writer's thread share."""

    def __init__(self, assembler: Assembler) -> None:
        self.assembler = assembler
        self.lock = threading.Lock()
        self.work = threading.Condition(self.lock)
        """Notified when there is something to write."""
        self.room = threading.Condition(self.lock)
        """Notified when something was written."""
