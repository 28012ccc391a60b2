"""What the station's records say of each attribute: rules of severity and limits of set-points.

The Tango face takes them from the same databases and overlays as the Channel Access face, so that a site says
once what is an alarm and how far a client may go.
"""

from hitline.bus.attribute import Attribute
from hitline.db.binding import binding, sets
from hitline.db.check import finite
from hitline.db.records import Record
from hitline.ioc.faces.severity import Rules, rules
from hitline.ioc.faces.table import Table

Key = tuple[str, str]
Drive = tuple[float | None, float | None]


class Limits:
    """Looks up (instrument, attribute)."""

    def __init__(self, table: Table) -> None:
        self._shown: dict[Key, Record] = {}
        self._set: dict[Key, Record] = {}
        for record in table.records.values():
            tied = binding(record)
            if tied is not None and not tied.is_command:
                key = tied.instrument, tied.target
                (self._set if sets(record) else self._shown).setdefault(key, record)

    def rules(self, instrument: str, name: str) -> Rules:
        """Return the alarm rules of what shows an attribute; none when they cannot be read."""
        record = self._shown.get((instrument, name)) or self._set.get((instrument, name))
        try:
            return rules(record.rtype, record.fields) if record else Rules()
        except ValueError:
            return Rules()  # the check refuses such a record

    def drive(self, instrument: str, a: Attribute) -> Drive:
        """Return the narrower of an attribute's own limits and those of its set-point."""
        record = self._set.get((instrument, a.name))
        low, high = (finite(record.fields.get(f, "")) for f in ("DRVL", "DRVH")) if record else (None, None)
        if low is None or high is None or low >= high:  # EPICS ignores such a pair
            return a.low, a.high
        return max(low, low if a.low is None else a.low), min(high, high if a.high is None else a.high)
