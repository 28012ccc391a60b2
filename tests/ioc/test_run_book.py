"""The state of a run and the conductor's book, without a bus."""

from pathlib import Path

import pytest
from hitline.bus.attribute import Severity
from hitline.bus.log.block import Condition
from hitline.bus.states import State
from hitline.ioc.book import Book
from hitline.ioc.run import MOVING, RUN_STATES, flags, judge

S = State


@pytest.mark.parametrize(
    ("states", "word", "severity", "text"),
    [
        ({}, "Idle", Severity.OK, ""),
        ({"a": S.INIT, "b": S.INIT}, "Idle", Severity.OK, ""),
        ({"a": S.NEW}, "Idle", Severity.MINOR, "a is NEW"),
        ({"a": S.ORBIT, "b": S.ORBIT}, "Armed", Severity.OK, ""),
        ({"a": S.ORBIT, "b": S.INIT}, "Armed", Severity.MINOR, "b is INIT"),
        ({"a": S.RUN, "b": S.ORBIT}, "Running", Severity.MINOR, "b is ORBIT"),
        ({"a": S.RUN, "b": S.STOPPING}, "Stopping", Severity.OK, ""),
        ({"a": S.RUN, "b": S.SAFE}, "Aborted", Severity.MAJOR, "b is SAFE"),
        ({"a": S.DEAD, "b": S.SAFE}, "Error", Severity.MAJOR, "a is DEAD"),
        ({"a": S.ERROR, "b": S.DEAD}, "Error", Severity.MAJOR, "a is ERROR, b is DEAD"),
    ],
)
def test_state_of_a_run(states: dict[str, State], word: str, severity: Severity, text: str) -> None:
    assert judge(states) == (word, severity, text)


def test_one_that_was_never_seen_makes_it_invalid() -> None:
    assert judge({"a": S.INIT}, ["b"]) == ("Idle", Severity.INVALID, "waiting for b")
    assert judge({"a": S.RUN}, ["b"])[0] == "Running"


def test_members_say_why() -> None:
    why = {"a": "tripped", "b": "fine", "c": "tripped"}
    states = {"a": S.ERROR, "b": S.INIT, "c": S.DEAD}
    assert judge(states, why=why) == ("Error", Severity.MAJOR, "a is ERROR, c is DEAD: tripped")


def test_every_state_has_a_word() -> None:
    for state in State:
        assert judge({"a": state})[0] in RUN_STATES
    assert set(MOVING) == {state for state in State if not state.steady}


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("GOOD", Condition.GOOD),
        ("TAINTED|INCOMPLETE", Condition.TAINTED | Condition.INCOMPLETE),
        ("ODD, ABORTED", Condition.ABORTED),
        ("", Condition.GOOD),
        (None, Condition.GOOD),
        (3, Condition.GOOD),
    ],
)
def test_flags(text: object, condition: Condition) -> None:
    assert flags(text) == condition


@pytest.fixture
def book() -> Book:
    """A book with a run of a and b that is on."""
    book = Book()
    book.begin(1.7e9, "alice")
    book.note({"a": S.RUN, "b": S.RUN}, {"a": book.run_id, "b": book.run_id}, "")
    return book


def note(book: Book, a: State, b: State, phase: str = "", run: str = "") -> tuple[bool, str]:
    book.note({"a": a, "b": b}, {"a": run or book.run_id, "b": run or book.run_id}, phase)
    return book.open, Condition(book.condition).text


def test_good_end(book: Book) -> None:
    assert note(book, S.STOPPING, S.RUN, "Stopping") == (True, "GOOD")
    assert note(book, S.ORBIT, S.STOPPING, "Stopping") == (True, "GOOD")
    assert note(book, S.ORBIT, S.ORBIT, "Stopping") == (False, "GOOD")
    assert note(book, S.INIT, S.INIT) == (False, "GOOD")
    assert book.owner == "alice"


