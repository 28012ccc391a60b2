"""The Status of every action: a thread of its own, a timeout, and text that says what was seen last."""

import threading
from collections.abc import Callable
from typing import Any

import ophyd
from ophyd.status import StatusBase

from .wait import Seen, Stopped

GRACE_S = 10.0
"""The thread gives up by itself; this much later the Status does, should a control layer hang."""


class Status(StatusBase):
    """The outcome of one action of a device.

    Its exception, when it fails, names the PV, what was wanted and the last value (`Missed` after a timeout,
    `Failed` when it cannot happen any more, `Stopped` after `stop()`).
    """

    def __init__(self, device: Any, what: str, timeout_s: float) -> None:
        self.device = device
        self.what = what
        self.seen: Seen | None = None
        self._watchers: list[Callable[..., None]] = []
        self._cancel = threading.Event()
        self._quietly = False
        super().__init__(timeout=timeout_s + GRACE_S)

    @classmethod
    def of(cls, device: Any, what: str, timeout_s: float, action: Callable[["Status"], Any]) -> "Status":
        """Start `action(status)` in a thread of the control layer; its end is that of the Status."""
        status = cls(device, what, timeout_s)
        # libca wants every thread attached to its context, which a plain Thread is not.
        ophyd.get_cl().thread_class(target=status._run, args=(action,), name=what, daemon=True).start()
        return status

    def _run(self, action: Callable[["Status"], Any]) -> None:
        try:
            action(self)
        except Stopped as error:
            if self._quietly:
                self.set_finished()
            else:
                self.set_exception(error)
        except Exception as error:
            self.set_exception(error)
        else:
            self.set_finished()

    def cancel(self, *, quietly: bool = False) -> None:
        """Ask the action to end with `Stopped`; quietly: nobody wants its result, so it is no failure."""
        self._quietly = quietly
        self._cancel.set()

    def cancelled(self) -> bool:
        """Say whether `cancel` was called."""
        return self._cancel.is_set()

    def note(self, seen: Seen) -> None:
        """Remember a look, for the text of a timeout."""
        self.seen = seen

    def watch(self, watcher: Callable[..., None]) -> None:
        """Have `watcher` called with progress (keywords as of bluesky's progress bars)."""
        self._watchers.append(watcher)

    def progress(self, elapsed_s: float, whole_s: float) -> None:
        """Tell the watchers how far it is."""
        left = max(0.0, 1 - elapsed_s / whole_s) if whole_s > 0 else 0.0
        for watcher in self._watchers:
            watcher(
                name=self.device.name,
                current=elapsed_s,
                initial=0,
                target=whole_s,
                unit="s",
                precision=1,
                fraction=left,
                time_elapsed=elapsed_s,
                time_remaining=left * whole_s,
            )

    def __str__(self) -> str:
        # Bluesky's FailedStatus shows nothing but this: a refusal with its next step belongs into it.
        failure = self.exception(0) if self.done and not self.success else None
        return f"{self.what} ({failure or self.seen or 'nothing seen yet'})"

    __repr__ = __str__
