"""A bound on what strangers can make us log: bad bytes cost one line a second per sender, no traceback."""

import logging
import time
from collections.abc import Callable

PERIOD_S = 1.0
"""Shortest time between two lines of one kind about one peer. Longer hides more, shorter fills the disk."""

PEERS = 1000
"""Kinds and peers that are remembered; beyond, the memory is emptied rather than grown."""


class Quiet(logging.Filter):
    """Lets through one record per period, message template and peer, and says how many it kept back."""

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock_s = clock_s
        self._last: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Decide, and shorten what passes to one line."""
        key = (str(record.msg), str(getattr(record, "peer", "")))
        now = self._clock_s()
        since, kept_back = self._last.get(key, (-PERIOD_S, 0))
        if now - since < PERIOD_S:
            self._last[key] = (since, kept_back + 1)
            return False
        if len(self._last) >= PEERS:
            self._last.clear()
        self._last[key] = (now, 0)
        text = record.getMessage()
        if record.exc_info and record.exc_info[1] is not None:
            text += f": {record.exc_info[1]!r}"
        if kept_back:
            text += f" ({kept_back} more like it were not logged)"
        record.msg, record.args, record.exc_info, record.exc_text = text[:500], (), None, None
        return True


def install() -> None:
    """Put the filter on the loggers of caproto that strangers can make speak."""
    for name in ("", ".circ", ".ctx", ".bcast", ".bcast.search", ".ch"):
        logger = logging.getLogger(f"caproto{name}")
        if not any(isinstance(f, Quiet) for f in logger.filters):
            logger.addFilter(Quiet())
