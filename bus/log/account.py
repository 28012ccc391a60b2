"""What of a run is missing: one account, from its CLOSE block, for all who show it."""

from collections.abc import Mapping
from typing import Any


def lost(totals: Mapping[str, Any] | None) -> int | None:
    """Give what was sent and is not in the log: as the readout says, else by the blocks and the ring.

    In hits, or in packets where those were counted. None: nobody knows, as for a run without CLOSE.
    """
    if totals is None:
        return None
    if "hits_lost" in totals:
        return _count(totals["hits_lost"])
    before, dropped = _count(totals.get("lost")), _count(totals.get("dropped_hits", 0))
    return None if before is None or dropped is None else before + dropped


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) else None
