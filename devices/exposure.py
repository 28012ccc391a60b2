"""One exposure from trigger to results: the sequence, and every way in which it can be cut short.

The readout's exposure number decides. It is read before the put; afterwards the exposure has not begun (same
number, idle), is under way (acquiring), has been taken (next number, idle), or the run is no longer what it
was (anything else: the readout was restarted, or somebody else takes exposures), which fails the Status.
"""

import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ophyd.utils.epics_pvs import AlarmSeverity

from .analysis import counts, sample_all
from .signals import CONNECT_S
from .status import Status
from .wait import Failed, Missed, Put, Seen, Verdict, drive

if TYPE_CHECKING:
    from .detector import HitDetector

LOOK_S = 1.0
"""A look gives up on a server that is away after this time; the wait goes on."""

WHOLE = ("None", "Whole")
"""Ends of an exposure that is what was asked for; a readout of another kind may not say."""


@dataclass(frozen=True, slots=True)
class Shot:
    """Where a readout is: its run, the number of its last exposure, and whether that is under way."""

    run: str
    exposure: int
    busy: bool
    valid: bool
    failed: bool
    """That it is over is told in alarm: the exposure is not what it should be."""

    def __str__(self) -> str:
        quality = "" if self.valid else " (INVALID: the link to the readout is lost)"
        return f"{self.exposure} of run {self.run or 'none'}, {'acquiring' if self.busy else 'idle'}{quality}"


def look_at(detector: "HitDetector", *, run_first: bool = False) -> Shot:
    """Read a Shot over the network.

    The number before the idleness: when it shows an exposure and the readout is idle afterwards, that has
    ended. `run_first` is for the beginning of a run: the number is reset before the new run is shown.
    """
    run = detector.run.sample(LOOK_S) if run_first else None
    exposure, busy = detector.exposure.sample(LOOK_S), detector.acquiring.sample(LOOK_S)
    run = run or detector.run.sample(LOOK_S)
    failed = busy.severity is AlarmSeverity.MAJOR
    return Shot(run.value, exposure.value, bool(busy.value), exposure.valid and busy.valid, failed)


def judge(before: Shot, now: Shot, own_run: bool) -> Verdict:
    """Compare two shots around a put of Acquire; raises Failed when they do not follow each other."""
    if not now.valid:
        return Verdict.UNSURE
    if now.busy:
        return Verdict.GOING
    if (now.run, now.exposure) == (before.run, before.exposure):
        return Verdict.UNTOUCHED
    if (now.run, now.exposure) == (before.run, before.exposure + 1):
        return Verdict.DONE
    if own_run and now.run != before.run and now.exposure < 2:
        return Verdict.DONE if now.exposure else Verdict.GOING  # 0: its run is open, the exposure comes
    raise Failed("the readout was restarted, or somebody else takes exposures")


def expose(detector: "HitDetector", acquire_s: float, status: Status) -> None:
    """Take one exposure and wait until the readout and all its workers show it; the action of `trigger`."""
    if detector.conductor is not None and detector.held:
        detector.conductor.reach("start", status)
    before = ready(detector, status)
    put = Put(detector.acquire, "Acquire", detector.bell, detector.refusal)
    begin = time.monotonic()

    def look() -> Seen:
        now = look_at(detector)
        wanted = "1 of a new run" if not detector.held else f"{before.exposure + 1} of run {before.run}, idle"
        try:
            verdict = judge(before, now, own_run=not detector.held)
            if verdict is Verdict.DONE and not detector.held and look_at(detector) != now:
                verdict = Verdict.GOING  # the number was that of the run before
            if verdict is Verdict.DONE and now.failed:
                if not (put.completed or put.lost):
                    return Seen(Verdict.GOING, detector.exposure.pvname, wanted, str(now), now)
                raise Failed(detector.refusal(put.pv).text or "the exposure has failed")
        except Failed as error:
            raise Failed(f"{detector.exposure.pvname}: wanted {wanted}, last value {now}: {error}") from None
        return Seen(verdict, detector.exposure.pvname, wanted, str(now), now)

    def note(seen: Seen) -> None:
        status.note(seen)
        status.progress(time.monotonic() - begin, acquire_s)

    with contextlib.suppress(TimeoutError):  # then `drive` sends it when the server is back
        put.send(begin)
    try:
        shot: Shot = drive(
            look,
            detector.bell,
            acquire_s + detector.patience_s,
            put=put,
            note=note,
            cancelled=status.cancelled,
        ).value
    except Missed:
        # Nobody waits for this exposure any more, so it must not go on unattended.
        detector.cmd_stop.put(1, use_complete=False)
        raise
    keep(detector, shot, status)
    for analysis in detector.analyses:
        analysis.results(shot.run, shot.exposure, detector.bell, status)


def ready(detector: "HitDetector", status: Status) -> Shot:
    """Wait until the readout is idle and, in a station's run, shows that run's id."""
    conductor = detector.conductor if detector.held else None

    def look() -> Seen:
        wanted_run = conductor.run_id.sample(LOOK_S).value if conductor is not None else None
        now = look_at(detector, run_first=conductor is not None)
        wanted = "idle" if wanted_run is None else f"idle in run {wanted_run}"
        seen = (detector.exposure.pvname, wanted, str(now))
        if not now.valid or (wanted_run is not None and now.run != wanted_run):
            return Seen(Verdict.UNSURE, *seen)
        if now.busy:
            raise Failed(f"{seen[0]}: wanted {wanted}, last value {seen[2]}; stop it or wait for its end")
        return Seen(Verdict.DONE, *seen, now)

    return drive(
        look, detector.bell, CONNECT_S + detector.patience_s, note=status.note, cancelled=status.cancelled
    ).value


def keep(detector: "HitDetector", shot: Shot, status: Status) -> None:
    """Read the readout's own values of the exposure, and keep them for `read`; no count may be INVALID.

    An exposure that was cut fails, unless it was stopped and the plan keeps such ones.
    """

    def look() -> Seen:
        taken = sample_all(detector, last=detector.exposure)
        if unknown := next((s for s in counts(detector) if not taken[s.name].valid), None):
            return Seen(Verdict.UNSURE, unknown.pvname, "a valid count", str(taken[unknown.name]))
        if taken[detector.exposure.name].value != shot.exposure:
            raise Failed(
                f"{detector.exposure.pvname}: wanted {shot.exposure}, last value "
                f"{taken[detector.exposure.name]}: somebody else takes exposures"
            )
        end = taken[detector.exposure_end.name].value
        if end not in WHOLE and not (end == "Stopped" and detector.on_stop == "mark"):
            by = detector.exposure_ended_by.sample(LOOK_S).value
            raise Failed(
                f"{detector.exposure_end.pvname}: wanted Whole, last value {end}: exposure {shot.exposure} "
                f"of run {shot.run} was {end.lower()}{f' by {by}' if by else ''}; what came is in its log"
                f"{'; plans.keep_stopped keeps such points' if end == 'Stopped' else ''}"
            )
        return Seen(Verdict.DONE, detector.exposure.pvname, str(shot.exposure), str(shot), taken)

    detector.taken = drive(
        look, detector.bell, detector.patience_s, note=status.note, cancelled=status.cancelled
    ).value
    if detector.log_asset.run != shot.run:
        detector.log_asset.begin(shot.run, detector.log_folder.sample().value)
    detector.log_asset.took(shot.exposure)
