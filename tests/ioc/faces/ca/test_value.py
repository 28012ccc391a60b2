"""Conversion between records and the wire, against EPICS' rules and caproto's own structures."""

import math

import caproto as ca
import numpy as np
import pytest
from hitline.bus.attribute import Refused
from hitline.ioc.faces.ca.channel import Channel, Meta, State
from hitline.ioc.faces.ca.value import (
    Type,
    clipped,
    number_from_wire,
    state_from_wire,
    text_from_wire,
    to_wire,
)

NUMBERS = [t for t in Type if 1 <= t <= 6]


@pytest.mark.parametrize(
    ("value", "precision", "text"),
    [
        (12.3456, 2, b"12.35"),
        (12.0, 0, b"12"),
        (-0.5, 1, b"-0.5"),
        (2e7, 5, b"20000000.000"),
        (3e17, 2, b" 3.00e+17"),
        (0.1, 9, b" 1.000000000e-01"),
        (2**60, 0, b"1152921504606846976"),
        (7, 3, b"7"),
    ],
)
def test_numbers_as_text_follow_prec(value, precision, text):
    assert to_wire(value, Type.STRING, precision=precision) == [text]


def test_nan_and_infinity():
    assert to_wire(math.nan, Type.LONG).tolist() == [0]
    assert to_wire(math.inf, Type.LONG).tolist() == [2**31 - 1]
    assert math.isnan(to_wire(math.nan, Type.DOUBLE)[0])
    assert to_wire(math.nan, Type.STRING, precision=2) == [b"nan"]


@pytest.mark.parametrize(
    ("value", "want", "result"),
    [
        (3e9, Type.LONG, 2**31 - 1),
        (-4e9, Type.LONG, -(2**31)),
        (70000, Type.INT, 32767),
        (-1, Type.ENUM, 0),
        (300, Type.CHAR, 255),
        (2**40, Type.DOUBLE, float(2**40)),
        (5, Type.FLOAT, 5.0),
    ],
)
def test_out_of_range_is_held_at_the_end(value, want, result):
    assert to_wire(value, want).tolist() == [result]


def test_states():
    choices = ("Idle", "Run")
    assert to_wire(1, Type.STRING, choices=choices) == [b"Run"]
    assert to_wire(9, Type.STRING, choices=choices) == [b"9"]
    assert to_wire(1, Type.DOUBLE, choices=choices).tolist() == [1.0]
    assert state_from_wire([b"Run"], Type.STRING, choices) == 1
    assert state_from_wire([b"1"], Type.STRING, choices) == 1
    assert state_from_wire(np.array([1], ">f8"), Type.DOUBLE, choices) == 1
    for bad, kind in (
        ([b"Stop"], Type.STRING),
        (np.array([2], ">u2"), Type.ENUM),
        (np.array([0.5]), Type.DOUBLE),
    ):
        with pytest.raises(Refused, match=r"Idle, Run"):
            state_from_wire(bad, kind, choices)
    with pytest.raises(Refused):
        state_from_wire(np.array([math.nan]), Type.DOUBLE, choices)


def test_arrays():
    image = np.arange(5, dtype="<i4")
    assert to_wire(image, Type.LONG).tobytes() == image.astype(">i4").tobytes()
    assert to_wire(np.array([-1, 2], "i1"), Type.CHAR).tobytes() == b"\xff\x02"
    assert to_wire(np.array([1.5, 2.5]), Type.STRING, precision=1) == [b"1.5", b"2.5"]
    assert to_wire(np.empty(0, "<f8"), Type.LONG).size == 0


def test_texts_in_utf8_cut_between_characters():
    assert clipped("µA", 2) == "µ".encode()
    assert clipped("µA", 1) == b""
    assert to_wire("x" * 50, Type.STRING) == [b"x" * 39]
    assert text_from_wire([b"\xc2\xb5A\0junk"], Type.STRING) == "µA"
    assert text_from_wire([b"\xb5A"], Type.STRING) == "µA"
    assert text_from_wire(np.frombuffer(b"long\0rest", "u1"), Type.CHAR) == "long"


def test_numbers_from_text():
    assert number_from_wire([b" 0x10 "], Type.STRING) == 16
    assert number_from_wire([b"1e3"], Type.STRING) == 1000
    with pytest.raises(Refused, match="'abc'"):
        number_from_wire([b"abc"], Type.STRING)
    with pytest.raises(Refused, match="one number"):
        number_from_wire(np.array([1, 2]), Type.LONG)


@pytest.mark.parametrize("data_type", [t for t in Type if t < 35])
@pytest.mark.parametrize(
    ("native", "value"), [(Type.DOUBLE, 12.5), (Type.LONG, 12), (Type.ENUM, 1), (Type.STRING, "12")]
)
def test_every_type_packs_and_is_read_back_by_caproto(native, value, data_type):
    """What we send for any DBR type is what caproto's own client code reads."""
    meta = Meta(
        "µm-too-long", 2, ("Idle", "Run") if native is Type.ENUM else (), tuple(map(float, range(1, 9)))
    )
    state = State(2, 3, "", 1_700_000_000_123_456_789)
    channel = Channel("X", native, value, rtype="ai", meta=meta, state=state)
    metadata, values = channel.converted(data_type)
    message = ca.ReadNotifyResponse(values, data_type, len(values), 1, 1, metadata=metadata)
    wire = bytes(message)
    parsed = ca.ReadNotifyResponse.from_wire(
        ca.ReadNotifyResponse(b"", data_type, 1, 1, 1).header, memoryview(bytearray(wire[16:]))
    )
    got = parsed.data[0]
    expected = {Type.ENUM: 1}.get(native, 12)
    if ca.native_type(data_type) is Type.STRING:
        text = {Type.DOUBLE: b"12.50", Type.LONG: b"12", Type.ENUM: b"Run", Type.STRING: b"12"}[native]
        assert bytes(got).rstrip(b"\0") == text
    else:
        assert abs(float(got) - expected) <= 0.5
    if data_type >= Type.STS_STRING:
        assert (parsed.metadata.status, parsed.metadata.severity) == (3, 2)
    if Type.TIME_STRING <= data_type <= Type.TIME_DOUBLE:
        stamp = parsed.metadata.stamp
        assert (stamp.secondsSinceEpoch + 631152000, stamp.nanoSeconds) == (1_700_000_000, 123_456_789)
    if data_type in (Type.CTRL_DOUBLE, Type.CTRL_LONG):
        m = parsed.metadata
        assert (m.upper_disp_limit, m.lower_alarm_limit, m.upper_ctrl_limit, m.lower_ctrl_limit) == (
            1,
            6,
            7,
            8,
        )
        assert m.units == "µm-too".encode()
    if data_type is Type.CTRL_ENUM:
        assert [bytes(s) for s in parsed.metadata.enum_strings] == (
            [b"Idle", b"Run"] if native is Type.ENUM else []
        )


def test_no_limit_is_nan_for_doubles_and_zero_for_integers():
    limits = (10.0, 0.0, math.nan, 5.0, math.nan, math.nan, 0.0, 0.0)
    for native, none in (Type.DOUBLE, math.nan), (Type.LONG, 0):
        channel = Channel("X", native, 1, rtype="ai", meta=Meta(limits=limits), state=State())
        filled, _ = channel.converted(Type(native + 28))
        assert filled.upper_warning_limit == 5
        assert filled.upper_alarm_limit == none or (math.isnan(none) and math.isnan(filled.upper_alarm_limit))
