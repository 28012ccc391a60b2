"""The writing side of a run log: a bounded ring in front of a thread that writes and syncs.

The thread that receives hits calls `data`; it copies into the ring and neither writes nor waits. When the
ring is full the words are dropped and counted, and the run is INCOMPLETE. Marks (`begin`, `end`, `values`,
`close`) keep their order with the data; they wait for room, since they must not get lost.
"""

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .assembler import Assembler, Piece
from .block import MAX_FACTS, NOT_COUNTED, Buffer, Condition, Format, Kind, LossMethod, encode_facts
from .disk import Disk
from .identity import Identity
from .marks import Marks
from .pump import Pump
from .recover import recover
from .runs import checked_name, next_ordinal
from .shared import Policy, Shared
from .store import Store

log = logging.getLogger(__name__)


class LogWriter:
    """Writes the runs of one source, one after the other."""

    def __init__(
        self,
        root: Path,
        source: str,
        *,
        ring_bytes: int = 64 * 2**20,
        block_bytes: int = 256 * 2**10,
        flush_s: float = 0.02,
        segment_bytes: int = 2**30,
        sync_bytes: int = 64 * 2**20,
        sync_s: float = 0.2,
        keep_bytes: int = 0,
        disk: Disk | None = None,
        on_marks: Callable[[Marks], None] = lambda marks: None,
        mono_ns: Callable[[], int] = time.monotonic_ns,
        wall_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        """Set up a writer; nothing is created on disk before `open`.

        `block_bytes` seals a block of gathered words, `flush_s` seals it at low rates. `keep_bytes` above 0
        makes previews: only about so many of the newest bytes stay. `on_marks` is called in the writer's
        thread.
        """
        self.root = root
        self.source = checked_name(source)
        self.mono_ns, self.wall_ns = mono_ns, wall_ns
        self._segment_bytes = min(segment_bytes, keep_bytes // 8) if keep_bytes else segment_bytes
        self._policy = Policy(flush_s, sync_bytes, sync_s, keep_bytes, mono_ns, wall_ns)
        self._disk = disk or Disk()
        self._listener = on_marks
        self._assembler = Assembler(ring_bytes, block_bytes)
        self._shared = Shared(self._assembler)
        self._lock, self._work, self._room = self._shared.lock, self._shared.work, self._shared.room
        self._pump: Pump | None = None
        self._marks = Marks()
        self._ordinal = 0
        self._unclosed = False

    @property
    def marks(self) -> Marks:
        """Where the run, or the last one, stands."""
        return self._marks

    @property
    def written(self) -> int:
        """Bytes of this run in its files."""
        return self._marks.written

    @property
    def durable(self) -> int:
        """Bytes of this run that survive a power cut."""
        return self._marks.durable

    @property
    def dropped(self) -> int:
        """Words of this run that are not in the log because the ring was full or the disk failed."""
        return self._assembler.dropped_words

    @property
    def ring_fill(self) -> float:
        """Share of the ring in use, 0 to 1."""
        return self._assembler.ring.used / self._assembler.ring.size

    @property
    def is_open(self) -> bool:
        """True between `open` and `close`, also when the disk has failed in between."""
        return self._pump is not None

    def open(self, run_id: str, **facts: Any) -> None:
        """Begin a run: its folder, its first segment, its OPEN block with these facts.

        Raises ValueError for a name that cannot be a folder, FileExistsError when the source has this run
        already, OSError when the disk refuses.
        """
        if self._pump is not None:
            raise RuntimeError(f"{self.source}: run {self._marks.run} is still open")
        if (self.root / checked_name(run_id) / self.source).exists():
            raise FileExistsError(f"run {run_id} of {self.source} exists in {self.root}: choose another id")
        if self._unclosed:
            recover(self.root, self.source, disk=self._disk)
            self._unclosed = False
        self._ordinal = self._ordinal + 1 if self._ordinal else next_ordinal(self.root, self.source)
        identity = Identity(
            self.root, run_id, self.source, self._ordinal, preview=self._policy.keep_bytes > 0
        )
        store = Store(identity, self._disk, self._segment_bytes)
        store.open()
        self._assembler.reset()
        self._publish(Marks(run_id, self._ordinal))
        self._pump = Pump(store, self._shared, self._policy, self._publish)
        self._pump.start()
        self._mark(Kind.OPEN, {"run": run_id, "source": self.source, "ordinal": self._ordinal, **facts})

    def begin(
        self,
        exposure: int,
        *,
        cause: str = "",
        digest: str = "",
        detector_ns: int | None = None,
        **facts: Any,
    ) -> None:
        """Write that an exposure begins: why, under which configuration, at which detector time."""
        with self._lock:
            self._assembler.exposure = exposure
        self._mark(
            Kind.BEGIN, self._facts(exposure, cause=cause, digest=digest, detector_ns=detector_ns, **facts)
        )

    def end(
        self, exposure: int, counts: dict[str, Any], *, detector_ns: int | None = None, **facts: Any
    ) -> None:
        """Write that an exposure ended, with its counts."""
        self._mark(Kind.END, self._facts(exposure, counts=counts, detector_ns=detector_ns, **facts))
        with self._lock:
            self._assembler.exposure = 0

    def values(self, values: dict[str, Any]) -> None:
        """Write slow values, such as positions, bias or temperatures."""
        self._mark(Kind.VALUES, values)

    def data(
        self,
        payload: Buffer,
        *,
        words: int,
        format: int,
        hits: int | None = None,
        lost: int = 0,
        method: int = LossMethod.UNKNOWN,
        mono_first_ns: int | None = None,
        mono_last_ns: int | None = None,
        wall_first_ns: int | None = None,
        wall_last_ns: int | None = None,
        drop: bool = True,
    ) -> bool:
        """Take words as they came; never waits, never writes.

        `hits` among the words if known, `lost` before them by `method`. Times are of reception, by default
        now. False when the ring was full: the words are dropped and counted; a source that can wait says
        `drop=False`, then nothing has happened, and tries again after `wait_room`. At most 8 MiB at a time.
        """
        mono_ns, wall_ns = self.mono_ns(), self.wall_ns()
        piece = Piece(
            Kind.DATA,
            format,
            words,
            NOT_COUNTED if hits is None else hits,
            method,
            lost,
            mono_ns if mono_first_ns is None else mono_first_ns,
            mono_ns if mono_last_ns is None else mono_last_ns,
            wall_ns if wall_first_ns is None else wall_first_ns,
            wall_ns if wall_last_ns is None else wall_last_ns,
        )
        return self._take(piece, payload, drop=drop)

    def wait_room(self, timeout_s: float) -> bool:
        """Wait until the ring is at most half full, for a source that can wait; False at the timeout."""
        with self._lock:
            return self._room.wait_for(lambda: self.ring_fill <= 0.5 or self._failed, timeout_s)

    def wait(self, timeout_s: float) -> bool:
        """Wait until everything taken so far is written; False at the timeout or when the disk has failed."""
        pump = self._pump
        if pump is None:
            return True
        with self._lock:
            self._assembler.seal()
            self._work.notify()
            done = self._room.wait_for(
                lambda: self._failed or (self._assembler.empty and not pump.busy), timeout_s
            )
            if done and not self._failed:
                return True
            # Its marks come a moment later: whoever asks next must find in them what became of the run.
            self._room.wait_for(lambda: not pump.failed or self._marks.failed, timeout_s)
        return False

    def close(
        self,
        condition: Condition = Condition.GOOD,
        totals: dict[str, Any] | None = None,
        timeout_s: float = 30.0,
    ) -> Condition:
        """Drain, write the CLOSE block, sync; return the condition that the run ended with.

        Raises TimeoutError when the disk hangs; the run is then incomplete.
        """
        pump = self._pump
        if pump is None:
            return self._marks.condition
        pump.finish(condition, totals or {})
        pump.join(timeout_s)
        if pump.is_alive():
            raise TimeoutError(
                f"{self.source}: run {self._marks.run} is not on disk after {timeout_s} s: check the disk"
            )
        self._pump = None
        self._unclosed = pump.unclosed
        return self._marks.condition

    @property
    def _failed(self) -> bool:
        return self._pump is None or self._pump.failed

    def _publish(self, marks: Marks) -> None:
        self._marks = marks
        try:
            self._listener(marks)
        except Exception:
            log.exception("%s: who listens to the marks failed", self.source)

    def _facts(self, exposure: int, **facts: Any) -> dict[str, Any]:
        return {
            "run": self._marks.run,
            "exposure": exposure,
            "mono_ns": self.mono_ns(),
            "wall_ns": self.wall_ns(),
            **{key: value for key, value in facts.items() if value not in (None, "")},
        }

    def _mark(self, kind: Kind, facts: dict[str, Any]) -> None:
        """Queue a mark; waits for room in the ring."""
        mono_ns, wall_ns = self.mono_ns(), self.wall_ns()
        payload = encode_facts(facts)
        if len(payload) > MAX_FACTS:
            raise ValueError(f"{self.source}: facts of {len(payload)} bytes, the cap is {MAX_FACTS} bytes")
        piece = Piece(
            kind,
            Format.JSON,
            mono_first_ns=mono_ns,
            mono_last_ns=mono_ns,
            wall_first_ns=wall_ns,
            wall_last_ns=wall_ns,
        )
        with self._lock:
            while not self._failed and not self._assembler.add(piece, payload, mono_ns):
                self._work.notify()
                self._room.wait()
            if self._failed and self._pump is not None and kind is Kind.END:
                self._pump.end_late(facts)
            self._work.notify()

    def _take(self, piece: Piece, payload: Buffer, *, drop: bool) -> bool:
        """Copy into the ring if there is room."""
        with self._lock:
            gathering = self._assembler.opened_ns is not None
            taken = not self._failed and self._assembler.add(piece, payload, self.mono_ns())
            if not taken and drop:
                self._assembler.drop(piece, len(payload))
            # A piece that joins the open block changes nothing for the writer: it knows when to seal it.
            if self._assembler.ready or not gathering:
                self._work.notify()
            return taken
