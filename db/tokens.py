"""Words of a .db file, as EPICS base cuts them: bare words, quoted strings, punctuation, values of fields.

Macros are expanded line by line before the line is cut, comments included. The value of a field or info item
is read by another rule than the rest (nearly JSON5), so the parser says which one it wants. An include is a
file on a stack; nothing but the end of a line may follow its name.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .error import DbError
from .macros import MARK, MacroError, expand

KEYWORDS = frozenset(
    (
        "include",
        "path",
        "addpath",
        "menu",
        "choice",
        "recordtype",
        "field",
        "device",
        "driver",
        "link",
        "breaktable",
        "record",
        "grecord",
        "alias",
        "info",
        "registrar",
        "function",
        "variable",
    )
)

DEEPEST_INCLUDE = 20
"""Largest nesting of include; a file that includes itself ends here."""

_BLANK = re.compile(r"(?:[ \t\r\n]|#.*)*")
_BARE = re.compile(r"[a-zA-Z0-9_\-+:.\[\]<>;]+")
_STRING = re.compile(r'"((?:[^"\n\\]|\\.)*)"')
_VALUE_STRING = re.compile(
    r'''"((?:[^"\\\0-\x1f]|\\(?:[^ux1-9\n]|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}))*)"'''
    r"""|'((?:[^'\\\0-\x1f]|\\(?:[^ux1-9\n]|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}))*)'"""
)
_VALUE_BARE = re.compile(r"[a-zA-Z0-9_\-+.]+")
_NUMBER = re.compile(
    r"(?:[+-]?0[xX][0-9a-fA-F]+|NaN|[+-]?Infinity|[+-]?\.[0-9]+(?:[eE][+-]?[0-9]+)?"
    r"|[+-]?(?:[1-9][0-9]+|[0-9])(?:\.[0-9]+|\.)?(?:[eE][+-]?[0-9]+)?)$"
)


@dataclass(frozen=True, slots=True)
class Token:
    """One word with its place. Kinds: word, string, keyword, number, end, or the punctuation mark itself."""

    kind: str
    text: str
    file: str
    line: int


class Tokens:
    """The words of a text and of what it includes, one at a time."""

    def __init__(self, text: str, file: str, macros: Mapping[str, str]) -> None:
        self.macros = macros
        self.open: list[tuple[str, Iterator[tuple[int, str]]]] = []
        self.file, self.number, self.text, self.at = file, 0, "", 0
        self.pending: Token | None = None
        self.include(text, file)

    def back(self, token: Token) -> None:
        """Give a word back; `next` returns it first."""
        self.pending = token

    def include(self, text: str, file: str) -> None:
        """Go on with `text`, and come back when it ends."""
        if _BLANK.match(self.text, self.at).end() != len(self.text):  # type: ignore[union-attr]
            self.fail("nothing may follow an include on its line: move the rest to the next line")
        if len(self.open) >= DEEPEST_INCLUDE:
            self.fail(f"include nested more than {DEEPEST_INCLUDE} deep: does a file include itself?")
        self.open.append((file, enumerate(text.split("\n"), 1)))

    def fail(self, text: str) -> None:
        """Raise DbError here."""
        raise DbError(self.file, self.number, text)

    def _line(self) -> bool:
        """Fetch and expand the next line; False at the end of all."""
        while self.open:
            self.file, lines = self.open[-1]
            for self.number, raw in lines:
                if MARK in raw or "\0" in raw:
                    self.fail("a NUL or DEL character: this is not a text file")
                try:
                    self.text, self.at = expand(raw, self.macros), 0
                except MacroError as error:  # in a comment too: EPICS base loses the next line by it
                    self.fail(str(error))
                return True
            self.open.pop()
        return False

    def next(self, *, value: bool = False) -> Token:
        """Return the next word; `value` reads by the rule for values of fields and info items."""
        if self.pending:
            token, self.pending = self.pending, None
            return token
        while True:
            self.at = _BLANK.match(self.text, self.at).end()  # type: ignore[union-attr]
            if self.at < len(self.text):
                break
            if not self._line():
                return Token("end", "", self.file, self.number)
        kind, text = self._value() if value else self._word()
        if MARK in text:
            name = text.split(MARK)[1]
            self.fail(f"macro {name} is not defined: pass {name}=..., or give it a default, $({name}=...)")
        return Token(kind, text, self.file, self.number)

    def _word(self) -> tuple[str, str]:
        if self.text[self.at] in "{}(),":
            self.at += 1
            return self.text[self.at - 1], self.text[self.at - 1]
        if match := _BARE.match(self.text, self.at):
            self.at = match.end()
            return "keyword" if match[0] in KEYWORDS else "word", match[0]
        if match := _STRING.match(self.text, self.at):
            self.at = match.end()
            return "string", match[1]
        return self._bad()

    def _value(self) -> tuple[str, str]:
        if self.text[self.at] in ":,[]{}":
            self.at += 1
            return self.text[self.at - 1], self.text[self.at - 1]
        if match := _VALUE_STRING.match(self.text, self.at):
            self.at = match.end()
            return "string", match[0][1:-1]
        if match := _VALUE_BARE.match(self.text, self.at):
            self.at = match.end()
            return "number" if _NUMBER.match(match[0]) else "word", match[0]
        return self._bad()

    def _bad(self) -> tuple[str, str]:
        char = self.text[self.at]
        if char == MARK:
            return "word", self.text[self.at :]
        if char in "\"'":
            closed = re.compile(char + r"(?:[^\\" + char + r"]|\\.)*" + char).match(self.text, self.at)
            self.fail(
                "a character that may not stand in a string (a tab, or an escape such as \\1): "
                "write it as \\t or \\x.."
                if closed
                else f"closing quote {char} missing: a string ends on its line"
            )
        if char == "%":
            self.fail("a line of C belongs in a .dbd file: load that in an IOC of your own")
        self.fail(f"{char!r} may not stand here: put the text in quotes")
        raise AssertionError  # fail never returns
