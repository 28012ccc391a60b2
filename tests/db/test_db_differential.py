"""Our reader and EPICS base's make the same of the same files, and what it refuses, we refuse."""

import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from awkward import AWKWARD, BESIDE, REFUSED, SUBSTITUTIONS
from epics_base import differs
from hitline.db.error import DbError
from hitline.db.records import Database
from kit.patience import WAIT_S

MACROS = "P=C:"
FUZZ = 150
DICTIONARY = ("have a field", "Record type", "Can't set", "took the process")
"""EPICS base refuses types, fields and values by its dictionary; with us that is the check's work."""
STRICTER = (
    "is not defined",
    "no such record so far",
    "nothing may follow",
    "a NUL or DEL",
    "closing quote",
    "belongs in",
    "is not closed",
    "nested more than",
    "may not stand in the record name",
)
"""What only we refuse: there it is a warning, or garbage later."""


def epics_base(files: list[Path], macros: str = MACROS) -> list[Any]:
    program = Path(__file__).with_name("epics_base.py")
    done = subprocess.run(
        [sys.executable, str(program)],
        capture_output=True,
        timeout=WAIT_S * (1 + len(files) / 600),
        check=True,
        input=json.dumps([[str(file), macros] for file in files]).encode(),
    )
    return json.loads(done.stdout)


def ours(file: Path) -> Database | DbError:
    database = Database()
    try:
        database.load(file, {"P": "C:"})
    except DbError as error:
        return error
    return database


def written(folder: Path, texts: dict[str, str], suffix: str = ".db") -> list[Path]:
    for name, text in BESIDE.items():
        (folder / name).write_text(text)
    files = [folder / f"case{number}{suffix}" for number in range(len(texts))]
    for file, text in zip(files, texts.values(), strict=True):
        file.write_text(text, newline="")
    return files


def test_awkward_files_read_alike(tmp_path: Path) -> None:
    texts = AWKWARD | {"substitutions": SUBSTITUTIONS}
    files = written(tmp_path, AWKWARD) + written(tmp_path, {"s": SUBSTITUTIONS}, ".substitutions")
    for title, file, theirs in zip(texts, files, epics_base(files), strict=True):
        mine = ours(file)
        assert isinstance(theirs, dict), (title, theirs)
        assert isinstance(mine, Database), (title, mine)
        assert not differs(theirs, mine), title
        assert mine.records or title == "nothing at all"


def test_refused_files_are_refused_alike(tmp_path: Path) -> None:
    files = written(tmp_path, REFUSED)
    for title, file, theirs in zip(REFUSED, files, epics_base(files), strict=True):
        mine = ours(file)
        assert isinstance(theirs, str), f"EPICS base takes {title}"
        assert isinstance(mine, DbError), f"we take {title}"
        assert mine.file == str(file)
        assert mine.line == 1, title


def test_the_comparison_sees_a_difference(tmp_path: Path) -> None:
    (theirs,) = epics_base(written(tmp_path, {"x": 'record(ai,"$(P)x"){field(PREC,"3") info(a,"b")}'}))
    for text in (
        'record(ai,"C:x"){field(PREC,"4") info(a,"b")}',
        'record(ai,"C:x"){info(a,"b")}',
        'record(ai,"C:x"){field(PREC,"3")}',
        'record(ao,"C:x"){field(PREC,"3") info(a,"b")}',
        'record(ai,"C:y"){field(PREC,"3") info(a,"b")}',
        'record(ai,"C:x"){field(PREC,"3") info(a,"b") alias(z)}',
    ):
        database = Database()
        database.load_text(text, "x")
        assert differs(theirs, database), text


FRAGMENTS = (
    '"',
    "'",
    "\\",
    "#",
    "\n",
    " ",
    "(",
    ")",
    "{",
    "}",
    ",",
    "$(",
    "${",
    "=",
    "record",
    "field",
    "info",
    "alias",
    "*",
    ":",
    "[",
    "]",
    "$(P)",
    "$(Q)",
    "\t",
    "\\x41",
    "\\n",
    "\\1",
    "\\u00b5",
    "0x1",
    "-",
    "1",
    "abc",
    ".",
    "é",
    "%",
    "include",
    "//",
)


def spoilt(text: str, rng: random.Random) -> str:
    for _ in range(rng.randint(0, 2)):
        at, kind = rng.randrange(len(text) + 1), rng.randrange(4)
        if kind == 0:
            text = text[:at] + rng.choice(FRAGMENTS) + text[at:]
        elif kind == 1:
            text = text[:at] + text[at + rng.randint(1, 4) :]
        elif kind == 2:
            start = rng.randrange(len(text) + 1)
            text = text[:at] + text[start : start + rng.randint(1, 15)] + text[at:]
        else:
            text = text[:at] + rng.choice(FRAGMENTS) + text[at + 1 :]
    return text


@pytest.mark.timeout(240)
@pytest.mark.parametrize("count", [FUZZ, pytest.param(3000, marks=pytest.mark.faults)])
def test_spoilt_files_are_read_or_refused_alike(tmp_path: Path, count: int) -> None:
    """Whatever a slip of the keyboard makes of a file: we read what EPICS base reads, as it does."""
    rng = random.Random(20)
    texts = {str(n): spoilt(rng.choice(list(AWKWARD.values())), rng) for n in range(count)}
    files = written(tmp_path, texts)
    alike = 0
    for file, text, theirs in zip(files, texts.values(), epics_base(files), strict=True):
        mine = ours(file)
        if isinstance(theirs, str):
            assert isinstance(mine, DbError) or any(word in theirs for word in DICTIONARY), (text, theirs)
        elif isinstance(mine, DbError):
            assert any(word in mine.text for word in STRICTER), (text, mine.text)
        else:
            assert not differs(theirs, mine), text
            alike += 1
    assert alike > count // 5
