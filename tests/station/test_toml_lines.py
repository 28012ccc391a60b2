"""Lines of keys: for every valid TOML text, each key of the parsed table has the line it stands in."""

import tomllib
from typing import Any

import pytest
from hitline.bus.toml_lines import key_lines
from hypothesis import given
from hypothesis import strategies as st

TRICKY = '''\
# comment with [brackets] and "quotes
a = 1 # = 2
"b.c" = """
x = 1
[not.a.table]
""" # end
d.e . f = [ 1, # one
  [2, 3],
  { g = "}", "h" = '#' }, ]
[t]
when = 1979-05-27 07:32:00
i = \'\'\'"""\'\'\'
[[t.u]]
j = "\\"]"
[[t.u]]
j = 2
[t.u.v]
k = { l.m = [], n = "" }
'''


def test_tricky_text() -> None:
    assert tomllib.loads(TRICKY)["t"]["u"][1]["v"]["k"]["l"]["m"] == []
    lines = key_lines(TRICKY)
    assert lines[("a",)] == 2
    assert lines[("b.c",)] == 3
    assert lines[("d", "e", "f")] == 7
    assert lines[("d", "e", "f", 1, 0)] == 8
    assert lines[("d", "e", "f", 2, "h")] == 9
    assert lines[("t",)] == 10
    assert lines[("t", "i")] == 12
    assert lines[("t", "u", 0, "j")] == 14
    assert lines[("t", "u", 1, "j")] == 16
    assert lines[("t", "u", 1, "v", "k", "l", "m")] == 18
    assert lines[("t", "u", 1, "v", "k", "n")] == 18


def paths(value: Any, at: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Every key's path in a parsed table."""
    if isinstance(value, dict):
        return [p for k, v in value.items() for p in [(*at, k), *paths(v, (*at, k))]]
    if isinstance(value, list):
        return [p for n, v in enumerate(value) for p in paths(v, (*at, n))]
    return []


PIECES = st.sampled_from(
    [
        "a",
        "b",
        "=",
        " ",
        "\n",
        ".",
        "[",
        "]",
        "{",
        "}",
        ",",
        "#",
        '"',
        "'",
        '"""',
        "'''",
        "\\",
        "1",
        "[[",
        "]]",
        "a = 1\n",
        'b = "x"\n',
        "[a]\n",
        "[[b]]\n",
        "[b.c]\n",
        "c = { a = 1, b = [2] }\n",
        "d = '''\n'''\n",
        '"e e"=1\n',
    ]
)


@pytest.mark.parametrize("joiner", ["", "\n"])
@given(pieces=st.lists(PIECES, max_size=12))
def test_whatever_tomllib_takes_has_lines(joiner: str, pieces: list[str]) -> None:
    """Every key that tomllib finds in a text has a line, at most the last one."""
    text = joiner.join(pieces)
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    lines = key_lines(text)
    for path in paths(table):
        assert 1 <= lines[path] <= text.count("\n") + 1, (text, path)
