"""One record as channels: its value under its name and aliases, its fields as `NAME.FIELD`, made on demand.

What does not fit is said in `error`, and the record is served all the same, INVALID.
"""

import asyncio
import math
from collections.abc import Callable
from typing import Any

import caproto as ca
import numpy as np
from hitline.bus.attribute import Severity, Update
from hitline.db.records import Record
from hitline.db.supported import STATES
from hitline.ioc.faces.severity import Verdict, judge, rules, worse

from .channel import ALARM, VALUE, Channel, Meta, State
from .fields import STATE_FIELDS, VALUE_FIELDS, WIRE, Field, fields

ELEMENT = {
    "CHAR": "i1",
    "UCHAR": "u1",
    "SHORT": "i2",
    "USHORT": "u2",
    "LONG": "i4",
    "ULONG": "u4",
    "INT64": "i8",
    "UINT64": "u8",
    "FLOAT": "f4",
    "DOUBLE": "f8",
}
"""FTVL -> numpy type."""

BIG_BYTES = 1 << 16
"""An array of more bytes than this is an image."""

IMAGE_PERIOD_S = 0.05
"""Shortest time between two updates of an image to its subscribers: shorter loads the IOC and the network
(20 Hz of 512 x 512 are 21 MB/s to each client), longer is less lively. A read always gets the newest."""

Rights = Callable[[Any], ca.AccessRights]


