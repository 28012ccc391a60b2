"""What came, what is in the log, what was lost; unknown is shown as unknown, never as 0."""

from dataclasses import dataclass
from typing import Any, Self

from hitline.bus.attribute import Severity
from hitline.bus.instrument import Instrument
from hitline.bus.log.block import LossMethod
from hitline.bus.log.survey import Found


@dataclass
class Tally:
    """Counts of one run, kept by the source's thread and looked at from others."""

    sent: int | None = 0
    """Hits that the source sent; None when it does not say."""
    logged: int | None = 0
    """Hits in the log."""
    lost: int | None = 0
    """Hits lost on the way, by `method`; None when nobody knows."""
    method: LossMethod = LossMethod.UNKNOWN

    @classmethod
    def of(cls, found: Found, method: LossMethod, explained: dict[str, Any]) -> Self:
        """Return what is known of a run that its writer did not end."""
        return cls(explained.get("hits_sent"), found.hits, explained.get("hits_lost"), method)

    def settle(self, logged: int) -> None:
        """The disk has failed: correct what was taken for logged; the rest is lost if it is known at all."""
        self.logged = logged
        self.lost = None if self.sent is None else self.sent - logged

    def counts(self) -> dict[str, int | None]:
        """By the names of the attributes."""
        return {"hits_sent": self.sent, "hits_logged": self.logged, "hits_lost": self.lost}


def show_counts(instrument: Instrument, tally: Tally, *, changed: bool = False) -> None:
    """Publish the counts, all of them or only those that changed."""
    for name, value in tally.counts().items():
        last = instrument.board.updates.get(name)
        if changed and last is not None and last.value == value:
            continue
        if value is None:
            instrument.publish(name, None, Severity.INVALID, "unknown: nothing counts it")
        else:
            bad = name == "hits_lost" and value
            instrument.publish(
                name, value, Severity.MAJOR if bad else Severity.OK, "hits were lost" if bad else ""
            )
    method = tally.method.name
    if not changed or instrument.value("loss_method") != method:
        instrument.publish("loss_method", method)
