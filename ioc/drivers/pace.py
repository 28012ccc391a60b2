"""When recorded words are due: at the time of the data itself, a multiple of it, or at once."""

import threading
import time
from collections.abc import Callable

LONGEST_S = 0.05
"""A waiting source looks at its halt flag and at a change of speed this often."""


def speed_factor(text: str) -> float:
    """Return how much faster than recorded; infinity for "flat". ValueError says what is allowed."""
    if text == "recorded":
        return 1.0
    if text == "flat":
        return float("inf")
    try:
        factor = float(text)
    except ValueError:
        factor = 0.0
    if not 0 < factor < float("inf"):
        raise ValueError(f"{text!r} is no speed: recorded, flat, or a multiple above 0 such as 10 or 0.5")
    return factor


class Pace:
    """Holds up one slice so that it takes the time that it took; the speed may change on the way."""

    def __init__(
        self,
        mono_ns: Callable[[], int] = time.monotonic_ns,
        wait: Callable[[threading.Event, float], bool] = threading.Event.wait,
    ) -> None:
        self._mono_ns, self._wait = mono_ns, wait
        self._due_ns = 0.0
        self._time_ns: int | None = None

    def begin(self) -> None:
        """A slice begins: its first word is due now."""
        self._time_ns = None

    def until(self, time_ns: int, speed: Callable[[], float], halt: threading.Event) -> bool:
        """Wait until the words of this detector time are due; False when halted."""
        now_ns = self._mono_ns()
        if self._time_ns is None:
            self._due_ns, self._time_ns = now_ns, time_ns
        left_ns = float(max(0, time_ns - self._time_ns))
        self._time_ns = max(self._time_ns, time_ns)
        while left_ns > 0 and not halt.is_set():
            factor = speed()
            if factor == float("inf"):
                self._due_ns = self._mono_ns()
                break
            step_ns = min(left_ns, LONGEST_S * 1e9 * factor)
            self._due_ns += step_ns / factor
            left_ns -= step_ns
            behind_ns = self._due_ns - self._mono_ns()
            if behind_ns > 0:
                self._wait(halt, behind_ns / 1e9)
        return not halt.is_set()
