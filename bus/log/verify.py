"""Telling good, tainted, incomplete and damaged runs apart, by reading every byte."""

from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from .account import lost
from .block import NOT_COUNTED, BlockError, Buffer, Condition, Header, Kind, LossMethod, decode_facts
from .reader import Run, open_run


class Quality(Enum):
    """The sorts of run; the order is from best to worst."""

    GOOD = "good"
    """Everything that the readout took is there, and nothing that it noticed is missing."""
    TAINTED = "tainted"
    """Everything is there, but something makes it doubtful, and the CLOSE block says so."""
    INCOMPLETE = "incomplete"
    """What is there is right, but the run did not end in order, or something was lost before the log."""
    DAMAGED = "damaged"
    """Something that had been written can no longer be read."""


@dataclass
class Verdict:
    """What reading a whole run found."""

    quality: Quality = Quality.GOOD
    reasons: list[str] = field(default_factory=list)
    """Why it is not better, for people; empty when GOOD."""
    condition: str = ""
    """As the CLOSE block says; empty without one."""
    blocks: int = 0
    words: int = 0
    hits: int | None = 0
    """None: their source did not count them."""
    lost: int | None = 0
    """Lost before the log, as the CLOSE block or the blocks say; None: unknown."""
    dropped_words: int = 0
    exposures: int = 0
    bytes: int = 0
    """Payload bytes of good DATA blocks."""

    def worsen(self, quality: Quality, reason: str) -> None:
        """Note a reason; the verdict becomes no better by it."""
        if list(Quality).index(quality) > list(Quality).index(self.quality):
            self.quality = quality
        self.reasons.append(reason)


def verify(folder: Path) -> Verdict:
    """Read a run of one source whole and judge it; raises FileNotFoundError when there is none."""
    run = open_run(folder)
    verdict = Verdict()
    exposure_hits: dict[int, int | None] = {}
    ended: set[int] = set()
    closed = False
    for header, payload in run:
        if closed:
            verdict.worsen(Quality.DAMAGED, f"block {header.seq} follows the end of the run")
        closed = closed or header.kind == Kind.CLOSE
        if not closed:
            verdict.blocks += 1
        _count(verdict, header, len(payload), exposure_hits)
        if header.kind in (Kind.BEGIN, Kind.END):
            _exposure(verdict, header, payload, exposure_hits, ended)
    _flaws(verdict, run)
    unended = sorted(set(exposure_hits) - ended - {0})
    if unended:
        verdict.worsen(Quality.INCOMPLETE, f"exposure {', '.join(map(str, unended))} did not end")
    if run.totals is None:
        verdict.worsen(Quality.INCOMPLETE, "no CLOSE block: the run is still open, or its writer died")
        verdict.lost = None
    else:
        _totals(verdict, run.totals, run.preview or run.flaws.damaged)
    return verdict


def _count(verdict: Verdict, header: Header, size: int, exposure_hits: dict[int, int | None]) -> None:
    verdict.words += header.words
    verdict.dropped_words += header.dropped
    if header.kind == Kind.DATA:
        verdict.bytes += size
        verdict.hits = _sum(verdict.hits, None if header.hits == NOT_COUNTED else header.hits)
        verdict.lost = _sum(verdict.lost, None if header.method == LossMethod.UNKNOWN else header.lost)
        if header.exposure:
            exposure_hits[header.exposure] = _sum(
                exposure_hits.get(header.exposure, 0), None if header.hits == NOT_COUNTED else header.hits
            )


def _sum(total: int | None, more: int | None) -> int | None:
    return None if total is None or more is None else total + more


def _exposure(
    verdict: Verdict, header: Header, payload: Buffer, exposure_hits: dict[int, int | None], ended: set[int]
) -> None:
    """Compare what END says with what lies between it and BEGIN."""
    if header.kind == Kind.BEGIN:
        verdict.exposures += 1
        exposure_hits.setdefault(header.exposure, 0)
        return
    ended.add(header.exposure)
    try:
        counts = decode_facts(payload).get("counts")
    except BlockError as error:
        verdict.worsen(Quality.DAMAGED, f"END of exposure {header.exposure}: {error}")
        return
    said = counts.get("hits_logged") if isinstance(counts, dict) else None
    found = exposure_hits.get(header.exposure)
    if said is not None and found is not None and said != found:
        verdict.worsen(Quality.DAMAGED, f"END of exposure {header.exposure} says {said} hits, not {found}")


def _flaws(verdict: Verdict, run: Run) -> None:
    flaws = run.flaws
    if flaws.bad_payloads:
        verdict.worsen(Quality.DAMAGED, f"{flaws.bad_payloads} blocks do not match their checksum")
    if flaws.gaps:
        verdict.worsen(Quality.DAMAGED, f"{flaws.gap_bytes} bytes in {flaws.gaps} places are no blocks")
    if flaws.missing_blocks:
        verdict.worsen(Quality.DAMAGED, f"{flaws.missing_blocks} blocks are missing")
    if flaws.tail_bytes:
        verdict.worsen(Quality.INCOMPLETE, f"{flaws.tail_bytes} bytes of torn tail after the last block")
    if run.preview:
        verdict.worsen(Quality.INCOMPLETE, "a preview: only its newest part was kept")


def _totals(verdict: Verdict, totals: dict[str, Any], partial: bool) -> None:
    """Compare what CLOSE says with what was read."""
    verdict.condition = str(totals.get("condition", ""))
    verdict.lost = lost(totals)
    bad = {flag.name for flag in (Condition.INCOMPLETE, Condition.INTERRUPTED, Condition.ABORTED)}
    if bad & set(verdict.condition.split("|")):
        verdict.worsen(Quality.INCOMPLETE, f"the run ended {verdict.condition}")
    elif Condition.TAINTED.name in verdict.condition.split("|"):
        verdict.worsen(Quality.TAINTED, f"the run ended {verdict.condition}")
    for flaw in totals.get("flaws") or ():
        verdict.worsen(Quality.TAINTED, str(flaw))
    if not partial:
        for name in ("blocks", "words", "hits"):
            said, found = totals.get(name), getattr(verdict, name)
            if said is not None and found is not None and said != found:
                verdict.worsen(Quality.DAMAGED, f"CLOSE says {said} {name}, {found} are there")
