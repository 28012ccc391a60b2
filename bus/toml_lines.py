"""The line of every key of a TOML text, because `tomllib` forgets them and an operator needs them.

Works on text that `tomllib` has already accepted, so it checks nothing: it only walks over strings, arrays
and inline tables to find where keys stand. A path is a tuple of keys and array indices.
"""

import re
import tomllib

Path = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_BARE_VALUE = re.compile(r"[^,\]}#\n]+")
_STRINGS = (
    re.compile(r'"""(?:[^"\\]|\\.|"(?!""))*"{3,5}', re.DOTALL),
    re.compile(r"'''(?:[^']|'(?!''))*'{3,5}", re.DOTALL),
    re.compile(r'"(?:[^"\\\n]|\\.)*"'),
    re.compile(r"'[^'\n]*'"),
)


def key_lines(text: str) -> dict[Path, int]:
    """Map the path of every key and table header of a valid TOML `text` to its line, counted from 1."""
    return _Scanner(text).run()


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.lines: dict[Path, int] = {}
        self.counts: dict[Path, int] = {}
        """How many elements each array of tables has so far."""

    def run(self) -> dict[Path, int]:
        table: Path = ()
        while self._blank() < len(self.text):
            if self.text[self.at] == "[":
                table = self._header()
            else:
                self._pair(table)
        return self.lines

    def _blank(self) -> int:
        match = _BLANK.match(self.text, self.at)
        self.at = match.end() if match else self.at
        return self.at

    def _mark(self, path: Path, at: int) -> None:
        self.lines.setdefault(path, self.text.count("\n", 0, at) + 1)

    def _string(self) -> str | None:
        for pattern in _STRINGS:
            if match := pattern.match(self.text, self.at):
                self.at = match.end()
                return match.group()
        return None

    def _key(self) -> list[str]:
        parts = []
        while True:
            self._blank()
            if quoted := self._string():
                parts.append(tomllib.loads(f"k = {quoted}")["k"])
            elif match := _BARE_KEY.match(self.text, self.at):
                parts.append(match.group())
                self.at = match.end()
            else:
                raise ValueError(f"no TOML key at offset {self.at}")
            self._blank()
            if self.text[self.at] != ".":
                return parts
            self.at += 1

    def _header(self) -> Path:
        start = self.at
        array = self.text.startswith("[[", start)
        self.at += 2 if array else 1
        parts = self._key()
        self.at += 2 if array else 1
        path: Path = ()
        for part in parts[:-1]:
            path += (part,)
            if path in self.counts:
                path += (self.counts[path] - 1,)
        path += (parts[-1],)
        if array:
            self._mark(path, start)
            self.counts[path] = self.counts.get(path, 0) + 1
            path += (self.counts[path] - 1,)
        for end in range(1, len(path) + 1):
            self._mark(path[:end], start)
        return path

    def _pair(self, table: Path) -> None:
        start = self.at
        path = table
        for part in self._key():
            path += (part,)
            self._mark(path, start)
        self.at += 1  # the equals sign
        self._value(path)

    def _value(self, path: Path) -> None:
        self._blank()
        if self._string() is not None:
            return
        opening = self.text[self.at]
        if opening not in "[{":
            match = _BARE_VALUE.match(self.text, self.at)
            self.at = match.end() if match else self.at + 1
            return
        closing = {"[": "]", "{": "}"}[opening]
        self.at += 1
        index = 0
        while self.text[self._blank()] != closing:
            if self.text[self.at] == ",":
                self.at += 1
                index += 1
            elif opening == "{":
                self._pair(path)
            else:
                self._mark((*path, index), self.at)
                self._value((*path, index))
        self.at += 1
