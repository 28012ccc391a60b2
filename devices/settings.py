"""The signals that can be written: setpoints with a readback, and the records of commands."""

from typing import Any

import numpy as np
from ophyd.signal import EpicsSignal
from ophyd.utils import ReadOnlyError
from ophyd.utils.epics_pvs import AlarmSeverity

from .bell import Bell
from .signals import LONG, Typed, shaped
from .status import Status
from .wait import Failed, Put, Refusal, Seen, Verdict, drive, never

SET_S = 10.0
"""Default timeout of `set`."""
READBACK_S = 2.0
"""A readback may come this much later than the completion of its put."""


class Writes(EpicsSignal, Typed):
    """A setpoint `prefix` with its readback `prefix_RBV`.

    `set` is done when the readback shows the value and the put has completed, which is at the end of what it
    began. Where a circuit broke meanwhile, completion tells nothing: then `busy`, the name of the part of the
    same device that is 1 while the instrument is at work, must be 0. `longest_s`: default timeout of `set`.
    """

    FIELD = ""

    def __init__(
        self,
        prefix: str,
        *,
        readback: str | None = None,
        busy: str = "",
        longest_s: float = SET_S,
        **kwargs: Any,
    ) -> None:
        shown = prefix + "_RBV" if readback is None else readback
        super().__init__(shown + self.FIELD, write_pv=prefix + self.FIELD, **kwargs)
        self.bell = Bell()
        self.busy, self.longest_s = busy, longest_s

    def same(self, shown: Any, wanted: Any) -> bool:
        """Say whether the readback shows what was wanted, within the last digit of PREC."""
        tolerance = self.tolerance or 0.0
        return abs(float(shown) - float(wanted)) <= max(tolerance, 1e-6 * abs(float(wanted)))

    def put(self, value: Any, **kwargs: Any) -> None:
        """As of ophyd, with Python's own error when the server allows no writing."""
        try:
            super().put(value, **kwargs)
        except ReadOnlyError as error:
            raise PermissionError(f"no write access to {self.setpoint_pvname}") from error

    def arrived(self, put: Put) -> Seen:
        """Look whether the value of a put is shown, and nothing that it began goes on."""
        shown = self.sample(1.0)
        same = put.count > 0 and shown.valid and self.same(shown.value, put.value)
        known = shown.valid or shown.undefined
        verdict = Verdict.DONE if same else Verdict.UNTOUCHED if known else Verdict.UNSURE
        if same and not (self._idle() if put.lost else put.completed):
            verdict = Verdict.GOING
        return Seen(verdict, self.pvname, repr(put.value), str(shown))

    def _idle(self) -> bool:
        """Whether the instrument is known to be at rest."""
        flag = getattr(self.parent, self.busy, None) if self.busy else None
        if not isinstance(flag, Typed):
            return True
        shown = flag.sample(1.0)
        return shown.valid and not shown.value

    def set(self, value: Any, *, timeout: float | None = None, settle_time: float | None = None) -> Status:
        """Put, and be done when it has arrived; fails with the reason, or with PV, wanted and last value."""
        timeout_s = self.longest_s if timeout is None else timeout

        def action(status: Status) -> None:
            before = self._refusal(self.setpoint_pvname)
            put = Put(self, value, self.bell, self._refusal, confirm_s=READBACK_S)

            def look() -> Seen:
                completed, seen = put.completed, self.arrived(put)
                if completed and seen.verdict is not Verdict.GOING:
                    refusal = self._refusal(put.pv)
                    if refusal.text and refusal != before:
                        raise Failed(f"put of {value!r} to {put.pv} was refused ({refusal.text}); {seen}")
                return seen

            drive(look, self.bell, timeout_s, put=put, note=status.note, cancelled=status.cancelled)

        return Status.of(self, f"set {self.name} to {value!r}", timeout_s, action)

    def _refusal(self, pv: str) -> Refusal:
        return getattr(self.root, "refusal", never)(pv)


class NumberSetting(Writes):
    """A writable float."""


class FlagSetting(Writes):
    """A writable yes or no, as 1 or 0."""

    DTYPE, NUMPY = "integer", "<i8"

    def typed(self, value: Any, severity: AlarmSeverity) -> int:
        """As of Count."""
        return int(value)


class ChoiceSetting(Writes):
    """A writable enum, by the text of its choices."""

    DTYPE, NUMPY = "string", ""

    def __init__(self, prefix: str, **kwargs: Any) -> None:
        super().__init__(prefix, string=True, **kwargs)

    def typed(self, value: Any, severity: AlarmSeverity) -> str:
        """As of Choice."""
        return str(value).rstrip("\0")

    def same(self, shown: Any, wanted: Any) -> bool:
        """Texts are the same or not."""
        return shown == str(wanted)


class ArraySetting(Writes):
    """A writable array of one shape and dtype, row-major; `get` gives a fresh one."""

    DTYPE = "array"

    def __init__(
        self, prefix: str, *, full_shape: tuple[int, ...], dtype: str = "<i4", **kwargs: Any
    ) -> None:
        self._full_shape, self.NUMPY = full_shape, dtype
        super().__init__(prefix, **kwargs)

    def shape(self) -> list[int]:
        """Shape as declared."""
        return list(self._full_shape)

    def typed(self, value: Any, severity: AlarmSeverity) -> np.ndarray:
        """As of Array."""
        return shaped(value, self.NUMPY, self._full_shape)

    def put(self, value: Any, **kwargs: Any) -> None:
        """Put it flat; raises ValueError for another shape."""
        array = np.asarray(value)
        if array.shape != self._full_shape:
            raise ValueError(f"{self.name}: an array of {array.shape}; must be {self._full_shape}")
        super().put(array.ravel(), **kwargs)

    def same(self, shown: Any, wanted: Any) -> bool:
        """All elements."""
        return np.array_equal(shown, wanted)


class TextSetting(ChoiceSetting):
    """A writable text of any length."""

    FIELD = LONG
    COUNT = 0


def completed(signal: Writes, put: Put) -> Seen:
    """Look whether a command has been carried out: its record shows nothing of it, so completion must do."""
    verdict = (
        Verdict.UNTOUCHED
        if put.count == 0
        else Verdict.UNSURE
        if put.lost
        else (Verdict.DONE if put.completed else Verdict.GOING)
    )
    return Seen(
        verdict,
        signal.pvname,
        "completion",
        "lost with its circuit, outcome unknown" if put.lost else verdict.value,
    )


class Request(Writes):
    """The record of a command: put 1. `set` is done at its completion."""

    arrived = completed

    def __init__(self, prefix: str, **kwargs: Any) -> None:
        super().__init__(prefix, readback=prefix, **kwargs)


class TextRequest(TextSetting):
    """The record of a command that takes one argument as text. `set` is done at its completion."""

    arrived = completed

    def __init__(self, prefix: str, **kwargs: Any) -> None:
        super().__init__(prefix, readback=prefix, **kwargs)
