"""The motor record: each of its fields shows or sets one attribute of an axis.

The behaviour is the axis' own (`hitline.ioc.axis`); nothing is decided here. A field is a record by itself,
of a plain type, with the name `MOTOR.FIELD`; VAL goes by the bare name, too. What the axis refuses leaves the
field as it is and completes normally, as the record does: LVIO or the position tell.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from hitline.bus.attribute import Update
from hitline.db.binding import Binding
from hitline.db.generate import READBACK
from hitline.db.records import Record
from hitline.db.supported import STATES

from ..motor_fields import (
    DOUBLES,
    LIMITED,
    LONGS,
    MENUS,
    OF_RECORD,
    SHOWN_DOUBLES,
    SHOWN_LONGS,
    STEPS,
    TEXTS,
    pairs,
)  # fmt: skip
from .bound import Bound
from .channel import Channel
from .record import RecordChannel


def members(record: Record, instrument: str) -> dict[str, tuple[Record, Binding]]:
    """Give field -> (record, what it shows) of a motor record."""
    made: dict[str, tuple[Record, Binding]] = {}

    def add(field: str, rtype: str, target: str, more: dict[str, str], *, command: bool = False) -> None:
        shared = {"DESC": record.fields.get("DESC", ""), "ASG": record.fields.get("ASG", "")}
        if rtype in ("ai", "longin", "mbbi", "stringin"):
            shared["ASG"] = READBACK
        name = record.name if field == "VAL" else f"{record.name}.{field}"
        tied = {"hitline": f"{instrument} {target}{'()' if command else ''}"}
        member = Record(rtype, name, {**shared, **more}, tied, [], record.file, record.line)
        made[field] = member, Binding(instrument, target, command)

    unit = {"EGU": record.fields.get("EGU", ""), "PREC": record.fields.get("PREC", "4")}
    for rtype, text in (("ao", DOUBLES), ("ai", SHOWN_DOUBLES)):
        for field, target in pairs(text):
            add(field, rtype, target, {**unit, "PREC": "9"} if field in STEPS else unit)
    for rtype, text in (("longout", LONGS), ("longin", SHOWN_LONGS)):
        for field, target in pairs(text):
            add(field, rtype, target, {})
    for field, (target, choices) in MENUS.items():
        add(field, "mbbo", target, {f"{state}ST": word for state, word in zip(STATES, choices, strict=False)})
    add("TDIR", "mbbi", "travel_direction", {"ZRST": "0", "ONST": "1"})
    for field, target in TEXTS.items():
        add(field, "stringin", target, {})
    add("PREC", "longin", "precision", {})
    add("STOP", "longout", "stop", {}, command=True)  # a short in the record
    return made


@dataclass(slots=True)
class MotorBound(Bound):
    """A field and what it shows; VAL and RBV also have the limits."""

    limited: bool = False

    @property
    def quiet(self) -> bool:
        """Refused puts complete normally, as those of the record do."""
        return True

    @property
    def momentary(self) -> bool:
        """STOP reads 0, whatever moves."""
        return True

    def fit(self, tables: Any) -> str:
        """Say why it does not fit its axis."""
        known = tables.commands if self.binding.is_command else tables.attributes
        return "" if self.target in known else f"{self.source.name} has no {self.target}"

    def watched(self) -> set[str]:
        """With the limits."""
        # Not `super()`: a dataclass with slots is made anew, and its zero-argument form does not find it.
        return Bound.watched(self) | ({"high", "low", "unit", "precision"} if self.limited else set())

    def show(self, name: str, update: Update) -> None:
        """Show an update, or take limits and unit over."""
        if not self.limited or name == self.target:
            Bound.show(self, name, update)
            return
        meta, value = self.channel.meta, update.value
        if value is None:
            return
        if name == "unit":
            self.channel.meta = replace(meta, unit=str(value))
        elif name == "precision":
            self.channel.meta = replace(meta, precision=int(value))
        elif name in ("high", "low"):
            limits = list(meta.limits)
            for place in (0, 6) if name == "high" else (1, 7):
                limits[place] = float(value)
            self.channel.meta = replace(meta, limits=tuple(limits))


class Motor:
    """One motor record with its fields."""

    def __init__(
        self, record: Record, instrument: str, source: Any, channel: Callable[[Record], RecordChannel]
    ) -> None:
        self.name = record.name
        self.bound: dict[str, MotorBound] = {}
        for field, (member, tied) in members(record, instrument).items():
            made = channel(member)
            made.reported_record_type, made.family = "motor", self
            self.bound[field] = MotorBound(made, tied, source, limited=field in LIMITED)
        self._fields: dict[str, Channel] = {}

    def find(self, field: str) -> Channel | None:
        """Return the channel of a field, by its name without `$`; those of the record follow its position."""
        if (bound := self.bound.get(field)) is not None:
            return bound.channel
        if field == "RTYP":
            return self._constant(field, "motor")
        return self.bound["RBV" if field in OF_RECORD else "VAL"].channel.field(field)

    def _constant(self, field: str, text: str) -> Channel:
        if field not in self._fields:
            like = self.bound["EGU"].channel
            self._fields[field] = Channel(
                f"{self.name}.{field}", like.data_type, text, rtype="motor", meta=like.meta, state=like.state,
                text_bytes=40,
            )  # fmt: skip
        return self._fields[field]
