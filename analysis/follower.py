"""The worker's thread: follows the feed, feeds the pipeline, saves its state, tells of results.

Place in the log and state of the pipeline are saved in one atomic replace, after results were told. Killed at
any instant, it comes back to the last saved place and goes through the same blocks again to the same results;
until it has caught up with what was there at its return it tells nothing, so nobody sees results go
backwards. An exception of a pipeline block counts as a death: state and place are taken from the file again.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..bus.log.block import Header, Kind
from ..bus.log.cursor import Cursor, load_state, save_state
from ..bus.log.feed import FeedClient
from .attempts import Attempts
from .pipeline import Pipeline

log = logging.getLogger("hitline.worker")

SAVE_S = 0.5
"""Longer: more to do again after a death. Shorter: more time spent in fsync (6 ms each on an SSD)."""
SILENT_S = 2.0
"""A feed that does not answer for so long after a restart is taken for dead: show what was saved."""
AGAIN_S = 0.2


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is known at one instant; taken together."""

    run: str
    exposure: int
    analysing: bool
    ended: bool
    """True when the exposure ended with the last block."""
    lost: int | None
    late_hits: int
    unknown_words: int
    blocks: int
    set_aside: int
    age_s: float
    """From the reception of the last block to its analysis."""
    results: dict[str, Any] = field(default_factory=dict)


class Follower:
    """Analyses one source in a thread of its own; `tell` is called in that thread or in `ask`'s."""

    def __init__(
        self,
        client: FeedClient,
        make: Callable[[], Pipeline],
        path: Path,
        configuration: str,
        tell: Callable[[Snapshot], None],
        *,
        wall_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        """Prepare; nothing is read before `start`.

        `path`: the state file; a note of attempts is kept beside it. `configuration`: all that results depend
        on besides the log; a state saved under another one is not taken up, its run is analysed anew.
        """
        self.client = client
        self.window_ns: float | None = None
        """Asked for; None: as the pipeline has it."""
        self._make, self._path, self._configuration = make, path, configuration
        self._tell, self._wall_ns = tell, wall_ns
        self._stop, self._lock = threading.Event(), threading.Lock()
        self._pipeline = make()
        self._cursor: Cursor | None = None
        self._saved: Cursor | None = None
        self._saved_s = time.monotonic()
        self._behind_since: float | None = None
        self._news, self._asked = True, False
        self._set_aside, self._age_s = 0, 0.0
        self._thread = threading.Thread(target=self._run, name="follower", daemon=True)

    @property
    def used_window_ns(self) -> float:
        """Window of the next exposure, or of this one if it was not changed."""
        return self._pipeline.window_ns if self.window_ns is None else self.window_ns

    def start(self) -> None:
        """Take up the saved state and begin to follow."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._attempts = Attempts(self._path.with_suffix(".attempt"))
        self._load()
        self._thread.start()

    def stop(self) -> None:
        """Stop after the block under way, with everything saved."""
        self._stop.set()
        self._thread.join()
        self._attempts.close()

    def ask(self) -> None:
        """Have news told soon; returns at once. The thread does it itself if it is at work on a block."""
        self._asked = True
        if self._lock.acquire(blocking=False):
            try:
                self._tell_news()
            finally:
                self._lock.release()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                for place, header, payload in self.client.follow(self._cursor, self._stop):
                    with self._lock:
                        self._take(place, header, payload)
                    if self._save_is_due(header):
                        self._save()
            except Exception:
                log.exception("a block could not be analysed; again from the last saved place")
                self._attempts.died()
                self._stop.wait(AGAIN_S)
                self._load()
        if self._cursor != self._saved:
            self._save()

    def _take(self, place: Cursor, header: Header, payload: memoryview) -> None:
        ended = False
        if place.run != self._pipeline.run and header.kind in (Kind.BEGIN, Kind.DATA):
            self._pipeline.reset(place.run)
            self._set_aside = 0
            self._asked = True
        if place.run == self._pipeline.run:
            if self._attempts.begin(place.run, header.offset):
                if self.window_ns is not None:
                    self._pipeline.window_ns = self.window_ns
                ended = self._pipeline.block(header, payload)
                self._attempts.done()
            else:
                log.error(
                    "run %s: block at byte %d failed %d times and is set aside",
                    place.run,
                    header.offset,
                    self._attempts.deaths,
                )
                self._set_aside += 1
                self._saved = None
            self._age_s = max(0.0, (self._wall_ns() - header.wall_last_ns) / 1e9)
        self._cursor, self._news = place, True
        if ended or self._asked:
            self._tell_news(ended)

    def _tell_news(self, ended: bool = False) -> None:
        """Tell if there is something new and we have caught up; with the lock held, so that order is kept."""
        if not self._news or self._behind():
            return
        pipeline = self._pipeline
        self._tell(
            Snapshot(
                pipeline.run,
                pipeline.exposure,
                pipeline.exposing,
                ended,
                pipeline.lost,
                pipeline.late_hits,
                pipeline.unknown_words,
                pipeline.blocks,
                self._set_aside,
                self._age_s,
                pipeline.results(),
            )
        )
        self._news = self._asked = False

    def _behind(self) -> bool:
        """Whether blocks that were there when we came back are still to be read."""
        if self._behind_since is None:
            return False
        now, cursor = self.client.available, self._cursor
        if now.run:
            arrived = cursor is None or now.run != cursor.run or cursor.offset >= now.written
        else:
            arrived = time.monotonic() - self._behind_since > SILENT_S
        if arrived:
            self._behind_since = None
        return self._behind_since is not None

    def _save_is_due(self, header: Header) -> bool:
        """At the start of a run, after a block set aside, now and then; best when an exposure has ended."""
        if self._saved is None or self._cursor is None or self._saved.run != self._cursor.run:
            return True
        pause_s = SAVE_S / 2 if header.kind == Kind.END else SAVE_S
        return time.monotonic() - self._saved_s >= pause_s

    def _save(self) -> None:
        if self._cursor is None:
            return
        facts = {"configuration": self._configuration, "set_aside": self._set_aside}
        try:
            save_state(self._path, self._cursor, self._pipeline.state(), facts)
        except OSError as error:
            log.error("state is not saved, a restart will analyse more again: %s", error)
        self._saved, self._saved_s = self._cursor, time.monotonic()

    def _load(self) -> None:
        """Take up the saved state; without a usable one, its run from the beginning, or the newest run."""
        with self._lock:
            self._pipeline, self._cursor, self._set_aside = self._make(), None, 0
            try:
                state = load_state(self._path)
                if state is None:
                    return
                self._cursor = Cursor(state.cursor.run)
                if state.facts.get("configuration") != self._configuration:
                    raise ValueError("it was saved under another configuration")
                self._pipeline.restore(state.arrays)
                self._cursor, self._set_aside = state.cursor, int(state.facts["set_aside"])
            except (ValueError, KeyError, TypeError) as error:
                log.warning("saved state is not taken up: %s", error)
                self._pipeline = self._make()
            self._saved, self._news = self._cursor, True
            self._behind_since = time.monotonic()
