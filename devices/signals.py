"""The kinds of signals that the devices are made of: typed, described, and read over the network.

A `get` always asks the server, never a monitor's cache: the face promises that after somebody has seen an
exposure, a get returns results of that exposure or newer; of caches nobody promises anything.

Channel Access has no 64-bit integers, so whole numbers come as doubles and are made integers again here. A
number that is INVALID is unknown: a `Number` then reads NaN, never a stale value or 0.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from ophyd.signal import EpicsSignalBase, EpicsSignalRO
from ophyd.utils.epics_pvs import AlarmSeverity, AlarmStatus, waveform_to_string

from .unsent import forget_unsent

CONNECT_S = 20.0
"""A read waits this long for a server that is away, so that a plan outlives the restart of a face.

libca itself lets a broken channel rest for up to 10 s before it searches again.
"""
ANSWER_S = 2.0
"""A connected server answers a get in this time or is taken as away."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One value from the network, with its quality."""

    value: Any
    timestamp: float
    severity: AlarmSeverity
    undefined: bool = False
    """True when there is no value yet, as before the first set of what an instrument does not tell."""

    @property
    def valid(self) -> bool:
        """False when the value is unknown or stale."""
        return self.severity is not AlarmSeverity.INVALID

    def __str__(self) -> str:
        return f"{self.value!r}" if self.valid else f"{self.value!r} (INVALID)"


class Typed(EpicsSignalBase):
    """A signal whose type is known before it is read."""

    DTYPE = "number"
    NUMPY = "<f8"
    COUNT: int | None = None
    """Elements to ask for; 0: all there are. With None pyepics asks for as many as its last event had."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("connection_timeout", CONNECT_S)
        kwargs.setdefault("timeout", ANSWER_S)
        self.drops = 0
        super().__init__(*args, **kwargs)
        self.subscribe(self._count_drop, event_type=self.SUB_META, run=False)

    def _count_drop(self, *, connected: bool = True, **kwargs: Any) -> None:
        if not connected:
            self.drops += 1

    def sample(self, connect_s: float | None = None) -> Sample:
        """Ask the server. Raises TimeoutError naming the PV when it is away or does not answer."""
        connect_s = self.connection_timeout if connect_s is None else connect_s
        try:
            self.wait_for_connection(timeout=connect_s)
            info = self._read_pv.get_with_metadata(
                count=self.COUNT, as_string=self._string, form="time", timeout=self.timeout, use_monitor=False
            )
        except Exception as error:  # each control layer has exceptions of its own for a server that is away
            forget_unsent(self.pvname)
            raise TimeoutError(f"{self.pvname}: no answer ({error}); is the station up?") from error
        if info is None or info.get("value") is None:
            link = "connected, but" if self._read_pv.connected else "connection lost,"
            raise TimeoutError(f"{self.pvname}: {link} no value within {self.timeout:g} s")
        severity = AlarmSeverity(info["severity"] or 0)
        value = waveform_to_string(info["value"]) if self._string else info["value"]
        undefined = info.get("status") == AlarmStatus.UDF
        return Sample(self.typed(value, severity), info["timestamp"] or 0.0, severity, undefined)

    def typed(self, value: Any, severity: AlarmSeverity) -> Any:
        """Give the value in the type that `describe` promises."""
        return float("nan") if severity is AlarmSeverity.INVALID else float(value)

    def get(self, **kwargs: Any) -> Any:
        """Ask the server and return the typed value; keywords of ophyd are taken and do nothing."""
        return self.sample(kwargs.get("connection_timeout")).value

    def read(self) -> dict[str, dict[str, Any]]:
        """Reading of one network get, with the backend's time stamp."""
        sample = self.sample()
        return {self.name: {"value": sample.value, "timestamp": sample.timestamp}}

    def describe(self) -> dict[str, dict[str, Any]]:
        """Data key with source, dtype, dtype_numpy, shape, and units, precision, limits of the record."""
        self.wait_for_connection()
        key: dict[str, Any] = {"source": self.source_name, "dtype": self.DTYPE, "shape": self.shape()}
        if self.NUMPY:
            key["dtype_numpy"] = self.NUMPY
        if self.DTYPE in ("number", "integer", "array"):
            key["units"] = self.metadata["units"] or ""
        if self.DTYPE == "number" and self.precision is not None:
            key["precision"] = self.precision
        low, high = self.limits
        if low is not None and high is not None and low < high:
            key["limits"] = {"control": {"low": float(low), "high": float(high)}}
        if self.enum_strs:
            key["choices"] = [str(choice) for choice in self.enum_strs]
        return {self.name: key}

    def shape(self) -> list[int]:
        """Shape of the value."""
        return []


class Number(EpicsSignalRO, Typed):
    """A float, NaN while INVALID."""


class Count(EpicsSignalRO, Typed):
    """A whole number; while INVALID it is the last known one, which no trigger accepts."""

    DTYPE, NUMPY = "integer", "<i8"

    def typed(self, value: Any, severity: AlarmSeverity) -> int:
        """Make an integer of CA's double, exact below 2^53."""
        return int(value)


LONG = ".VAL$"
"""Asks for a text as an array of characters; without it Channel Access cuts it at 40 bytes."""


class Choice(EpicsSignalRO, Typed):
    """The text of an enum's choice."""

    DTYPE, NUMPY = "string", ""

    def __init__(self, read_pv: str, **kwargs: Any) -> None:
        super().__init__(read_pv, string=True, **kwargs)

    def typed(self, value: Any, severity: AlarmSeverity) -> str:
        """Strip what is left of a buffer of fixed size."""
        return str(value).rstrip("\0")


class Text(Choice):
    """A text of any length."""

    COUNT = 0

    def __init__(self, read_pv: str, **kwargs: Any) -> None:
        super().__init__(read_pv + LONG, **kwargs)


class Flag(Count):
    """A yes or no, as 1 or 0."""

    DTYPE, NUMPY = "integer", "<i8"


class Array(EpicsSignalRO, Typed):
    """An array of the given shape, row-major, as the worker publishes it.

    `shape` is the largest shape; what came is given in it when complete, else flat.
    """

    DTYPE = "array"

    def __init__(
        self, read_pv: str, *, full_shape: tuple[int, ...] = (), dtype: str = "<i4", **kwargs: Any
    ) -> None:
        self._full_shape = full_shape
        self.NUMPY = dtype
        super().__init__(read_pv, **kwargs)

    def shape(self) -> list[int]:
        """Shape as declared."""
        return list(self._full_shape)

    def typed(self, value: Any, severity: AlarmSeverity) -> np.ndarray:
        """Give a fresh array in the declared dtype, and shape if all elements came."""
        return shaped(value, self.NUMPY, self._full_shape)


def shaped(value: Any, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    """Make a fresh array of what came, in this dtype, and in this shape if it is complete."""
    array = np.atleast_1d(np.asarray(value)).astype(dtype)
    return array.reshape(shape) if array.size == int(np.prod(shape)) else array