class RecordChannel(Channel):
    """The VAL of a record."""

    def __init__(self, record: Record, rights: Rights, field_rights: Rights) -> None:
        self.record = record
        self.field_rights = field_rights
        self.table = fields(record.rtype)
        self.error = ""
        """Why it does not fit; empty when it does."""
        self.rules = self._tried(lambda: rules(record.rtype, record.fields), rules(record.rtype, {}))
        self.verdict = Verdict(Severity.INVALID)
        kind = self.text("FTVL") if record.rtype == "waveform" else self.table["VAL"].kind
        super().__init__(
            record.name,
            WIRE.get(kind, ca.ChannelType.DOUBLE),
            self._empty(kind),
            rtype=record.rtype,
            meta=self._meta(),
            state=State(),
            nelm=self._whole("NELM") if record.rtype == "waveform" else 1,
            text_bytes=self._whole("SIZV") if "SIZV" in self.table else 40,
            rights=rights,
        )
        self._fields: dict[str, Channel] = {"VAL": self}
        self._timer: asyncio.TimerHandle | None = None
        self._due = ca.SubscriptionType(0)
        self._next_s = 0.0
        if self.big:
            self.max_subscription_backlog = 1

    # -- what the record says

    def text(self, name: str) -> str:
        """Return a field as it stands in the .db file, or its default."""
        if name == "NAME":
            return self.record.name
        if name == "RTYP":
            return self.record.rtype
        value = self.record.fields.get(name, self.table[name].default)
        field = self.table[name]
        return field.choices[0] if field.choices and not value else value

    def number(self, name: str) -> Any:
        """Return a field as a number (or index of a menu); its default when it is none."""
        field = self.table[name]
        return self._tried(lambda: field.read(self.text(name)), field.read(field.default))

    def _tried(self, read: Callable[[], Any], otherwise: Any) -> Any:
        try:
            return read()
        except (ValueError, OverflowError) as error:
            self.error = self.error or str(error)
            return otherwise

    def _whole(self, name: str) -> int:
        return max(int(self.number(name)), 1)

    def _meta(self) -> Meta:
        table = self.table
        unit = self.text("EGU") if "EGU" in table else ""
        precision = int(self.number("PREC")) if "PREC" in table else 0
        if "HOPR" not in table:
            return Meta(unit, precision, self._choices())
        show = (self.number("HOPR"), self.number("LOPR"))
        drive = (self.number("DRVH"), self.number("DRVL")) if "DRVH" in table else show
        alarm = [
            self.number(limit) if "HIHI" in table and self.number(severity) else math.nan
            for limit, severity in (("HIHI", "HHSV"), ("HIGH", "HSV"), ("LOW", "LSV"), ("LOLO", "LLSV"))
        ]
        return Meta(unit, precision, (), tuple(map(float, (*show, *alarm, *drive))))

    def _choices(self) -> tuple[str, ...]:
        if "ZNAM" in self.table:
            zero, one = self.text("ZNAM"), self.text("ONAM")
            return (zero, one) if one or not zero else (zero,)
        if "ZRST" in self.table:
            texts = [self.text(f"{state}ST") for state in STATES]
            while texts and not texts[-1]:
                texts.pop()
            return tuple(texts)
        return ()

    def _empty(self, kind: str) -> Any:
        if self.record.rtype == "waveform":
            return np.empty(0, ELEMENT.get(kind, "f8"))
        return "" if kind == "STRING" else 0.0 if kind == "DOUBLE" else 0

    @property
    def big(self) -> bool:
        """True for an image."""
        return (
            self.record.rtype == "waveform"
            and self.max_length * np.dtype(self.content.dtype).itemsize > BIG_BYTES
        )

    @property
    def drive(self) -> tuple[float, float] | None:
        """Smallest and largest value that a client may write; None when the record gives no pair."""
        if "DRVH" not in self.table:
            return None
        low, high = self.number("DRVL"), self.number("DRVH")
        return (low, high) if low < high else None

    # -- what it shows

    def show(self, value: Any, update: Update) -> None:
        """Show `value` (None: keep the last) with the worse of the severity of `update` and by the limits."""
        known = value is not None
        old, state = self.content, self.state
        if known:
            self.content = value
        judged = None if not known else value if not isinstance(value, str | np.ndarray) else 0
        self.verdict = worse(update, judge(self.rules, judged, self.verdict.held) if known else Verdict())
        before = (state.severity, state.alarm, state.message)
        state.severity, state.alarm = int(self.verdict.severity), int(self.verdict.alarm)
        state.message, state.time_ns = update.status, update.time_ns or state.time_ns
        state.acknowledge = max(state.acknowledge, state.severity)
        flags = ca.SubscriptionType(0)
        if (state.severity, state.alarm, state.message) != before:
            flags |= ALARM
        if known and (isinstance(value, np.ndarray) or value != old):
            flags |= VALUE
        if flags:
            self._post_in_time(flags)
            self._post_fields()

    def repeat(self) -> None:
        """Send the value to all subscribers as if it had changed."""
        self.post(VALUE | ALARM)

    def _post_in_time(self, flags: ca.SubscriptionType) -> None:
        if not self.big:
            self.post(flags)
            return
        self._due |= flags
        loop = asyncio.get_running_loop()
        if loop.time() >= self._next_s:
            self._post_due()
        elif self._timer is None:
            self._timer = loop.call_at(self._next_s, self._post_due)

    def _post_due(self) -> None:
        flags, self._due, self._timer = self._due, ca.SubscriptionType(0), None
        self._next_s = asyncio.get_running_loop().time() + IMAGE_PERIOD_S
        self.post(flags)

    # -- its fields

    def field(self, name: str) -> Channel | None:
        """Return the channel of a field, or None when records of this type have none of that name."""
        if name in self._fields:
            return self._fields[name]
        if name not in self.table:
            return None
        made = self._fields[name] = self._make(name, self.table[name])
        return made

    def _make(self, name: str, field: Field) -> Channel:
        # records without PREC write 6 digits, as EPICS does where nobody says how many
        precision = self.meta.precision if "PREC" in self.table else 2 if name == "HIGH" else 6
        meta = Meta(self.meta.unit, precision, field.choices)
        if name in VALUE_FIELDS and field.native is self.data_type:
            meta = self.meta
        value = self._state_of(name) if name in STATE_FIELDS else self._tried_number(name, field)
        size = self.text_bytes if name in VALUE_FIELDS else field.size
        return Channel(
            f"{self.name}.{name}",
            field.native,
            value,
            rtype=self.record.rtype,
            meta=meta,
            state=self.state,
            text_bytes=size,
            rights=self.field_rights,
        )

    def _tried_number(self, name: str, field: Field) -> Any:
        if name == "ASG":
            return self.text(name) or "DEFAULT"
        return self.text(name) if field.native is ca.ChannelType.STRING else self.number(name)

    def _state_of(self, name: str) -> Any:
        state = self.state
        if name in VALUE_FIELDS:
            return self.content
        return {
            "STAT": state.alarm,
            "SEVR": state.severity,
            "AMSG": state.message,
            "UDF": int(state.alarm == 17),
            "ACKS": state.acknowledge,
            "NORD": self.length,
            "LEN": self._text_length(),
        }[name]

    def _text_length(self) -> int:
        return len(self.content.encode()) + 1 if isinstance(self.content, str) and self.content else 0

    def _post_fields(self) -> None:
        for name, channel in self._fields.items():
            if name in STATE_FIELDS and (value := self._state_of(name)) != channel.content:
                channel.content = value
                channel.post(VALUE)
