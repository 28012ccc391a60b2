"""Bounded waiting on process variables: look, put only what surely has not arrived, say what was seen.

Every action of a device is one `drive`: it looks at the PVs over the network, puts when nothing has happened
yet, and looks again whenever a monitor rings, at the latest every POLL_S. What counts is only what a look
shows. The completion of a put is a hint and no more: libca also "completes" a put whose circuit broke, and
caproto's client never completes it. So a put whose circuit broke is judged by what the PVs show afterwards,
and repeated only when they show that it did nothing and the bus can no longer carry it out.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from .bell import Bell

POLL_S = 0.25
"""Longest time between two looks. Higher: a lost monitor costs more; lower: more traffic while waiting."""
LATE_S = 2.5
"""A request older than this can no longer be carried out: the bus answers or refuses within 2 s."""
CONFIRM_S = 0.3
"""A put that completed without effect is called refused when it still shows none after this time."""
PUTS = 3
"""A put is sent this often at most, each time only after proof that the last one had no effect."""


class Failed(RuntimeError):
    """The wanted thing can no longer happen; waiting longer would not help."""


class Missed(TimeoutError):
    """The wanted thing did not happen in time."""


class Stopped(RuntimeError):
    """Somebody called `stop()`."""


class Verdict(Enum):
    """What a look says about the action that is waited for."""

    DONE = "done"
    GOING = "under way"
    UNTOUCHED = "not begun"
    UNSURE = "not known"


@dataclass(frozen=True, slots=True)
class Seen:
    """One look: the PV that matters now, what it should show and what it shows."""

    verdict: Verdict
    pv: str
    wanted: str
    last: str
    value: Any = None
    """Handed back to the caller of `drive` when DONE."""

    def __str__(self) -> str:
        return f"{self.pv}: wanted {self.wanted}, last value {self.last}"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a put was turned down, as the station tells it; CA itself cannot."""

    text: str = ""
    stamp: float = 0.0
    """When, by the clock of the face: tells a new refusal from an old one with the same text."""


def never(pv: str) -> Refusal:
    """Stand in for a station whose refusals nobody knows."""
    return Refusal()


class Put:
    """One value for one setpoint, with the history that `drive` needs to judge it.

    `signal` is an ophyd EpicsSignal (or anything with its `put` and a count of lost circuits, `drops`).
    """

    def __init__(
        self,
        signal: Any,
        value: Any,
        bell: Bell,
        refusal: Callable[[str], Refusal] = never,
        confirm_s: float = CONFIRM_S,
    ) -> None:
        self.signal = signal
        self.value = value
        self.refusal = refusal
        self.confirm_s = confirm_s
        self.count = 0
        self.sent_at = 0.0
        self.pv: str = signal.setpoint_pvname
        self._bell = bell
        self._drops = 0
        self._completed = threading.Event()

    @property
    def completed(self) -> bool:
        """True when the control layer says so; see above for what that is worth."""
        return self._completed.is_set()

    @property
    def lost(self) -> bool:
        """True when the circuit has broken since the put."""
        return self.signal.drops != self._drops

    def send(self, now: float) -> None:
        """Put with completion; raises TimeoutError when it could not be sent, Failed when it may not be."""
        completed = threading.Event()
        self._completed, self._drops = completed, self.signal.drops

        def finished(*args: Any, **kwargs: Any) -> None:
            completed.set()
            self._bell.ring()

        try:
            self.signal.put(self.value, use_complete=True, callback=finished)
        except (PermissionError, ValueError, TypeError) as error:
            raise Failed(f"{self.pv}: may not be set to {self.value!r}: {error}") from error
        except Exception as error:  # each control layer has exceptions of its own for a server that is away
            raise TimeoutError(f"{self.pv}: put not sent: {error}") from error
        self.sent_at = now
        self.count += 1

    def may_repeat(self, now: float) -> bool:
        """Say whether an effect that is still missing proves that the last put was lost with its circuit."""
        return self.lost and now - self.sent_at > LATE_S and self.count < PUTS


def drive(
    look: Callable[[], Seen],
    bell: Bell,
    timeout_s: float,
    *,
    put: Put | None = None,
    note: Callable[[Seen], None] = lambda seen: None,
    cancelled: Callable[[], bool] = lambda: False,
    clock: Callable[[], float] = time.monotonic,
) -> Seen:
    """Look (and put when nothing has happened) until the look is DONE; return it.

    A put that was sent before is given until its completion, or POLL_S, before the first look.
    Raises Missed after `timeout_s`, Stopped when `cancelled` turns true, Failed when the put was refused, and
    whatever `look` raises beyond TimeoutError; each names the PV, the wanted and the last value.
    """
    begin = clock()
    futile_since: float | None = None
    seen: Seen | None = None
    rings = bell.rings
    if put is not None and put.count and not put.completed:
        bell.wait(rings, POLL_S)
    while True:
        rings, completed = bell.rings, put is not None and put.completed
        try:
            seen = look()
        except TimeoutError as error:
            pv, wanted = (seen.pv, seen.wanted) if seen else ("first look", "an answer")
            seen = Seen(Verdict.UNSURE, pv, wanted, f"unknown ({error})")
        note(seen)
        now = clock()
        if cancelled():
            raise Stopped(f"{seen}: stopped after {now - begin:.1f} s")
        if seen.verdict is Verdict.DONE:
            return seen
        if put is not None and seen.verdict is Verdict.UNTOUCHED:
            futile_since = (futile_since or now) if completed and not put.lost else None
            if futile_since is not None and now - futile_since >= put.confirm_s:
                reason = put.refusal(put.pv).text or "no reason given"
                raise Failed(f"put of {put.value!r} to {put.pv} had no effect ({reason}); {seen}")
            if put.count == 0 or put.may_repeat(now):
                try:
                    put.send(now)
                except TimeoutError as error:
                    seen = Seen(Verdict.UNSURE, seen.pv, seen.wanted, f"{seen.last}, put not sent ({error})")
        if now - begin >= timeout_s:
            raise Missed(f"{seen}, after {now - begin:.1f} s")
        bell.wait(rings, min(POLL_S if futile_since is None else CONFIRM_S / 3, begin + timeout_s - now))
