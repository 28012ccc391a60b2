"""A motor record as an ophyd device that does not lose the end of a move."""

from typing import Any

from ophyd import EpicsMotor


class Motor(EpicsMotor):
    """`ophyd.EpicsMotor` without a race of ophyd 1.11 and before.

    The stock class tells those that wait that a move is over, from another thread, and forgets them then.
    A plan that begins its next move in between waits with those that are forgotten: forever. Here they are
    forgotten first. Everything else is the stock class's.
    """

    def _done_moving(
        self, success: bool = True, timestamp: float | None = None, value: Any = None, **kwargs: Any
    ) -> None:
        if success:
            self._run_subs(sub_type=self.SUB_DONE, timestamp=timestamp, value=value)
        waiting = list(self._callbacks[self._SUB_REQ_DONE].values())
        self._reset_sub(self._SUB_REQ_DONE)
        for tell in waiting:
            tell(success=success, timestamp=timestamp, sub_type=self._SUB_REQ_DONE, obj=self)
