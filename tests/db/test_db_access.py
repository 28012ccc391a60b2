"""Access security files: grammar, and who may do what."""

from pathlib import Path

import pytest
from hitline.db import access
from hitline.db.access import Right
from hitline.db.error import DbError
from hypothesis import given, settings
from hypothesis import strategies as st
from kit.patience import WAIT_S

SHIPPED = Path(access.__file__).with_name("access.acf")
TEXT = """
UAG(ops) {anna, bert}
HAG(control) {"ws1.lab", WS2}
HAG(empty)
ASG(DEFAULT) { RULE(1, READ) RULE(0, WRITE, TRAPWRITE) { UAG(ops) HAG(control) } }
ASG(EXPERT) { RULE(1, WRITE) { UAG(ops) } }
ASG(NOBODY)
ASG(HIDDEN) { RULE(1, NONE) }
"""


@pytest.mark.parametrize(
    ("group", "user", "hosts", "level", "right"),
    [
        ("DEFAULT", "anna", ["ws1.lab"], 0, Right(True, True)),
        ("DEFAULT", "anna", ["10.0.0.1", "ws2"], 0, Right(True, True)),
        ("DEFAULT", "anna", ["ws1.lab"], 1, Right(True, False)),
        ("DEFAULT", "anna", ["home"], 0, Right(True, False)),
        ("DEFAULT", "carl", ["ws1.lab"], 0, Right(True, False)),
        ("unknown", "carl", ["ws1.lab"], 0, Right(True, False)),
        ("EXPERT", "bert", ["anywhere"], 1, Right(True, True)),
        ("EXPERT", "carl", ["anywhere"], 0, Right(False, False)),
        ("NOBODY", "anna", ["ws1.lab"], 0, Right(False, False)),
        ("HIDDEN", "anna", ["ws1.lab"], 0, Right(False, False)),
    ],
)
def test_decisions(group: str, user: str, hosts: list[str], level: int, right: Right) -> None:
    assert access.parse(TEXT, "x.acf").decide(group, user, hosts, level=level) == right


def test_the_shipped_file_reads_from_everywhere_and_writes_from_here() -> None:
    policy = access.load(SHIPPED)
    for group in ("CONTROL", "SAFE"):
        assert policy.decide(group, "anybody", ["127.0.0.1"], level=1) == Right(True, True)
        assert policy.decide(group, "operator", ["192.168.1.7", "elsewhere"], level=0) == Right(True, False)
    for group in ("READBACK", "DEFAULT", "none such"):
        assert policy.decide(group, "anybody", ["localhost"], level=0) == Right(True, False)


def test_epics_base_takes_the_shipped_file(tmp_path: Path) -> None:
    import subprocess
    import sys

    program = (
        "import sys; from epicscorelibs.ioc import dbCore; import ctypes;"
        "dbCore.asInitFile.argtypes = [ctypes.c_char_p, ctypes.c_char_p];"
        "sys.exit(bool(dbCore.asInitFile(sys.argv[1].encode(), None)))"
    )
    (tmp_path / "bad.acf").write_text("ASG(X) { RULE(7, READ }")
    codes = [
        subprocess.run(
            [sys.executable, "-c", program, str(file)], capture_output=True, timeout=WAIT_S
        ).returncode
        for file in (SHIPPED, tmp_path / "bad.acf")
    ]
    assert codes == [0, 1]


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("ASG(A) {RULE(1, READ)}", 1, "ASG(DEFAULT) is missing"),
        ("\nUAG(a) {x}\nUAG(a) {y}", 3, "UAG(a) stands twice"),
        ("ASG(DEFAULT) {RULE(2, READ)}", 1, "write RULE(0 or 1, NONE, READ or WRITE)"),
        ("ASG(DEFAULT) {RULE(1, RAED)}", 1, "write RULE"),
        ("ASG(DEFAULT) {RULE(1, READ) {HAG(none)}}", 1, "HAG(none) is not defined above"),
        ("ASG(DEFAULT) {INPA(x) RULE(1, READ)}", 1, "not supported here"),
        ('ASG(DEFAULT) {RULE(1, READ) {CALC("A=1")}}', 1, "'CALC' in a rule is not supported"),
        ("UAG(a) {x", 1, "expected ',', found 'the end of the file'"),
        ("WHAT(a)", 1, "expected UAG, HAG or ASG, found 'WHAT'"),
        ("UAG(a) {$(X)}", 1, "an undefined macro"),
        ("UAG(a) {\n'x'}", 2, "may not stand here"),
    ],
)
def test_errors_name_line_and_cause(text: str, line: int, says: str) -> None:
    with pytest.raises(DbError) as caught:
        access.parse(text, "x.acf")
    assert caught.value.line == line and says in caught.value.text


def test_macros() -> None:
    policy = access.parse("HAG(h) {$(H)}\nASG(DEFAULT) {RULE(1, WRITE) {HAG(h)}}", "x.acf", {"H": "ws1"})
    assert policy.decide("DEFAULT", "", ["ws1"]).write and not policy.decide("DEFAULT", "", ["ws2"]).write


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "UAG",
                "HAG",
                "ASG",
                "RULE",
                "(",
                ")",
                "{",
                "}",
                ",",
                "1",
                "READ",
                "DEFAULT",
                "a",
                "\n",
                "#",
                '"',
                "$(",
            ]
        )
    )
)
def test_any_words_are_read_or_refused(words: list[str]) -> None:
    try:
        access.parse(" ".join(words), "x.acf")
    except DbError as error:
        assert error.line > 0
