"""One exposure of a Katherine, in the thread that receives: from the command to start to the last word.

The thread takes what the receiver gives, hands it to the log as it came, and follows the marks in it. It
never writes and never waits for anything but the receiver; commands are sent by the event loop. An
exposure is over when all its frames have their count, when the readout says that it was aborted, after a
stop when the line is quiet, or when something that should have come did not.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hitline.bus.formats.katherine_scan import scan
from hitline.bus.formats.katherine_words import WORD_BYTES
from hitline.bus.log.block import Format, LossMethod
from hitline.bus.log.codes import Condition
from hitline.bus.log.writer import LogWriter

from ...brisk import brisk
from ...receive import Receiver
from ...trace import Trace
from ..counts import Tally
from .stream import Follower

PIECE = WORD_BYTES << 17
"""Bytes handed to the log at once: a block of it."""
LOOK_S = 0.05
"""How often the thread looks around while nothing comes."""
LINGER_S = 0.1
"""After the last frame, when something was wrong with it: what comes late still belongs to it."""
END_QUIET_S = 0.3
"""Silence after the end time of the last frame: its count follows at once, or was lost."""
STOP_QUIET_S = 0.1
"""Silence after a stop: libkatherine ends there."""
STOP_LIMIT_S = 1.5
"""A readout that still sends so long after a stop has not understood it."""


@dataclass(frozen=True)
class Plan:
    """What an exposure should be."""

    frames: int
    acquire_s: float
    """Of each frame; 0: until a stop."""
    triggered: bool
    """A trigger opens the shutter, whenever it comes."""
    generation: int
    end_timeout_s: float
    """Silence beyond the time in which the frame should have ended."""


class Exposure:
    """Takes one exposure; `arm` starts the readout and `stop` stops it, `arm` returns when it is done."""

    def __init__(
        self,
        plan: Plan,
        receiver: Receiver,
        log: LogWriter,
        tally: Tally,
        *,
        arm: Callable[[], None],
        stop: Callable[[], None],
        trace: Trace | None = None,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.plan, self.receiver, self.log, self.tally = plan, receiver, log, tally
        self._arm, self._stop, self._trace, self._clock_s = arm, stop, trace, clock_s
        self._before = (tally.sent, tally.logged, tally.lost)
        self.follower = Follower(plan.generation)
        self.logged = 0
        self.unended = False
        """True when the readout may still be acquiring after this."""
        self._failure = ""

    @property
    def lost(self) -> int | None:
        """Hits that are not in the log although they were sent; None when that is not known."""
        follower = self.follower
        return None if follower.unknown else follower.lost + follower.received - self.logged

    def counts(self) -> dict[str, int | None]:
        """Of this exposure alone."""
        sent = None if self.follower.unknown else self.follower.sent
        return {"hits_sent": sent, "hits_logged": self.logged, "hits_lost": self.lost}

    def fail(self, reason: str) -> None:
        """End it with an error, from another thread."""
        self._failure = reason
        self.receiver.wake()

    def run(self, halt: threading.Event) -> None:
        """Take it to its end; raises TimeoutError, or OSError with the reason of `fail`."""
        stopped = False
        try:
            with brisk():
                self._arm()
                stopped = self._receive(halt)
        finally:
            self.follower.close(0 if stopped else self.plan.frames)
            self._show()

    def clear(self, *, quiet_s: float = 0.0, limit_s: float = 1.0) -> int:
        """Put away what came since the last exposure; return bytes. TimeoutError when it does not end."""
        total, until_s = 0, self._clock_s() + limit_s
        while (batch := self.receiver.receive(quiet_s)) is not None:
            total += len(batch.payload)
            if self._clock_s() > until_s:
                raise TimeoutError(
                    "the readout still sends hits of an earlier exposure: it did not obey stop. Wait for the "
                    "end of its acquisition time, or switch it off and on"
                )
        return total

    def facts(self) -> dict[str, Any]:
        """For the END mark."""
        return self.follower.facts()

    def _receive(self, halt: threading.Event) -> bool:
        """Take what comes until it is over; return whether it was stopped."""
        begun_s = last_s = self._clock_s()
        stopped_s = None
        while not self._over(self._clock_s(), begun_s, last_s, stopped_s):
            if halt.is_set() and stopped_s is None:
                self._stop()
                stopped_s = self._clock_s()
            batch = self.receiver.receive(LOOK_S)
            if self._failure:
                self.unended = True
                raise OSError(self._failure)
            if batch is not None and len(batch.payload):
                last_s = self._clock_s()
                if self._trace:
                    self._trace.received("data", batch.payload, batch.sizes.tolist())
                self._take(batch.payload)
        return stopped_s is not None

    def _take(self, payload: memoryview) -> None:
        for at in range(0, len(payload), PIECE):
            piece = payload[at : at + PIECE]
            found = scan(piece, self.plan.generation)
            lost = self.follower.take(found)
            if self.log.data(
                piece,
                words=len(piece) // WORD_BYTES,
                hits=found.pixels,
                format=Format.KATHERINE,
                lost=lost,
                method=LossMethod.FRAME_COUNT,
            ):
                self.logged += found.pixels
        self._show()

    def _show(self) -> None:
        """Bring the counts of the run up to date."""
        sent, logged, lost = self._before
        counts = self.counts()
        self.tally.sent = _sum(sent, counts["hits_sent"])
        self.tally.logged = _sum(logged, counts["hits_logged"])
        self.tally.lost = _sum(lost, counts["hits_lost"])

    def _over(self, now_s: float, begun_s: float, last_s: float, stopped_s: float | None) -> bool:
        """Say whether nothing more is to come; TimeoutError when something should have."""
        follower, plan = self.follower, self.plan
        quiet_s = now_s - max(last_s, begun_s)
        whole = follower.finished >= plan.frames and follower.open is None
        if whole or follower.aborted:
            right = not follower.flaws and not follower.lost
            return quiet_s >= LINGER_S or (whole and right) or (follower.aborted and stopped_s is not None)
        if stopped_s is not None:
            return self._stopped(now_s - stopped_s, quiet_s)
        ended = follower.open is None or follower.open.end is not None
        if ended and follower.begun >= plan.frames and quiet_s >= END_QUIET_S:
            return True
        self._check_time(now_s - begun_s, quiet_s)
        return False

    def _stopped(self, since_s: float, quiet_s: float) -> bool:
        if since_s >= STOP_LIMIT_S:
            self.follower.flaws["the readout still sent when it was long stopped"] = Condition.INCOMPLETE
            self.follower.unknown = self.unended = True
            return True
        if min(since_s, quiet_s) < STOP_QUIET_S:
            return False
        self.unended = self.follower.open is not None
        return True

    def _check_time(self, since_s: float, quiet_s: float) -> None:
        follower, plan = self.follower, self.plan
        if not plan.acquire_s or (plan.triggered and follower.open is None):
            return
        limit_s = plan.end_timeout_s
        due_s = plan.frames * plan.acquire_s
        if quiet_s <= limit_s or (since_s <= due_s + limit_s and quiet_s <= plan.acquire_s + limit_s):
            return
        self.unended = True
        frame = follower.open
        what = (
            f"the end (0xC) of frame {frame.number} of {plan.frames}, of which {frame.received} hits came"
            if frame
            else f"frame {follower.begun + 1} of {plan.frames}"
        )
        raise TimeoutError(
            f"nothing came for {quiet_s:.1f} s, missing is {what}: {since_s:.1f} s after the start, with "
            f"{plan.acquire_s:g} s a frame. Check the data port, a firewall, and the cable"
        )


def _sum(total: int | None, more: int | None) -> int | None:
    return None if total is None or more is None else total + more