@pytest.mark.parametrize(
    ("state", "condition"),
    [
        (S.SAFE, "INTERRUPTED"),
        (S.ERROR, "INTERRUPTED"),
        (S.DEAD, "DEGRADED"),
        (S.INIT, "INCOMPLETE"),
    ],
)
def test_what_happens_to_a_member_is_noted(book: Book, state: State, condition: str) -> None:
    assert note(book, S.RUN, state) == (True, condition)
    assert note(book, S.RUN, S.RUN) == (True, condition)


def test_the_last_member_that_is_interrupted_is_noted(book: Book) -> None:
    assert note(book, S.INTERRUPTING, S.INTERRUPTING) == (True, "GOOD")
    assert note(book, S.SAFE, S.SAFE) == (False, "INTERRUPTED")


def test_abort_is_no_interruption(book: Book) -> None:
    book.flag(Condition.ABORTED)
    assert note(book, S.SAFE, S.INTERRUPTING, "Aborting") == (True, "ABORTED")
    assert note(book, S.SAFE, S.SAFE, "Aborting") == (False, "ABORTED")


def test_a_dead_member_keeps_the_run_open_until_it_is_back(book: Book) -> None:
    assert note(book, S.ORBIT, S.DEAD) == (True, "DEGRADED")
    assert note(book, S.ORBIT, S.INIT) == (False, "INCOMPLETE|DEGRADED")


@pytest.mark.parametrize(
    ("run_id", "owner"), [("x-A", "a"), ("x-a-2", "a"), ("x-1", "unknown"), ("x-aa", "unknown")]
)
def test_adoption(run_id: str, owner: str) -> None:
    book = Book()
    assert note(book, S.RUN, S.INIT, run=run_id) == (True, "GOOD")
    assert (book.run_id, book.owner) == (run_id, owner)
    assert note(book, S.ORBIT, S.INIT, run=run_id) == (False, "GOOD")
    assert book.owner == owner
    note(book, S.INIT, S.INIT, run=run_id)
    assert book.owner == ""


def test_a_closed_run_is_not_opened_by_what_a_member_shows_late(book: Book) -> None:
    """In RUN again, but its run is still the last one: the new id is on its way."""
    assert note(book, S.ORBIT, S.ORBIT) == (False, "GOOD")
    assert note(book, S.RUN, S.INIT) == (False, "GOOD")
    assert note(book, S.RUN, S.INIT, run="y-A") == (True, "GOOD")
    assert book.run_id == "y-A"


@pytest.mark.parametrize(("orderly", "condition"), [(True, "GOOD"), (False, "INCOMPLETE")])
def test_a_run_that_ended_while_the_conductor_was_away(book: Book, orderly: bool, condition: str) -> None:
    """After an orderly end the readouts closed the run themselves; after a crash nobody knows."""
    book.orderly = orderly
    book.note({"a": S.INIT}, {}, "")
    assert book.open
    assert note(book, S.INIT, S.INIT) == (False, condition)
    assert not book.orderly


def test_survives_its_process(book: Book, tmp_path: Path) -> None:
    file = tmp_path / "x" / "run.json"
    book.flag(Condition.DEGRADED)
    book.save(file)
    assert Book.load(file) == book
    again = Book.load(file)
    again.begin(1.7e9, "bob")
    assert again.run_id.endswith("-0002")


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"number": "x"}', "\x00", '{"number": 1, "owner": 0'])
def test_damaged_book_is_an_empty_one(text: str, tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    file.write_text(text)
    assert Book.load(file) == Book()


def test_a_readouts_own_run_is_over_when_it_has_landed() -> None:
    book = Book()
    book.note({"det1": S.RUN}, {"det1": "20260101-120000-det1"}, "")
    assert book.open and book.owner == "det1"
    book.note({"det1": S.INIT}, {"det1": "20260101-120000-det1"}, "")  # ORBIT was too short to be seen
    assert (book.open, book.owner, Condition(book.condition)) == (False, "", Condition.GOOD)


def test_a_readout_that_landed_in_the_midst_of_our_run_leaves_it_incomplete() -> None:
    book = Book()
    book.begin(1.7e9, "alice")
    book.note({"det1": S.RUN}, {"det1": book.run_id}, "")
    book.note({"det1": S.INIT}, {"det1": book.run_id}, "")
    assert Condition(book.condition) == Condition.INCOMPLETE
