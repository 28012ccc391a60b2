"""Values between the bus and Tango, without a server."""

import numpy as np
import pytest
from hitline.bus.attribute import UNKNOWN, Attribute, Command, Refused, Severity, Update
from hitline.bus.states import State
from hitline.ioc.faces.tango import commands, kinds
from hitline.ioc.faces.tango.states import STATES
from hypothesis import given, settings
from hypothesis import strategies as st
from tango import AttrQuality, DevState

MODE = Attribute("mode", "enum", "Mode.", choices=("Slow", "Very fast"))
NOTE = Attribute("note", "str", "Note.")
BIAS = Attribute("bias", "float", "Bias.")
IMAGE = Attribute("image", "<i4", "Image.", shape=(4, 3))


def test_every_state_has_its_word() -> None:
    assert set(STATES) == set(State)
    assert STATES[State.RUN] == DevState.RUNNING and STATES[State.DEAD] == DevState.UNKNOWN
    assert STATES[State.SAFE] == DevState.ALARM and STATES[State.ERROR] == DevState.FAULT


def test_values_and_quality() -> None:
    assert kinds.shown(MODE, Update("Very fast", 10**9), Severity.OK) == (1, 1.0, AttrQuality.ATTR_VALID)
    assert kinds.shown(BIAS, Update(2.5, 10**9), Severity.MAJOR) == (2.5, 1.0, AttrQuality.ATTR_ALARM)
    assert kinds.shown(BIAS, Update(2.5, 10**9), Severity.MINOR)[2] is AttrQuality.ATTR_WARNING
    assert kinds.shown(BIAS, UNKNOWN, Severity.INVALID) == (0.0, 0.0, AttrQuality.ATTR_INVALID)
    assert kinds.shown(MODE, Update("none of them", 0), Severity.OK)[2] is AttrQuality.ATTR_INVALID
    value, _, quality = kinds.shown(IMAGE, UNKNOWN, Severity.INVALID)
    assert value.shape == (1, 1) and quality is AttrQuality.ATTR_INVALID
    assert kinds.shown(IMAGE, Update(np.ones((4, 3), "<i4"), 0), Severity.OK)[0].shape == (4, 3)


def test_what_tango_cannot_show_is_left_out() -> None:
    assert not kinds.showable(Attribute("cube", "<i4", "Cube.", shape=(2, 2, 2)))
    assert not kinds.showable(Attribute("same", "enum", "Same.", choices=("a b", "a_b")))
    assert not kinds.showable(Attribute("none", "enum", "None."))
    assert all(kinds.showable(a) for a in (MODE, NOTE, BIAS, IMAGE))


def test_reserved_names_get_out_of_the_way() -> None:
    assert kinds.name_of("status") == "status_" and kinds.name_of("bias") == "bias"
    assert commands.name_of(Command("init", "Init.")) == "Init_"
    assert commands.name_of(Command("initialize", "Reset.", pv="Reset")) == "Reset"


@settings(deadline=None)
@given(st.text())
def test_any_text_becomes_one_that_tango_can_hold(text: str) -> None:
    shown = kinds.given(NOTE, text)
    assert len(shown) == len(text) and "\0" not in shown
    shown.encode("latin-1")


def test_arguments_are_read_from_their_texts() -> None:
    command = Command("pair", "Pair.", args=(("on", "bool"), ("x", "float"), ("n", "int"), ("name", "str")))
    assert commands.read(command, ("Yes", "1.5", "7", "a b")) == (True, 1.5, 7, "a b")
    for values in (
        ("Yes", "1.5", "7"),
        ("maybe", "1.5", "7", ""),
        ("Yes", "x", "7", ""),
        ("Yes", "1", "7.5", ""),
    ):
        with pytest.raises(Refused, match=r"wants on \(bool\), x \(float\), n \(int\), name \(str\)"):
            commands.read(command, values)
