"""What a writer tells about its run while it grows."""

from dataclasses import dataclass
from typing import Any

from .block import Condition


@dataclass(frozen=True, slots=True)
class Marks:
    """One snapshot, taken by the writer's thread after each write, sync and end."""

    run: str = ""
    ordinal: int = 0
    written: int = 0
    """Bytes of the run that are in its files: readers may go up to here."""
    durable: int = 0
    """Bytes that survive a power cut."""
    blocks: int = 0
    words: int = 0
    hits: int = 0
    """Hits in the written blocks, as far as their source counted them."""
    lost: int = 0
    """Sum of the blocks' `lost`, in the unit of their method."""
    dropped_words: int = 0
    dropped_hits: int = 0
    dropped_bytes: int = 0
    """Accepted or offered, but not in the log: the ring was full or the disk failed."""
    ring_fill: float = 0.0
    """Share of the ring in use, 0 to 1."""
    condition: Condition = Condition.GOOD
    closed: bool = False
    """True when the run has its CLOSE block, or can get none."""
    failed: bool = False
    """True when the disk takes no more: the run has ended, whatever is offered now is dropped."""
    failure: str = ""
    """Why the writer gave up, or which segments failed; empty when all is well."""

    def totals(self, *, hits: bool, loss: bool) -> dict[str, Any]:
        """Facts for the CLOSE block; what is not known (`hits`, `loss` False) is None, not 0."""
        return {
            "run": self.run,
            "condition": self.condition.text,
            "blocks": self.blocks,
            "words": self.words,
            "hits": self.hits if hits else None,
            "lost": self.lost if loss else None,
            "dropped_words": self.dropped_words,
            "dropped_hits": self.dropped_hits,
            "dropped_bytes": self.dropped_bytes,
        }
