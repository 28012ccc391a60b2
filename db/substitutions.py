"""Substitutions files: `file NAME { pattern {P, R} {BL7:, "DET1:"} }`, `file NAME { {P=BL7:} }`, `global {}`.

The grammar is that of EPICS base's dbLoadTemplate (Application Developer's Guide, "dbLoadTemplate"); commas
are optional and may trail. More values than pattern names is an error here, a warning there.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NoReturn

from .error import DbError

_TOKEN = re.compile(
    r"""(?P<blank>(?:[ \t\r]|\#.*)+)|(?P<quoted>"(?:[^"\n\\]|\\.)*"|'(?:[^'\n\\]|\\.)*')"""
    r"""|(?P<word>[a-zA-Z0-9_\-+:./\\\[\]<>;]+)|(?P<mark>[=,{}])|(?P<line>\n)"""
)


@dataclass(frozen=True, slots=True)
class Instance:
    """One set of macros for a template."""

    template: str
    macros: dict[str, str]
    line: int


@dataclass(frozen=True, slots=True)
class _Word:
    kind: str
    text: str
    line: int

    @property
    def value(self) -> bool:
        return self.kind in ("word", "quoted")


def instances(text: str, file: str, macros: Mapping[str, str]) -> Iterator[Instance]:
    """Give each template with its macros, in order; `macros` hold where the file says nothing else."""
    return _Reader(text, file).read(dict(macros))


class _Reader:
    def __init__(self, text: str, file: str) -> None:
        self.file = file
        self.words = self._cut(text)
        self.word = next(self.words)

    def _cut(self, text: str) -> Iterator[_Word]:
        at, line = 0, 1
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None:
                what = "closing quote missing" if text[at] in "\"'" else f"{text[at]!r} may not stand here"
                raise DbError(self.file, line, f"{what}: such values need quotes, on one line")
            at = match.end()
            if match.lastgroup == "line":
                line += 1
            elif match.lastgroup == "quoted":
                yield _Word("quoted", match[0], line)
            elif match.lastgroup != "blank":
                yield _Word("word" if match.lastgroup == "word" else match[0], match[0], line)
        while True:
            yield _Word("end", "the end of the file", line)

    def fail(self, expected: str) -> NoReturn:
        raise DbError(self.file, self.word.line, f"expected {expected}, found {self.word.text}")

    def take(self, kind: str) -> _Word:
        word = self.word
        if word.kind != kind:
            self.fail(kind if len(kind) > 1 else repr(kind))
        self.word = next(self.words)
        return word

    def skip(self, kind: str) -> bool:
        if self.word.kind != kind:
            return False
        self.word = next(self.words)
        return True

    def read(self, macros: dict[str, str]) -> Iterator[Instance]:
        while self.word.kind != "end":
            if self.word.text == "global":
                macros = macros | self._global()
                continue
            if self.word.text != "file":
                self.fail("file or global")
            self.take("word")
            if not self.word.value:
                self.fail("the name of a template")
            template = self.take(self.word.kind).text.strip("\"'")
            self.take("{")
            names = self._pattern() if self.word.text == "pattern" else None
            while not self.skip("}"):
                if self.word.text == "global":
                    macros = macros | self._global()
                    continue
                line = self.take("{").line
                own = self._definitions() if names is None else self._values(names)
                yield Instance(template, macros | own, line)

    def _global(self) -> dict[str, str]:
        self.take("word")
        self.take("{")
        return self._definitions()

    def _pattern(self) -> list[str]:
        self.take("word")
        self.take("{")
        names = []
        while not self.skip("}"):
            if not self.skip(","):
                names.append(self.take("word").text)
        return names

    def _definitions(self) -> dict[str, str]:
        found = {}
        while not self.skip("}"):
            if self.skip(","):
                continue
            name = self.take("word").text
            self.take("=")
            if not self.word.value:
                self.fail(f"a value for {name}")
            found[name] = self.take(self.word.kind).text
        return found

    def _values(self, names: list[str]) -> dict[str, str]:
        values: list[str] = []
        while not self.skip("}"):
            if self.skip(","):
                continue
            if not self.word.value:
                self.fail("a value or '}'")
            if len(values) == len(names):
                raise DbError(
                    self.file,
                    self.word.line,
                    f"value {self.word.text} is one more than the "
                    f"pattern's {len(names)} names: {', '.join(names)}",
                )
            values.append(self.take(self.word.kind).text)
        return dict(zip(names, values, strict=False))
