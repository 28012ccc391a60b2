"""One Channel Access channel: a value with its metadata, and the subscriptions to it.

It is a caproto ChannelData without the habits that surprise: metadata, alarm and time belong to the record
and are shared by its fields; an update is posted only to those who asked for its kind; limits are
judged elsewhere; a write never comes here, but goes to the put gate.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import caproto as ca
import numpy as np

from .value import Type, clipped, long_string, to_wire

EPICS_EPOCH_S = 631_152_000
"""1990-01-01 in Unix time."""

VALUE = ca.SubscriptionType.DBE_VALUE | ca.SubscriptionType.DBE_LOG
ALARM = ca.SubscriptionType.DBE_ALARM

BACKLOG = 4
"""Updates of one PV that wait for a client before the oldest goes: more shows a slow client more of the past
and keeps it further behind, fewer loses steps that follow each other fast."""

_LIMITS = (
    "upper_disp_limit",
    "lower_disp_limit",
    "upper_alarm_limit",
    "upper_warning_limit",
    "lower_warning_limit",
    "lower_alarm_limit",
    "upper_ctrl_limit",
    "lower_ctrl_limit",
)


@dataclass(frozen=True, slots=True)
class Meta:
    """What DBR_GR and DBR_CTRL say; NaN in a limit means that there is none."""

    unit: str = ""
    precision: int = 0
    choices: tuple[str, ...] = ()
    limits: tuple[float, ...] = (0.0,) * 8
    """In the order of `_LIMITS`."""


@dataclass(slots=True)
class State:
    """What a record's fields share: alarm and time."""

    severity: int = 3
    alarm: int = 17
    message: str = ""
    time_ns: int = 0
    """Unix time; 0 is not known."""
    acknowledge: int = 0
    """The highest severity that nobody has acknowledged."""

    def stamp(self) -> ca.TimeStamp:
        """Return the time to the nanosecond (a float of Unix seconds loses the last two digits)."""
        seconds, nanoseconds = divmod(self.time_ns, 1_000_000_000)
        return ca.TimeStamp(max(seconds - EPICS_EPOCH_S, 0), nanoseconds)


@lru_cache(maxsize=4096)
def _bounds(meta: Meta, native: ca.ChannelType) -> tuple[tuple[str, Any], ...]:
    """Give limits in the type of the value; integers have no NaN, so no limit is 0 there, as in EPICS."""
    if native in (Type.DOUBLE, Type.FLOAT):
        return tuple(zip(_LIMITS, meta.limits, strict=True))
    whole = to_wire(np.array(meta.limits), native).tolist()
    return tuple(zip(_LIMITS, whole, strict=True))


def metadata(wanted: ca.ChannelType, meta: Meta, state: State) -> Any:
    """Fill caproto's structure for a DBR type; b"" for the plain ones."""
    if wanted < Type.STS_STRING:
        return b""
    filled = ca.DBR_TYPES[wanted]()
    filled.status, filled.severity = state.alarm, state.severity
    if Type.TIME_STRING <= wanted <= Type.TIME_DOUBLE:
        filled.stamp = state.stamp()
    elif wanted >= Type.GR_STRING:
        if hasattr(filled, "units"):
            filled.units = clipped(meta.unit, 7)  # 8 bytes with the end, EGU has 16
        if hasattr(filled, "precision"):
            filled.precision = meta.precision
        if wanted in (Type.GR_ENUM, Type.CTRL_ENUM):
            filled.enum_strings = [clipped(choice, 25) for choice in meta.choices[:16]]
        elif ca.native_type(wanted) is not Type.STRING:
            for name, value in _bounds(meta, ca.native_type(wanted)):
                if hasattr(filled, name):
                    setattr(filled, name, value)
    return filled


class Channel(ca.ChannelData):
    """A value under a name. `value` is a number, a text, the index of a state, or a 1-d array."""

    def __init__(
        self,
        name: str,
        native: ca.ChannelType,
        value: Any,
        *,
        rtype: str,
        meta: Meta,
        state: State,
        nelm: int = 1,
        text_bytes: int = 0,
        backlog: int = BACKLOG,
        rights: Callable[[Any], ca.AccessRights] = lambda client: ca.AccessRights.READ,
    ) -> None:
        self.data_type = native
        super().__init__(
            value=0, max_length=nelm, reported_record_type=rtype, max_subscription_backlog=backlog
        )
        self.name = name
        self.content = value
        self.meta = meta
        self.state = state
        self.text_bytes = text_bytes
        self.rights = rights
        self.family: Any = self
        """What is set together: reads wait for puts to any channel of the same family."""
        self.flag = False  # its clients wait for its changes: see Outbox
        self._wanted: dict[str, tuple[Any, set[Any]]] = {}
        """DBR type by name -> it and the specifications of subscriptions; one may have many clients."""
        self._queue: Any = None

    @property
    def is_text(self) -> bool:
        """True when it can be opened with `$`."""
        return self.data_type in (Type.STRING, Type.CHAR)

    @property
    def long_string_max_length(self) -> int:
        """Elements of the channel when opened with `$`."""
        return self.text_bytes

    @property
    def length(self) -> int:
        """Elements now."""
        return len(self.content) if isinstance(self.content, np.ndarray) else 1

    def check_access(self, hostname: Any, username: str) -> ca.AccessRights:
        """Say what a client may do; `hostname` is the circuit's Client."""
        return self.rights(hostname)

    async def _read(self, data_type: Any) -> tuple[Any, Any]:
        return self.converted(data_type)

    def converted(self, data_type: Any) -> tuple[Any, Any]:
        """Give (metadata, values) in a DBR type; raises ValueError when the value cannot be that."""
        if data_type == Type.CLASS_NAME:
            return ca.DBR_TYPES[data_type](value=self.reported_record_type.encode()), b""
        if data_type == Type.STSACK_STRING:
            text = self._converted(Type.STRING)
            return ca.DBR_TYPES[data_type](
                status=self.state.alarm,
                severity=self.state.severity,
                ackt=1,
                acks=self.state.acknowledge,
                value=text[0] if text else b"",
            ), b""
        wire = Type(int(data_type))
        native = ca.native_type(wire)
        if "LONG_STRING" in data_type.name:  # opened with $ and read as CHAR
            values: Any = long_string(str(self.content), self.text_bytes)
        else:
            values = self._converted(native)
        return metadata(wire, self.meta, self.state), values

    def _converted(self, native: ca.ChannelType) -> Any:
        return to_wire(self.content, native, choices=self.meta.choices, precision=self.meta.precision)

    async def subscribe(self, queue: Any, sub_spec: Any, sub: Any) -> None:
        """Add a subscription and send it the value of now."""
        converted = self.converted(sub.data_type)
        self._queue = queue
        _, specs = self._wanted.setdefault(sub_spec.data_type_name, (sub.data_type, set()))
        specs.add(sub_spec)
        queue.send((sub_spec,), *converted, sub)

    async def unsubscribe(self, queue: Any, sub_spec: Any) -> None:
        """Forget a specification that has no subscriber left."""
        _, specs = self._wanted.get(sub_spec.data_type_name, (None, set()))
        specs.discard(sub_spec)
        if not specs:
            self._wanted.pop(sub_spec.data_type_name, None)

    def post(self, flags: ca.SubscriptionType) -> None:
        """Send the value to those who asked for one of these kinds of change; one conversion per DBR type."""
        for data_type, specs in tuple(self._wanted.values()):
            wanted = tuple(spec for spec in specs if spec.mask & flags)
            if wanted:
                self._queue.send(wanted, *self.converted(data_type))
