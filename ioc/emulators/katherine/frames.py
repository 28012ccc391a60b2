"""One acquisition of an emulated Katherine: frames, as time goes on; no threads, no sockets, no clock.

`advance` is called again and again with the time of the chip's timer and gives the words that are due.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from hitline.bus.formats.katherine_words import Mode
from hitline.bus.formats.packets import Words

from ..world.pixels import Truth
from . import words as made
from .chip import Setting
from .knobs import Knobs
from .source import Source
from .words import Hits

SLICE = 32_000_000
"""Ticks (50 ms) for which hits are made at most at once, however late it is."""
GAP = 640_000
"""Ticks (1 ms) between frames, while a frame is read."""
BEFORE = 2_000
"""Ticks (3 us) that charge may take from a particle to its hit."""


@dataclass(frozen=True)
class Frame:
    """Truth of one frame as it was sent, before any fault."""

    number: int
    """From 0 in its acquisition."""
    data_driven: bool
    setting: Setting
    """How the chip stood when the frame began."""
    start: int
    end: int
    """Ticks of 1.5625 ns on the timer."""
    hits: Hits
    lost: int
    """Hits that the readout lost itself, and said so."""
    finished: bool
    """False: it was aborted."""
    sent: int
    """How many hits; `hits` has fewer of them where they are too many to keep."""

    @property
    def complete(self) -> bool:
        """Whether `hits` has all of them."""
        return len(self.hits) == self.sent


class Acquisition:
    """From a start to its end; `stop` and `trigger` may come from another thread."""

    def __init__(
        self,
        setting: Callable[[], Setting],
        source: Source,
        knobs: Knobs,
        begin: int,
        *,
        data_driven: bool,
        generation: int = 1,
        keep: Callable[[Frame], None] = lambda frame: None,
        wires: Callable[[int, int], list[int]] = lambda start, stop: [],
        most: int = 4_000_000,
    ) -> None:
        """wires: when edges came to the trigger input in [start, stop), ticks on the timer."""
        self._setting, self._source, self._knobs, self._keep = setting, source, knobs, keep
        self._wires = wires
        self.data_driven, self.generation, self._most = data_driven, generation, most
        first = setting()
        self.frames = min(first.frames, 1) if data_driven else first.frames
        self.done = self.frames == 0
        self.number = 0
        self.hits = 0
        """Hits of all frames."""
        self.behind = 0
        """Ticks that were not made yet at the last `advance`."""
        self._next: int | None = None if first.start.enabled else begin
        self._open = False
        self._stop: str = ""
        self._edges: deque[tuple[int, int, bool]] = deque()
        self._triggers = 0

    def stop(self, how: str) -> None:
        """End it: aborted, finish or ignore (see `Knobs.on_stop`)."""
        if how != "ignore":
            self._stop = how

    def trigger(self, at: int, channel: int, falling: bool) -> None:
        """An edge on an input."""
        self._edges.append((at, channel, falling))

    def advance(self, now: int) -> list[Words]:
        """Words that are due until `now`, or part of them when that is long ago (`behind`)."""
        out: list[Words] = []
        close_at = self._take_edges(out)
        if self._stop == "aborted" and not self.done:
            out.append(made.aborted())
            if self._open:
                self._end(self._position, finished=False)
            self.done = True
        end_now = now if self._stop else close_at
        budget = SLICE
        while not self.done and budget > 0:
            if not self._open and not self._begin(now, out):
                break
            stop = self._end_at if end_now is None else max(min(self._end_at, end_now), self._position)
            to = min(now, stop, self._position + budget)
            budget -= max(to - self._position, GAP // 16)
            for at in self._wires(self._position, to):
                self._slice(at, out)  # what was before it comes before its word
                self._word_of_edge(at, out)
            self._slice(to, out)
            if to < stop:
                break
            self._close(stop, out)
            end_now = None if not self._stop else end_now
        self.behind = max(now - self._position, 0) if self._open else 0
        return out

    def _take_edges(self, out: list[Words]) -> int | None:
        """Send trigger words; open what waits for one; give when an edge closed the shutter."""
        close_at = None
        while self._edges:
            at, channel, falling = self._edges.popleft()
            self._word_of_edge(at, out)
            setting = self._setting()
            start, stop = setting.start, setting.stop
            if self._next is None and not self._open and (start.channel, start.falling) == (channel, falling):
                self._next = at
            elif self._open and stop.enabled and (stop.channel, stop.falling) == (channel, falling):
                close_at = at
        return close_at

    def _word_of_edge(self, at: int, out: list[Words]) -> None:
        self._triggers += 1
        out.append(made.trigger(self.generation, self._triggers, at >> 4))

    def _begin(self, now: int, out: list[Words]) -> bool:
        if self._stop:
            self.done = True
            return False
        if self._next is None or self._next > now:
            return False
        self._setting_then = self._setting()
        self._opened = self._position = self._next
        self._end_at = self._opened + self._setting_then.frame_ticks
        self._late: Truth | None = None
        self._held: list[Truth] = []
        self._parts: list[Hits] = []
        self._kept, self._sent, self._lost, self._window = 0, 0, 0, 0
        self._to_lose = self._knobs.lost_inside
        self._open = True
        out.append(made.opening(self._opened >> 4))
        return True

    def _slice(self, to: int, out: list[Words]) -> None:
        """Make what happens until `to`; hits that come later are kept for later."""
        if to <= self._position:
            return
        first = self._position == self._opened
        begin = self._position - BEFORE if first else self._position
        truth = self._source.hits(begin, to, self._setting(), self._opened)
        if self._late is not None:
            truth = Truth.merged(self._late, truth)
        low, high = np.searchsorted(truth.t, (self._opened, to))
        self._late = truth.take(slice(int(high), None))
        truth = truth.take(slice(int(low), int(high)))
        self._position = to
        if self._at_once:
            self._send(made.timed(truth, self._setting_then), out)
        elif len(truth):
            self._held.append(truth)

    @property
    def _at_once(self) -> bool:
        """Hits leave as they come: not in frames, and not where pixels only count."""
        return self.data_driven and self._setting_then.general.mode != Mode.EVENT_ITOT

    def _send(self, hits: Hits, out: list[Words]) -> None:
        lose = min(self._to_lose, len(hits))
        if lose:
            hits = hits.take(slice(lose, None))
            self._to_lose, self._lost = self._to_lose - lose, self._lost + lose
        if not len(hits):
            return
        words = made.pixel_words(hits, self._setting_then, self.generation)
        if self._at_once:
            words, self._window = made.with_offsets(words, hits.window, self._window)
        out.append(words)
        self._sent += len(hits)
        self.hits += len(hits)
        if self._kept + len(hits) <= self._most:
            self._parts.append(hits)
            self._kept += len(hits)

    def _close(self, at: int, out: list[Words]) -> None:
        if not self._at_once:
            setting, seen = self._setting_then, Truth.merged(Truth.none(), *self._held)
            if setting.general.mode == Mode.EVENT_ITOT:
                noise = self._source.noise(at - self._opened, self._setting())
                self._send(made.counted(seen, setting, noise), out)
            else:
                self._send(made.first_of_each(seen, setting), out)
        out.append(made.closing(at >> 4, self._sent, self._lost))
        self._end(at, finished=True)
        self.number += 1
        self._next = at + GAP
        self.done = self.number == self.frames or bool(self._stop)

    def _end(self, at: int, *, finished: bool) -> None:
        self._open = False
        hits = Hits.concat(self._parts) if self._parts else made.timed(Truth.none(), self._setting_then)
        self._keep(
            Frame(
                self.number,
                self.data_driven,
                self._setting_then,
                self._opened,
                at,
                hits,
                self._lost,
                finished,
                self._sent,
            )
        )
