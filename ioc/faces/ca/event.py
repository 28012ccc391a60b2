"""One new value on its way to subscribers: the bytes of CA_PROTO_EVENT_ADD answers, made once for all.

Caproto would build and check a message per subscriber, which costs more than everything else that a monitor
update needs. The layout is the Channel Access Protocol Specification's (message header, extended header).
"""

import struct
from typing import Any

import numpy as np

EVENT_ADD, NORMAL = 1, 1
SHORT = 0xFFFF
"""Payload sizes and element counts from here on need the extended header."""


class Event:
    """A value in one DBR type; `metadata` is a structure or b"", `values` an array in wire order or texts."""

    __slots__ = ("_made", "metadata", "values")

    def __init__(self, metadata: Any, values: Any) -> None:
        self.metadata, self.values = metadata, values
        self._made: dict[Any, tuple[int, bytes]] = {}

    def message(self, data_type: int, subscription: int, count: int, part: Any) -> bytes:
        """Give the answer for one subscription; `count` 0 is all there is, `part` an array filter or None."""
        if (count, part) not in self._made:
            self._made[count, part] = self._payload(count, part)
        number, payload = self._made[count, part]
        size = len(payload)
        if size < SHORT and number < SHORT:
            return struct.pack(">HHHHII", EVENT_ADD, size, data_type, number, NORMAL, subscription) + payload
        return (
            struct.pack(">HHHHIIII", EVENT_ADD, SHORT, data_type, 0, NORMAL, subscription, size, number)
            + payload
        )

    def _payload(self, count: int, part: Any) -> tuple[int, bytes]:
        values = self.values
        if part is not None:
            values = values[part.s : None if part.e in (None, -1) else part.e + 1 : part.i]
        if count:
            values = values[:count]
        if isinstance(values, np.ndarray):
            raw = bytes(self.metadata) + values.tobytes()
        else:
            raw = bytes(self.metadata) + b"".join(text.ljust(40, b"\0") for text in values)
        # alarm and class name travel as structures without values, and count as one
        number = 1 if isinstance(values, bytes) else len(values)
        return number, raw + bytes(-len(raw) % 8)
