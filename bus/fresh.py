"""Which of the updates that arrive are new, and where some are missing. Pure."""

from dataclasses import dataclass, field
from enum import Enum

from .attribute import Update


class News(Enum):
    """What an update is."""

    OLD = "known already"
    NEW = "take it"
    GAP = "take it; others before it were lost"


@dataclass
class Sequences:
    """Last epoch and sequence number of each attribute in one connection."""

    last: dict[str, tuple[int, int]] = field(default_factory=dict)

    def judge(self, name: str, update: Update, *, again: bool) -> News:
        """Say what an update is, and remember it.

        Resends of a snapshot reach all subscribers, so a known number is nothing new; that one jumps ahead is
        no loss, since nothing may have been sent before. A later epoch is a new process and counts anew.
        """
        mark = (update.epoch, update.seq)
        last = self.last.get(name)
        if last is not None and mark <= last:
            return News.OLD
        self.last[name] = mark
        if last is None or again or last[0] != update.epoch or update.seq == last[1] + 1:
            return News.NEW
        return News.GAP
