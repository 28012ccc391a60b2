"""An emulated Katherine at its full rate: a prepared stretch of hits, over and over, with advancing time.

To make hits takes longer than to send them, so what the chip sees does not change while it goes on: mask,
mode and clock are those of its beginning, thresholds, bias and pulses do not count. Data driven, with times.
"""

import threading
from collections.abc import Callable

import numpy as np
from hitline.bus.formats.katherine_words import WORD_BYTES, from_bytes, to_bytes
from hitline.bus.formats.packets import Words

from ..scene import TICKS_PER_S, Scene
from ..world.pixels import Truth
from . import words as made
from .chip import Setting
from .exposure import Exposure, Send
from .faults import Faults
from .frames import Frame
from .knobs import Knobs
from .loop import Loop

WINDOWS = 64
"""Stretch, in windows of 409.6 us: shorter ones show in spectra of time, longer ones cost memory."""
STALL_S = 0.01


def prepared(scene: Scene, setting: Setting, generation: int, begin: int) -> Words:
    """Pixels and offset words of one stretch; time counts from the window after `begin`, ticks."""
    window = setting.coarse_ticks << 14
    ticks = WINDOWS * (16 << 14)
    found = scene.hits(round(scene.rate_hz * ticks / TICKS_PER_S), start=0)
    # What drifts over the end would be in a window that the next turn has as well.
    on = (found.t < ticks - (16 << 4)) & (setting.pixels.mask[found.y, found.x] == 0) & (found.t >= 16 << 4)
    start = (begin // window + 1) * window
    truth = Truth(found.x[on], found.y[on], found.t[on] + start, found.tot[on], found.particle[on])
    hits = made.timed(truth, setting)
    return made.with_offsets(made.pixel_words(hits, setting, generation), hits.window, -1)[0]


class FullRate(Exposure):
    """Sends the stretch for the acquisition time of one frame."""

    def __init__(
        self,
        scene: Scene,
        setting: Setting,
        knobs: Knobs,
        faults: Faults,
        timer: Callable[[], int],
        send: Send,
        send_loop: Callable[[memoryview, int], int],
        *,
        generation: int,
        keep: Callable[[Frame], None],
    ) -> None:
        super().__init__()
        self._scene, self._setting, self._knobs, self._faults = scene, setting, knobs, faults
        self._timer, self._send, self._send_loop, self._keep = timer, send, send_loop, keep
        self._generation = generation
        self._over = threading.Event()
        self._how = "finish"
        self._hits = 0

    def stop(self, how: str) -> None:
        """See `Exposure`."""
        if how != "ignore":
            self._how = how
            self._over.set()

    def trigger(self, at: int, channel: int, falling: bool) -> None:
        """See `Exposure`; no input has an effect here."""

    def kill(self) -> None:
        """See `Exposure`."""
        self._over.set()
        super().kill()

    def run(self) -> None:
        """See `Exposure`."""
        opened = self._timer()
        words = prepared(self._scene, self._setting, self._generation, opened)
        seconds = self._setting.frame_ticks / TICKS_PER_S
        loop = Loop(
            to_bytes(words),
            seconds,
            windows=round(WINDOWS * 16 / self._setting.coarse_ticks),
            datagram_bytes=self._knobs.datagram_bytes,
            generation=self._generation,
        )
        self._datagram_bytes = loop.datagram_bytes
        self._send(self._faults.data(made.opening(opened >> 4)))
        sent = loop.run(self._over, self._part)
        if self._killed.is_set():
            return
        end = self._timer()
        aborted = self._over.is_set() and self._how == "aborted"
        last = made.aborted() if aborted else made.closing(end >> 4, sent.pixels, 0)
        self._send(self._faults.data(last) + self._faults.rest())
        none = made.timed(Truth.none(), self._setting)
        self._keep(Frame(0, True, self._setting, opened, end, none, 0, not aborted, sent.pixels))

    def _part(self, part: memoryview) -> int:
        while self._knobs.stall and not self._over.wait(STALL_S):
            pass
        if self._knobs.quiet:
            self._faults.count(np.frombuffer(part, np.uint8)[WORD_BYTES - 1 :: WORD_BYTES] >> np.uint8(4))
            return self._send_loop(part, self._datagram_bytes)
        datagrams = self._faults.data(from_bytes(part))
        self._send(datagrams)
        return len(datagrams)
