"""From what a client wrote to what an instrument is asked for: types and the record's own limits. Pure."""

import math
from typing import Any

import numpy as np
from hitline.bus.attribute import Attribute, Command, Refused

from .put import Put
from .record import ELEMENT, RecordChannel
from .value import Type, number_from_wire, state_from_wire, text_from_wire

STATES = ("bi", "bo", "mbbi", "mbbo")
TEXTS = ("stringin", "stringout", "lsi", "lso")


def read(channel: RecordChannel, put: Put) -> Any:
    """Read a put as the record's type: index of a state, text, number or array; raises Refused."""
    rtype = channel.record.rtype
    if put.data_type not in tuple(Type)[:7]:
        raise Refused("type", f"cannot be written as {put.data_type.name}")
    if rtype in STATES:
        choices = channel.meta.choices
        return state_from_wire(put.data, put.data_type, choices if len(choices) > 1 else ("0", "1"))
    if rtype in TEXTS:
        return _text(channel, put)
    if rtype == "waveform":
        return _array(channel, put)
    return _number(channel, put)


def _text(channel: RecordChannel, put: Put) -> str:
    text = text_from_wire(put.data, put.data_type)
    room = channel.text_bytes - 1
    if len(text.encode()) > room:
        raise Refused("limit", f"text of {len(text.encode())} bytes, the record holds {room}")
    return text


def _array(channel: RecordChannel, put: Put) -> np.ndarray:
    if put.data_type is Type.STRING:
        raise Refused("type", "wants numbers, got text")
    if len(put.data) > channel.max_length:
        raise Refused("limit", f"{len(put.data)} elements, the record holds {channel.max_length}")
    return np.asarray(put.data).astype(ELEMENT[channel.text("FTVL")])


def _number(channel: RecordChannel, put: Put) -> int | float:
    number = number_from_wire(put.data, put.data_type)
    unit = f" {channel.meta.unit}" if channel.meta.unit else ""
    if not math.isfinite(number):
        raise Refused("limit", f"{number} is not a finite number")
    if channel.drive and not channel.drive[0] <= number <= channel.drive[1]:
        low = number < channel.drive[0]
        where = "below the record's limit DRVL" if low else "above the record's limit DRVH"
        limit = channel.drive[0 if low else 1]
        raise Refused("limit", f"{number:g}{unit} is {where} of {limit:g}{unit}")
    return number


def for_attribute(attribute: Attribute, value: Any) -> Any:
    """Turn a record's value into the attribute's; what that cannot be is left to the instrument to refuse."""
    if attribute.array:
        return value.astype(attribute.dtype)
    if attribute.dtype == "enum" and isinstance(value, int):
        if value >= len(attribute.choices):
            raise Refused("limit", f"state {value}: {attribute.name} has {len(attribute.choices)} choices")
        return attribute.choices[value]
    return _typed(attribute.dtype, value)


def arguments(command: Command, value: Any) -> tuple[Any, ...]:
    """Give the arguments of a command from a record's value."""
    return (_typed(command.args[0][1], value),) if command.args else ()


def _typed(dtype: str, value: Any) -> Any:
    if dtype == "bool" and value in (0, 1):
        return bool(value)
    if dtype == "int" and isinstance(value, float) and value == int(value):
        return int(value)
    if dtype == "float" and isinstance(value, int):
        return float(value)
    return value
