"""What is shown of a Katherine's data stream: counts of the run, and the last frame."""

from dataclasses import dataclass
from typing import Any

from hitline.bus.attribute import Severity

from ...receive import Counts, Receiver
from .expose import Exposure
from .stream import Follower

Shown = tuple[str, Any, Severity, str]
"""Attribute, value, severity, reason."""


@dataclass(frozen=True)
class Totals:
    """What the exposures of a run had, beyond hits."""

    triggers: int = 0
    unknown: int = 0
    lost_inside: int = 0

    def plus(self, exposure: Exposure | None) -> "Totals":
        """With one more exposure."""
        if exposure is None:
            return self
        f = exposure.follower
        return Totals(
            self.triggers + f.triggers, self.unknown + f.words_unknown, self.lost_inside + f.lost_inside
        )


@dataclass(frozen=True)
class Zero:
    """Where the counts of a receiver stood when a run began."""

    datagrams: int = 0
    foreign: int = 0
    cut: int = 0
    oversize: int = 0
    drops: int = 0

    @classmethod
    def of(cls, receiver: Receiver | None) -> "Zero":
        """Now."""
        if receiver is None:
            return cls()
        c: Counts = receiver.counts
        return cls(c.datagrams, c.foreign, c.cut, c.oversize, receiver.kernel_drops or 0)


def of_receiver(receiver: Receiver | None, zero: Zero) -> list[Shown]:
    """Give what came at the socket since `zero`."""
    if receiver is None:
        return []
    now = Zero.of(receiver)
    drops = now.drops - zero.drops
    cut = now.cut - zero.cut + now.oversize - zero.oversize
    rows = [
        ("datagrams", now.datagrams - zero.datagrams, Severity.OK, ""),
        _count("datagrams_foreign", now.foreign - zero.foreign, Severity.MINOR, "another host sends here"),
        _count("datagrams_cut", cut, Severity.MINOR, "datagrams came damaged"),
        _count("kernel_drops", drops, Severity.MAJOR, "raise net.core.rmem_max and receive_mib"),
    ]
    if receiver.kernel_drops is None:
        rows[-1] = ("kernel_drops", None, Severity.INVALID, "this system does not tell")
    return rows


def of_exposures(totals: Totals, follower: Follower | None) -> list[Shown]:
    """Give what was in the stream of a run; `totals` with the exposure that goes on."""
    inside = "the readout lost them between chip and network"
    rows = [
        ("trigger_words", totals.triggers, Severity.OK, ""),
        _count("words_unknown", totals.unknown, Severity.MINOR, "their meaning is not public"),
        _count("pixels_lost_inside", totals.lost_inside, Severity.MAJOR, inside),
        ("frame", follower.begun if follower else 0, Severity.OK, ""),
    ]
    frame = follower and (follower.open or follower.last)
    for name, value in (("frame_start", frame and frame.start), ("frame_end", frame and frame.end)):
        quality = (Severity.INVALID, "has not come") if value is None else (Severity.OK, "")
        rows.append((name, value, *quality))
    return rows


def _count(name: str, value: int, severity: Severity, reason: str) -> Shown:
    return (name, value, severity, reason) if value else (name, value, Severity.OK, "")
