"""The writer's thread: takes blocks out of the ring, writes and syncs them, and says how far it is."""

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from .assembler import Draft
from .block import NOT_COUNTED, Condition, Header, Kind, LossMethod
from .marks import Marks
from .preview import trim
from .shared import Policy, Shared
from .store import DiskFull, Store

log = logging.getLogger(__name__)

MOST_LATE = 4
"""Ends of exposures that are still written when the disk has failed: that of the one going on, above all."""
BATCH_BYTES = 4 * 2**20
"""Written at once at most: larger holds ring space longer, smaller costs system calls."""


class Pump(threading.Thread):
    """Carries one run from the ring to its files."""

    def __init__(
        self, store: Store, shared: Shared, policy: Policy, publish: Callable[[Marks], None]
    ) -> None:
        super().__init__(name=f"log-{store.identity.source}", daemon=True)
        self._store, self._policy, self._publish = store, policy, publish
        self._assembler, self._lock = shared.assembler, shared.lock
        self._work, self._room = shared.work, shared.room
        self._counts = Marks(store.identity.run, store.identity.ordinal)
        self._finish: tuple[Condition, dict[str, Any]] | None = None
        self._unsynced_ns: int | None = None
        self._sync_ended = threading.Event()
        self._exposures = 0
        self._hits_known = self._loss_known = True
        self.busy = False
        """True while blocks are out of the ring but not yet written."""
        self.failed = False
        """True when the disk takes no more: the run has ended on disk, everything further is dropped."""
        self._late: dict[int, dict[str, Any]] = {}
        self.unclosed = False
        """True when not even the CLOSE block could be written."""

    def finish(self, condition: Condition, totals: dict[str, Any]) -> None:
        """Ask the thread to drain, close the run and end."""
        with self._lock:
            self._assembler.seal()
            self._finish = (condition, totals)
            self._work.notify()

    def end_late(self, facts: dict[str, Any]) -> None:
        """Keep the END of an exposure that comes when the disk has failed; the last word counts. Locked."""
        self._late[facts["exposure"]] = facts
        while len(self._late) > MOST_LATE:
            del self._late[min(self._late)]

    def run(self) -> None:
        """Work until the run is closed."""
        try:
            while batch := self._next():
                self._write(batch)
            self._end()
        except OSError as error:
            self._fail(error)
        except Exception as error:
            log.exception("%s: the writer of run %s failed", self.name, self._counts.run)
            self._fail(OSError(f"{type(error).__name__}: {error}"))
        finally:
            self._store.close()

    def _next(self) -> list[Draft]:
        """Wait for blocks, syncing when it is time; an empty list means that the run is to be closed."""
        while True:
            with self._lock:
                self.busy = False
                now_ns = self._policy.mono_ns()
                opened_ns = self._assembler.opened_ns
                flush_s = None if opened_ns is None else self._policy.flush_s - (now_ns - opened_ns) / 1e9
                if flush_s is not None and flush_s <= 0:
                    self._assembler.seal()
                batch = self._assembler.take(min(BATCH_BYTES, self._store.room))
                if batch or (self._finish and self._assembler.empty):
                    self.busy = bool(batch)
                    return batch
                self._room.notify_all()
                sync_s = (
                    None
                    if self._unsynced_ns is None
                    else (self._policy.sync_s - (now_ns - self._unsynced_ns) / 1e9)
                )
                # A sync that is due goes first; one that is still running wakes us at its end.
                if not self._sync_ended.is_set() and (sync_s is None or sync_s > 0 or self._store.syncing):
                    sync_s = None if self._store.syncing else sync_s
                    self._work.wait(min((s for s in (flush_s, sync_s) if s is not None), default=None))
                    continue
            self._sync()

    def _write(self, batch: list[Draft]) -> None:
        if self._store.rolls:
            self._store.roll()
            self._unsynced_ns = None
            if self._policy.keep_bytes:
                trim(self._store.identity.folder, self._store.written, self._policy.keep_bytes)
        last = batch[-1]
        end = last.start + last.size
        with self._lock:
            if self._assembler.dropped_words:
                self._store.condition |= Condition.INCOMPLETE
        try:
            self._store.append(
                self._assembler.ring.view(batch[0].start, end - batch[0].start),
                [_header(draft) for draft in batch],
            )
        except OSError:
            with self._lock:
                for draft in batch:
                    self._assembler.drop_draft(draft)
            raise
        self._count(batch)
        with self._lock:
            self._assembler.ring.release(end)
            marks = self._tell()
        self._publish(marks)
        with self._lock:
            # Only now, so that who waits for an empty ring also sees the marks of what was in it.
            self.busy = False
            self._room.notify_all()
        if self._unsynced_ns is None:
            self._unsynced_ns = self._policy.mono_ns()
        self._sync()

    def _sync(self) -> None:
        """Take the result of a sync that ended, and begin the next one when it is due."""
        self._sync_ended.clear()
        late = self._store.written - self._store.synced >= self._policy.sync_bytes
        # A disk that syncs more slowly than we write must hold us up: what is not durable stays bounded.
        if self._store.settle(wait=late):
            with self._lock:
                marks = self._tell()
            self._publish(marks)
        age_ns = 0 if self._unsynced_ns is None else self._policy.mono_ns() - self._unsynced_ns
        if (late or age_ns >= self._policy.sync_s * 1e9) and not self._store.syncing:
            self._store.start_sync(self._synced)
            self._unsynced_ns = None

    def _synced(self) -> None:
        """In the syncing thread: wake the writer."""
        self._sync_ended.set()
        with self._lock:
            self._work.notify()

    def _end(self) -> None:
        condition, totals = self._finish or (Condition.GOOD, {})
        self._store.condition |= condition
        self._close(totals)

    def _close(self, totals: dict[str, Any]) -> None:
        """Write the CLOSE block and make all durable: the data first, so that it tells what came of them."""
        self._store.sync()
        with self._lock:
            if self._assembler.dropped_words:
                self._store.condition |= Condition.INCOMPLETE
            marks = self._tell()
        facts = {
            "source": self._store.identity.source,
            "exposures": self._exposures,
            "failures": self._store.failures[-16:],
            **marks.totals(hits=self._hits_known, loss=self._loss_known),
            **totals,
        }
        self._store.mark(Kind.CLOSE, facts, self._policy.mono_ns(), self._policy.wall_ns())
        self._store.sync()
        with self._lock:
            marks = replace(self._tell(), closed=True)
        self._publish(marks)

    def _fail(self, error: OSError) -> None:
        """The disk takes no more: drop and count what is in the ring, and end the run on the reserve."""
        what = "disk full" if isinstance(error, DiskFull) else "disk failed"
        self._store.failures.append(f"{what}: {error}")
        self._store.condition |= Condition.INTERRUPTED | Condition.INCOMPLETE
        with self._lock:
            self.failed = True
            self.busy = False
            self._assembler.discard()
            marks = self._tell()
        self._publish(marks)  # whoever hears of it ends the run, and knows what it came to
        with self._lock:
            self._room.notify_all()
            while self._finish is None:
                self._work.wait()
            condition, totals = self._finish
        self._store.condition |= condition
        try:
            self._store.emergency()
            for exposure, facts in self._late.items():
                self._store.mark(Kind.END, facts, self._policy.mono_ns(), self._policy.wall_ns(), exposure)
                self._counts = replace(self._counts, blocks=self._counts.blocks + 1)
            self._close(totals)
        except OSError as second:
            self._store.failures.append(f"no CLOSE block: {second}")
            self.unclosed = True
            with self._lock:
                marks = replace(self._tell(), closed=True)
            self._publish(marks)

    def _count(self, batch: list[Draft]) -> None:
        counts, data = self._counts, [draft for draft in batch if draft.piece.kind == Kind.DATA]
        self._hits_known &= all(draft.hits != NOT_COUNTED for draft in data)
        self._loss_known &= all(draft.piece.method != LossMethod.UNKNOWN for draft in data)
        self._exposures += sum(draft.piece.kind == Kind.BEGIN for draft in batch)
        self._counts = replace(
            counts,
            blocks=counts.blocks + len(batch),
            words=counts.words + sum(d.words for d in batch),
            hits=counts.hits + sum(d.hits for d in data if d.hits != NOT_COUNTED),
            lost=counts.lost + sum(d.lost for d in batch),
        )

    def _tell(self) -> Marks:
        """The marks as they are; the caller holds the lock."""
        a, store = self._assembler, self._store
        return replace(
            self._counts,
            written=store.written,
            durable=store.durable,
            dropped_words=a.dropped_words,
            dropped_hits=a.dropped_hits,
            dropped_bytes=a.dropped_bytes,
            ring_fill=a.ring.used / a.ring.size,
            condition=store.condition,
            failed=self.failed,
            failure="; ".join(store.failures),
        )


def _header(draft: Draft) -> Header:
    piece = draft.piece
    return Header(
        piece.kind,
        piece.format,
        exposure=draft.exposure,
        method=piece.method,
        mono_first_ns=piece.mono_first_ns,
        mono_last_ns=draft.mono_last_ns,
        wall_first_ns=piece.wall_first_ns,
        wall_last_ns=draft.wall_last_ns,
        words=draft.words,
        hits=draft.hits,
        payload=draft.payload,
        lost=draft.lost,
        dropped=draft.dropped,
    )
