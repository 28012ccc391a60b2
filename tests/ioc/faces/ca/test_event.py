"""The bytes of an update are those of caproto's own message, short and extended header."""

import caproto as ca
import numpy as np
import pytest
from hitline.ioc.faces.ca.channel import Channel, Meta, State
from hitline.ioc.faces.ca.event import Event
from hitline.ioc.faces.ca.value import Type

VALUES = {
    Type.DOUBLE: 1.5,
    Type.LONG: 7,
    Type.ENUM: 1,
    Type.STRING: "text",
    Type.CHAR: np.frombuffer(b"abc", "u1"),
    Type.INT: np.arange(3, dtype="<i2"),
    Type.FLOAT: np.array([1.5], "<f4"),
}


@pytest.mark.parametrize("native", VALUES)
@pytest.mark.parametrize("kind", range(5))
def test_as_caproto(native, kind):
    value = VALUES[native]
    channel = Channel(
        "X",
        native,
        value,
        rtype="ai",
        meta=Meta("V", 2, ("a", "b") if native is Type.ENUM else ()),
        state=State(1, 4, "", 10**18),
    )
    data_type = Type(native + 7 * kind)
    metadata, values = channel.converted(data_type)
    ours = Event(metadata, values).message(data_type, 99, 0, None)
    assert ours == bytes(ca.EventAddResponse(values, data_type, len(values), 1, 99, metadata=metadata))


@pytest.mark.parametrize("size", [8190, 16383, 16384, 70000])
def test_large_arrays_and_parts_of_them(size):
    values = np.arange(size, dtype=">i4")
    event = Event(b"", values)
    assert event.message(5, 1, 0, None) == bytes(
        ca.EventAddResponse(values, Type.LONG, size, 1, 1, metadata=b"")
    )
    some = bytes(ca.EventAddResponse(values[:10], Type.LONG, 10, 1, 2, metadata=b""))
    assert event.message(5, 2, 10, None) == some
    part = ca.parse_channel_filter("[2:4]").arr
    assert event.message(5, 3, 0, part) == bytes(
        ca.EventAddResponse(values[2:5], Type.LONG, 3, 1, 3, metadata=b"")
    )


def test_bytes_are_made_once_for_all_subscribers():
    event = Event(b"", np.arange(100, dtype=">i4"))
    first, second = event.message(5, 1, 0, None), event.message(5, 2, 0, None)
    assert first[16:] == second[16:] and len(event._made) == 1
