"""One sync in a thread of its own: a disk that takes half a second for it does not hold up the writing."""

import threading
from collections.abc import Callable

from .disk import Handle


class Syncing(threading.Thread):
    """Makes a file durable up to where it was when this began; nobody closes the file before the end."""

    def __init__(self, handle: Handle, upto: int, done: Callable[[], None]) -> None:
        super().__init__(name="log-sync", daemon=True)
        self.upto = upto
        """Logical offset up to which everything is durable if `error` is None."""
        self.error: OSError | None = None
        self.finished = threading.Event()
        self._handle, self._done = handle, done

    def run(self) -> None:
        """Sync once."""
        try:
            self._handle.sync()
        except OSError as error:
            self.error = error
        finally:
            self.finished.set()
            self._done()
