"""An event loop whose time passes when nothing else happens: hours in seconds, over real sockets."""

import asyncio
import os
import selectors
from collections.abc import Coroutine
from typing import Any

LOOKS = 3
"""At the sockets before time passes; what was sent on loopback is there at once."""


class _Selector(selectors.DefaultSelector):
    ahead_s = 0.0

    def select(self, timeout: float | None = None) -> Any:
        """What is ready; when nothing is, the time has come that was waited for."""
        for _ in range(LOOKS):
            ready = super().select(0)
            if ready or timeout == 0:
                return ready
            os.sched_yield()
        if timeout is None:
            return super().select(None)
        self.ahead_s += timeout
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """Its `time` is virtual. Threads that are waited for need real time, which passes as well."""

    def __init__(self) -> None:
        self._virtual = _Selector()
        super().__init__(self._virtual)

    def time(self) -> float:
        """Virtual time."""
        return 1000.0 + self._virtual.ahead_s


def run(main: Coroutine[Any, Any, Any]) -> Any:
    """As asyncio.run."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
