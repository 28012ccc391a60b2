"""Substitutions files; the comparison with EPICS base itself is in test_db_differential."""

from pathlib import Path

import pytest
from hitline.db.error import DbError
from hitline.db.records import Database
from hitline.db.substitutions import instances
from hypothesis import given, settings
from hypothesis import strategies as st


def read(text: str, **macros: str) -> list[tuple[str, dict[str, str]]]:
    return [(i.template, i.macros) for i in instances(text, "x.substitutions", macros)]


def test_pattern_and_plain_forms_with_globals() -> None:
    text = """global {U=mm}
    file a.db { pattern {N, D,} {1, "x, y",} {2} global {U=kV} {3} }
    file "b.db" { {N=4, U="V",} }"""
    assert read(text, P="P:") == [
        ("a.db", {"P": "P:", "U": "mm", "N": "1", "D": '"x, y"'}),
        ("a.db", {"P": "P:", "U": "mm", "N": "2"}),
        ("a.db", {"P": "P:", "U": "kV", "N": "3"}),
        ("b.db", {"P": "P:", "U": '"V"', "N": "4"}),
    ]


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("file a.db {\n pattern {A} {1, 2} }", 2, "value 2 is one more than the pattern's 1 names: A"),
        ("fiel a.db {}", 1, "expected file or global, found fiel"),
        ("file a.db {\n {A=} }", 2, "expected a value for A"),
        ("file a.db {\n {A=1}", 2, "expected '{', found the end of the file"),
        ("file a.db { {A='1} }", 1, "closing quote missing"),
        ("file a.db { {A=$(P)} }", 1, "'$' may not stand here"),
        ("file a.db { x {A=1} }", 1, "expected '{', found x"),
    ],
)
def test_errors_name_line_and_cause(text: str, line: int, says: str) -> None:
    with pytest.raises(DbError) as caught:
        read(text)
    assert caught.value.line == line and says in caught.value.text


def test_a_template_that_is_not_there(tmp_path: Path) -> None:
    file = tmp_path / "a.substitutions"
    file.write_text("\nfile none.db { {A=1} }")
    with pytest.raises(DbError, match=r"2: cannot read the template 'none\.db'"):
        Database().load(file)


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from(["file", "global", "pattern", "a.db", "{", "}", ",", "=", '"x"', "'", "\n", " ", "#"])
    )
)
def test_any_words_are_read_or_refused(words: list[str]) -> None:
    try:
        read(" ".join(words))
    except DbError as error:
        assert error.line > 0
