"""How much of a run is missing, as log and stream tell it together."""

from collections.abc import Iterable, Mapping
from typing import Any

from ..bus.log.account import lost
from ..bus.log.block import Header, Kind, LossMethod


class Loss:
    """Adds up the losses of one run; `total` is None while nobody can say.

    Blocks tell while an exposure goes on, its END what it came to, and CLOSE what became of the run.
    """

    def __init__(self) -> None:
        self._settled, self._going, self._unknown, self._counted = 0, 0, False, False

    def note(self, header: Header, facts: Mapping[str, Any]) -> None:
        """Take the next block; `facts` are those of a mark."""
        self._going += header.dropped
        if header.method != LossMethod.UNKNOWN:
            self._going += header.lost
            self._counted |= header.method == LossMethod.PACKET_COUNTER
        elif header.kind == Kind.DATA:
            self._unknown = True
        if header.kind == Kind.END:
            # A readout that did not say how much it sent: only its driver sees that.
            counts = facts.get("counts") or {}
            self._settle(counts.get("hits_lost", self._going))
        elif header.kind == Kind.CLOSE and facts.keys() & {"lost", "hits_lost"}:
            total, self._unknown = lost(facts), False
            self._settle(None if total is None else total - self._settled)

    def _settle(self, lost: int | None) -> None:
        """What goes on has come to so much; where nobody knows, to what its blocks say at least."""
        self._unknown |= lost is None
        self._settled += self._going if lost is None else lost
        self._going = 0

    def total(self, streams: Iterable[int | None]) -> int | None:
        """What is missing: packets or hits, as the source counts; `streams`: what the words say."""
        counted = [lost for lost in streams if lost is not None]
        if self._unknown and not counted:
            return None
        return self._settled + self._going + (0 if self._counted else sum(counted))

    def state(self) -> list[int]:
        """Give all that is needed to go on from here."""
        return [self._settled, int(self._unknown), int(self._counted), self._going]

    def restore(self, state: list[int]) -> None:
        """Go on from where `state` was taken; an earlier version knew one sum only."""
        self._settled, self._unknown, self._counted = state[0], bool(state[1]), bool(state[2])
        self._going = state[3] if len(state) > 3 else 0
