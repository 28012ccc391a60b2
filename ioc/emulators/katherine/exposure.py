"""An acquisition of an emulated Katherine in a thread of its own, at the pace of the clock."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np
from hitline.bus.formats.packets import Words

from .chip import ns_of
from .faults import Faults
from .frames import Acquisition
from .knobs import Knobs

SLICE_S = 0.02
"""Hits are made and sent for so much time at once."""
BURST = 16
"""Datagrams sent at once: the default receive buffer of a client holds some ninety."""

Send = Callable[[list[bytes]], None]


class Exposure(ABC):
    """Runs until all was sent or `kill` is called."""

    behind_ms = 0.0
    """How late the data are made."""

    def __init__(self) -> None:
        self._wake, self._killed = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self.run, name="katherine-data", daemon=True)

    @abstractmethod
    def run(self) -> None:
        """Send everything; in the thread."""

    @abstractmethod
    def stop(self, how: str) -> None:
        """End it as `Knobs.on_stop` says."""

    @abstractmethod
    def trigger(self, at: int, channel: int, falling: bool) -> None:
        """Give an edge on an input, at a time of the chip's timer in ticks."""

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    @property
    def running(self) -> bool:
        """Whether words are still to come."""
        return self._thread.is_alive()

    def kill(self) -> None:
        """End it without another word, and wait for that."""
        self._killed.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()


class InTime(Exposure):
    """Makes the hits of the world as their time comes."""

    def __init__(
        self, acquisition: Acquisition, timer: Callable[[], int], faults: Faults, knobs: Knobs, send: Send
    ) -> None:
        super().__init__()
        self._acquisition, self._timer = acquisition, timer
        self._faults, self._knobs, self._send = faults, knobs, send

    def run(self) -> None:
        """See `Exposure`; what could not be made in time is made later, and the end is as late."""
        acquisition, knobs = self._acquisition, self._knobs
        while not self._killed.is_set() and not acquisition.done:
            if knobs.stall:
                self._wait()
                continue
            self._deliver(acquisition.advance(self._timer() - int(knobs.late_ms * 640_000)))
            self.behind_ms = ns_of(acquisition.behind) / 1e6
            if not acquisition.behind:
                self._wait()
        if not self._killed.is_set():
            self._send(self._faults.rest())

    def stop(self, how: str) -> None:
        """See `Exposure`."""
        self._acquisition.stop(how)
        self._wake.set()

    def trigger(self, at: int, channel: int, falling: bool) -> None:
        """See `Exposure`."""
        self._acquisition.trigger(at, channel, falling)
        self._wake.set()

    def _wait(self) -> None:
        self._wake.wait(SLICE_S)
        self._wake.clear()

    def _deliver(self, words: list[Words]) -> None:
        """Send in bursts, spread over half of the slice."""
        datagrams = self._faults.data(np.concatenate(words)) if words else []
        pause = SLICE_S / 2 * BURST / max(len(datagrams), 1)
        for at in range(0, len(datagrams), BURST):
            if at and self._killed.wait(pause):
                return
            self._send(datagrams[at : at + BURST])
