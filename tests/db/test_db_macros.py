"""Macros as macLib expands them; the comparison with EPICS base itself is in test_db_differential."""

import contextlib

import pytest
from hitline.db.macros import MARK, MacroError, expand, parse
from hypothesis import given, settings
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$(P)x", "BL7:x"),
        ("${P}x", "BL7:x"),
        ("$(Q=d)", "d"),
        ("$(Q=$(P)d)", "BL7:d"),
        ("$(Q=$(Z=z))", "z"),
        ("$(Q=)", ""),
        ("$($(N))", "BL7:"),
        ("$(R)", "BL7:DET"),
        ("$(P,P=A:)", "A:"),
        ("$(R,P=A:)", "A:DET"),
        ("'$(P)'", "'$(P)'"),
        ('"$(P)\'$(P)"', '"BL7:\'BL7:"'),
        (r"\$(P)", r"\$(P)"),
        ("$", "$"),
        ("$P", "$P"),
        ('$(Q="a b")', "a b"),
        ('$(Q="a, b")', "a"),
        ("$(Q)", f"{MARK}Q{MARK}"),
        ("$(LOOP)", f"{MARK}LOOP{MARK}"),
    ],
)
def test_expand(text: str, value: str) -> None:
    assert expand(text, {"P": "BL7:", "N": "P", "R": "$(P)DET", "LOOP": "$(LOOP)"}) == value


def test_parse() -> None:
    assert parse('P=BL7:, R = "DET1:,x" ,E=') == {"P": "BL7:", "R": '"DET1:,x"', "E": ""}
    assert parse("") == {}
    assert expand("$(R)", parse('R="DET1:,x"')) == "DET1:,x"


@pytest.mark.parametrize("text", ["P", "=x", 'P="x'])
def test_parse_refuses(text: str) -> None:
    with pytest.raises(MacroError):
        parse(text)


def test_a_deep_chain_is_refused_and_not_a_crash() -> None:
    chain = {f"M{n}": f"$(M{n + 1})" for n in range(500)}
    with pytest.raises(MacroError, match="nested more than"):
        expand("$(M0)", chain)


@settings(deadline=None)
@given(st.text(alphabet="$(){}=,PQ'\"\\ "), st.text(alphabet="$(){}=,PQ'\"\\ "))
def test_any_text_expands_or_is_refused(text: str, value: str) -> None:
    with contextlib.suppress(MacroError):
        expand(text, {"P": value, "Q": "$(P)"})
