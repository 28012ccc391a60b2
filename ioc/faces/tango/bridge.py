"""Between the event loop of the bus and Tango's threads: requests one way, events the other.

A Tango thread asks and waits for the loop. The loop never waits for Tango: what is to be shown is noted and
pushed by a thread of its own, the newest value of each attribute only. That thread holds the monitor of the
admin device, by which clients subscribe and devices are made anew: neither happens while something is pushed.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, NoReturn, TypeVar

from hitline.bus.attribute import Refused
from tango import AutoTangoMonitor, EnsureOmniThread, Except, Util

T = TypeVar("T")

ANSWER_S = 2.5
"""Longest wait for the loop; a Tango client gives up after 3 s, the bus answers within 2 s."""

log = logging.getLogger("hitline.tango")


class Bridge:
    """One per process; made on the running loop."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._work: dict[Hashable, Callable[[], None]] = {}
        self._news = threading.Condition()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="tango events")

    def start(self) -> None:
        """Begin to push; Tango's server is up."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread; blocks until it has ended."""
        with self._news:
            self._stopped = True
            self._news.notify()
        if self._thread.ident is not None:
            self._thread.join()

    def later(self, key: Hashable, work: Callable[[], None]) -> None:
        """Do `work` in the pushing thread, in place of older work of the same key that still waits."""
        with self._news:
            self._work[key] = work
            self._news.notify()

    def ask(self, work: Coroutine[Any, Any, T], origin: str) -> T:
        """Run `work` on the loop and wait, in a Tango thread; a refusal becomes DevFailed."""
        future = asyncio.run_coroutine_threadsafe(work, self.loop)
        try:
            return future.result(ANSWER_S)
        except Refused as refused:
            refuse(refused, origin)
        except TimeoutError:
            future.cancel()
            refuse(Refused("late", "no answer in time, outcome unknown: read back"), origin)

    def _run(self) -> None:
        with EnsureOmniThread():
            while True:
                with self._news:
                    while not self._work and not self._stopped:
                        self._news.wait()
                    if self._stopped:
                        return
                    work, self._work = self._work, {}
                for key, item in work.items():
                    try:
                        with AutoTangoMonitor(Util.instance().get_dserver_device()):
                            item()
                    except Exception as error:
                        log.warning("%s is not shown: %s", key, error)


def refuse(refused: Refused, origin: str) -> NoReturn:
    """Raise DevFailed with reason hitline.CODE and the text of the refusal."""
    Except.throw_exception(f"hitline.{refused.code}", refused.text, origin)
    raise AssertionError  # throw_exception does not return
