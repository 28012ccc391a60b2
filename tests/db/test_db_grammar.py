"""The reader by itself: what records come out, what errors say, and nothing but DbError from any input."""

from pathlib import Path

import pytest
from awkward import AWKWARD
from hitline.db.error import DbError
from hitline.db.records import Database, load
from hypothesis import given, settings
from hypothesis import strategies as st


def read(text: str, **macros: str) -> Database:
    database = Database()
    database.load_text(text, "x.db", macros)
    return database


def test_a_record_keeps_where_its_fields_come_from(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_text('record(ai, "$(P)x") {\n field(EGU, "V")\n field(PREC, 1)\n}\n')
    (tmp_path / "b.db").write_text('\nrecord("*", "$(P)x") {\n field(EGU, "kV")\n alias("other")\n}\n')
    database = Database()
    database.load(tmp_path / "a.db", {"P": "P:"})
    database.load(tmp_path / "b.db", {"P": "P:"})
    record = database.records["P:x"]
    assert record.fields == {"EGU": "kV", "PREC": "1"}
    assert record.place() == (str(tmp_path / "a.db"), 1)
    assert record.place("EGU") == (str(tmp_path / "b.db"), 3)
    assert record.place("PREC") == (str(tmp_path / "a.db"), 3)
    assert database.find("other") is record and record.aliases == ["other"]


def test_load_gives_records_by_name(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_text('record(ai, "$(P)x") {}')
    assert list(load(tmp_path / "a.db", {"P": "A:"})) == ["A:x"]


def test_deleting_a_record_frees_its_aliases() -> None:
    database = read('record(ai,"x"){alias("y")}record("#","x")record(bi,"y"){}')
    assert list(database.records) == ["y"] and not database.aliases


def test_merging_keeps_the_first_of_two() -> None:
    one, two = read('record(ai,"x"){alias("a")}'), read('record(bi,"a"){}\nrecord(bi,"b"){alias("c")}')
    (refused,) = one.merge(two)
    assert list(one.records) == ["x", "b"] and one.aliases == {"a": "x", "c": "b"}
    assert "x.db:1" in str(refused) and "another pv" in str(refused)


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        (
            '\n\nrecord(ai, "$(P)$(Q)") {}',
            3,
            "macro Q is not defined: pass Q=..., or give it a default, $(Q=...)",
        ),
        ('record(ai, "$(P)a") {\n field(DESC, "$(Q)")\n}', 2, "macro Q is not defined"),
        ('record(ai, "$(P)a") {\n field(DESC, "$(Q\n}', 2, "is not closed"),
        ('record(ai, "$(P)a") {\n field(DESC, "x)\n}', 2, 'closing quote " missing'),
        ('record(ai, "$(P)a") {\n field(DESC, a b)\n}', 2, "expected ')', found 'b'"),
        ('record(ai, "$(P)a") {\n', 2, "the file ends inside record 'P:a'"),
        ('include "none.db"\n', 1, "cannot include 'none.db'"),
        ("\n# a comment with $(", 2, "is not closed"),
        ("recordtype(ai) {}", 1, "belongs in an IOC of your own"),
        ("% int x;", 1, "belongs in a .dbd file"),
        ('record("*", "P:none") {}', 1, "load this file after the one that defines it"),
        ('record(ai,"x"){}\nrecord(ao,"x"){}', 2, 'x.db:1, here ao: to change it use record("*", ...)'),
        (f'record(ai,"{"n" * 61}"){{}}', 1, "has 61 bytes, EPICS allows 60"),
        ('record(ai, "a\x00") {}', 1, "not a text file"),
        ('record(ai,"x"){field(V,' + "[" * 50 + ")}", 1, "nested more than 20 deep"),
        ("record(ai," + "$(" * 3000, 1, "nested more than 40 deep"),
    ],
)
def test_errors_name_file_line_and_next_step(text: str, line: int, says: str) -> None:
    with pytest.raises(DbError) as caught:
        read(text, P="P:")
    assert (caught.value.file, caught.value.line) == ("x.db", line)
    assert says in str(caught.value)
    assert str(caught.value).startswith(f"x.db:{line}: ")


def test_a_file_that_includes_itself_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_text('include "a.db"\n')
    with pytest.raises(DbError, match="does a file include itself"):
        load(tmp_path / "a.db")


def test_nothing_follows_an_include_on_its_line(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_text('include "b.db" record(ai,"x"){}')
    (tmp_path / "b.db").write_text("")
    with pytest.raises(DbError, match=r"a\.db:1: nothing may follow an include"):
        load(tmp_path / "a.db")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DbError, match="cannot be read"):
        load(tmp_path / "none.db")


def test_a_file_in_latin_1_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_bytes('record(ai,"x"){field(EGU,"µm")}'.encode("latin-1"))
    assert load(tmp_path / "a.db")["x"].fields["EGU"] == "µm"


def only_db_errors(text: str) -> None:
    try:
        database = read(text, P="P:")
    except DbError as error:
        assert error.file == "x.db" and error.line > 0
    else:
        assert all(name == record.name for name, record in database.records.items())


@settings(deadline=None)
@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    only_db_errors(text)


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "record",
                "(",
                ")",
                "{",
                "}",
                ",",
                '"x"',
                '"$(P)y"',
                "ai",
                "field",
                "info",
                "alias",
                "include",
                "[",
                "]",
                ":",
                "$(",
                "${",
                "$(P)",
                ")",
                "=",
                "#",
                "\n",
                " ",
                "'",
                '"',
                "\\",
                "1",
                "true",
                '"*"',
                '"#"',
                "\x7f",
                "\x00",
            ]
        )
    )
)
def test_any_words_are_read_or_refused(words: list[str]) -> None:
    only_db_errors("".join(words))


@settings(max_examples=50, deadline=None)
@given(st.sampled_from(list(AWKWARD.values())), st.integers(0, 700))
def test_a_file_cut_anywhere_is_read_or_refused(text: str, length: int) -> None:
    only_db_errors(text[:length])


@settings(deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["DESC", "EGU", "VAL"]),
        st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"])),
        min_size=1,
    )
)
def test_what_the_generator_quotes_is_read_back(fields: dict[str, str]) -> None:
    """Any text in a field survives quoting and reading, macros aside."""
    from hitline.db.generate import quoted

    if any("$" in value for value in fields.values()):
        return
    body = "".join(f"field({name}, {quoted(value)})" for name, value in fields.items())
    assert read(f'record(ai, "x") {{{body}}}').records["x"].fields == fields
