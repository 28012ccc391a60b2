"""An attribute's value as a record shows it. Pure."""

from typing import Any

import numpy as np
from hitline.bus.attribute import Attribute

from .record import ELEMENT, RecordChannel
from .wanted import STATES, TEXTS


class NoFit(ValueError):
    """A value that the record cannot show."""


def shown(channel: RecordChannel, attribute: Attribute, value: Any) -> Any:
    """Return a value in the record's type (index, text, number, flat array), None for none; raises NoFit."""
    rtype = channel.record.rtype
    try:
        if value is None:
            return None
        if rtype in STATES:
            return attribute.choices.index(value) if attribute.dtype == "enum" else int(value)
        if rtype in TEXTS:
            return str(value)
        if rtype == "waveform":
            return _array(channel, value)
        if rtype in ("ai", "ao"):
            return float(value)
        whole = int(value)
    except (ValueError, TypeError, OverflowError):
        raise NoFit(f"{value!r} of {attribute.name} is nothing that {rtype} can show") from None
    if rtype.startswith("long") and not -(2**31) <= whole < 2**31:
        raise NoFit(f"{whole} of {attribute.name} has more than the 32 bits of {rtype}: use int64in")
    return whole


def _array(channel: RecordChannel, value: Any) -> np.ndarray:
    flat = np.ravel(value)
    if flat.size > channel.max_length:
        raise NoFit(f"{flat.size} elements, NELM is {channel.max_length}")
    return flat.astype(ELEMENT[channel.text("FTVL")], copy=False)
