"""An acquisition in a thread of its own, at the pace of the clock."""

import threading
from collections.abc import Callable

import numpy as np
from hitline.bus.formats.packets import Words

from .katherine_chip import ns_of
from .katherine_faults import Faults
from .katherine_frames import Acquisition
from .katherine_knobs import Knobs

SLICE_S = 0.01
"""Hits are made and sent for so much time at once."""
BURST = 16
"""Datagrams sent at once: the default receive buffer of a client holds some ninety."""
IDLE_S = 0.05
"""Longest wait for something that may not come, such as a trigger."""


class Exposure:
    """Runs one acquisition until it is done or `kill` is called."""

    def __init__(
        self,
        acquisition: Acquisition,
        timer: Callable[[], int],
        faults: Faults,
        knobs: Knobs,
        send: Callable[[list[bytes]], None],
    ) -> None:
        self.acquisition = acquisition
        self.behind_ms = 0.0
        self._timer, self._faults, self._knobs, self._send = timer, faults, knobs, send
        self._wake, self._killed = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="katherine-data", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    @property
    def running(self) -> bool:
        """Words are still to come."""
        return self._thread.is_alive()

    def wake(self) -> None:
        """Look at once what there is to do."""
        self._wake.set()

    def kill(self) -> None:
        """End it without another word, and wait for that."""
        self._killed.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        acquisition, knobs = self.acquisition, self._knobs
        while not self._killed.is_set() and not acquisition.done:
            if not knobs.stall:
                late = int(knobs.late_ms * 640_000)
                words = acquisition.advance(self._timer() - late)
                self._deliver(words)
                self.behind_ms = ns_of(acquisition.behind) / 1e6
            if acquisition.behind == 0 or knobs.stall:
                self._wake.wait(SLICE_S)
                self._wake.clear()
        if not self._killed.is_set():
            self._send(self._faults.rest())

    def _deliver(self, words: list[Words]) -> None:
        """Send in bursts, spread over part of the slice."""
        datagrams = self._faults.data(np.concatenate(words)) if words else []
        pause = SLICE_S / 2 * BURST / len(datagrams) if len(datagrams) > BURST else 0.0
        for at in range(0, len(datagrams), BURST):
            if at and self._killed.wait(pause):
                return
            self._send(datagrams[at : at + BURST])
