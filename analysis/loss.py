"""How much of a run is missing, as log and stream tell it together."""

from collections.abc import Iterable, Mapping
from typing import Any

from ..bus.log.block import Header, Kind, LossMethod


class Loss:
    """Adds up the losses of one run; `total` is None while nobody can say."""

    def __init__(self) -> None:
        self._lost, self._unknown, self._counted = 0, False, False

    def note(self, header: Header, facts: Mapping[str, Any]) -> None:
        """Take the next block; `facts` are those of a mark."""
        self._lost += header.dropped
        if header.method != LossMethod.UNKNOWN:
            self._lost += header.lost
            self._counted |= header.method == LossMethod.PACKET_COUNTER
        elif header.kind == Kind.DATA:
            self._unknown = True
        if header.kind == Kind.END:
            # A readout that did not say how much it sent: only its driver sees that.
            self._unknown |= facts.get("counts", {}).get("hits_lost", 0) is None

    def total(self, streams: Iterable[int | None]) -> int | None:
        """What is missing: packets or hits, as the source counts; `streams`: what the words say."""
        counted = [lost for lost in streams if lost is not None]
        if self._unknown and not counted:
            return None
        return self._lost + (0 if self._counted else sum(counted))

    def state(self) -> list[int]:
        """Give all that is needed to go on from here."""
        return [self._lost, int(self._unknown), int(self._counted)]

    def restore(self, state: list[int]) -> None:
        """Go on from where `state` was taken."""
        self._lost, self._unknown, self._counted = state[0], bool(state[1]), bool(state[2])
