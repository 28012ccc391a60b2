"""What wakes the waits of a device: monitors ring it, waits listen."""

import threading
from typing import Any


class Bell:
    """Wakes the waits of a device; any monitor callback may ring it."""

    def __init__(self) -> None:
        self.rings = 0
        self._condition = threading.Condition()

    def ring(self, *args: Any, **kwargs: Any) -> None:
        """Wake everybody; the arguments are those of a monitor callback and do not matter."""
        with self._condition:
            self.rings += 1
            self._condition.notify_all()

    def wait(self, since: int, timeout_s: float) -> None:
        """Return when it has rung more than `since` times, or after `timeout_s`."""
        with self._condition:
            self._condition.wait_for(lambda: self.rings != since, timeout_s)
