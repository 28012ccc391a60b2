"""Statements of a .db file: records with their fields, info items and aliases, and aliases of their own.

The grammar is EPICS base's for databases (EPICS 7, "Database Definition"). What only a .dbd file holds is
refused, with where it belongs.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NoReturn

from .error import DbError
from .tokens import Token, Tokens

LONGEST_NAME = 60
"""Bytes of a record name or alias (PVNAME_STRINGSZ without the end)."""

DEEPEST_JSON = 20
"""Largest nesting of a JSON value."""

_FORBIDDEN = " \t\"'.$"


@dataclass(slots=True)
class RecordStatement:
    """`record(type, "name") { ... }` as it stands; type "*" changes a record, "#" deletes it."""

    rtype: str
    name: str
    file: str
    line: int
    fields: list[tuple[str, str, str, int]] = field(default_factory=list)
    """(name, value, file, line) in order; a name may come twice."""
    info: list[tuple[str, str]] = field(default_factory=list)
    aliases: list[tuple[str, str, int]] = field(default_factory=list)


@dataclass(slots=True)
class AliasStatement:
    """`alias("record", "alias")`."""

    name: str
    alias: str
    file: str
    line: int


Statement = RecordStatement | AliasStatement
Opener = Callable[[str, str], tuple[str, str]]
"""(name in the include, file that includes) -> (text, file name); raises OSError."""


def statements(text: str, file: str, macros: Mapping[str, str], opener: Opener) -> Iterator[Statement]:
    """Give the statements of a database; raises DbError."""
    tokens = Tokens(text, file, macros)
    while (token := tokens.next()).kind != "end":
        if token.text in ("record", "grecord") and token.kind == "keyword":
            yield _record(tokens, opener)
        elif token.text == "alias" and token.kind == "keyword":
            name, alias = _names(tokens, 2)
            yield AliasStatement(record_name(name), record_name(alias), token.file, token.line)
        elif token.text == "include" and token.kind == "keyword":
            _include(tokens, opener)
        elif token.kind == "keyword":
            _fail(
                token,
                f"{token.text!r} is no statement of a database: what is in a .dbd file "
                "belongs in an IOC of your own",
            )
        else:
            _fail(token, f"expected record(...), alias(...) or include, found {token.text!r}")


def _record(tokens: Tokens, opener: Opener) -> RecordStatement:
    rtype, name = _names(tokens, 2)
    made = RecordStatement(rtype.text, record_name(name), rtype.file, rtype.line)
    token = tokens.next()
    if token.kind == "{":
        while (token := tokens.next()).kind != "}":
            _item(tokens, token, made, opener)
    else:  # a record without a body: the word belongs to the next statement
        tokens.back(token)
    return made


def _item(tokens: Tokens, token: Token, made: RecordStatement, opener: Opener) -> None:
    """Read one item of a record's body, whose first word is `token`."""
    if token.kind != "keyword" or token.text not in ("field", "info", "alias", "include"):
        what = "the file ends" if token.kind == "end" else f"found {token.text!r}"
        _fail(
            token,
            f"{what} inside record {made.name!r}: expected field(...), info(...), alias(...) "
            "or a closing brace",
        )
    if token.text == "include":
        _include(tokens, opener)
    elif token.text == "alias":
        (alias,) = _names(tokens, 1)
        made.aliases.append((record_name(alias), alias.file, alias.line))
    else:
        _expect(tokens, "(")
        name = _text(tokens)
        _expect(tokens, ",")
        value = _value(tokens)
        _expect(tokens, ")")
        if not name.text:
            _fail(name, f"{token.text} without a name in record {made.name!r}")
        if token.text == "info":
            made.info.append((name.text, value))
        else:
            made.fields.append((name.text, value, name.file, name.line))


def _value(tokens: Tokens) -> str:
    token = tokens.next(value=True)
    if token.kind == "string":
        return unescape(token.text)
    return _json(tokens, token, 0)


def _json(tokens: Tokens, token: Token, level: int) -> str:
    """Read the JSON value that begins with `token`; returns it without blanks, as EPICS base does."""
    if level > DEEPEST_JSON:
        _fail(token, f"a value nested more than {DEEPEST_JSON} deep")
    if token.kind == "number" or token.kind == "word":
        bare = token.kind == "word" and level and token.text not in ("null", "true", "false")
        return f'"{token.text}"' if bare else token.text
    if token.kind == "string":
        return f'"{token.text}"'
    if token.kind not in ("[", "{"):
        _fail(token, f'a value is missing before {token.text!r}: write "" for an empty one')
    close = "]" if token.kind == "[" else "}"
    out = token.kind
    item = tokens.next(value=True)
    while item.kind != close:
        if close == "}":
            if item.kind not in ("string", "word"):
                _fail(item, f"expected a key, found {item.text!r}")
            if (colon := tokens.next(value=True)).kind != ":":
                _fail(colon, f"expected ':' after key {item.text!r}, found {colon.text!r}")
            out += f'"{item.text}":' if item.kind == "string" else f"{item.text}:"
            item = tokens.next(value=True)
        out += _json(tokens, item, level + 1)
        item = tokens.next(value=True)
        if item.kind == ",":
            item = tokens.next(value=True)
            out += "," if item.kind != close or close == "]" else ""
        elif item.kind != close:
            _fail(item, f"expected ',' or {close!r}, found {item.text!r}")
    return out + close


def _include(tokens: Tokens, opener: Opener) -> None:
    name = _text(tokens)
    try:
        text, file = opener(name.text, name.file)
    except OSError as error:
        _fail(name, f"cannot include {name.text!r}: {error.strerror or error}")
    tokens.include(text, file)


def _names(tokens: Tokens, count: int) -> list[Token]:
    """Read `(a)` or `(a, b)`."""
    _expect(tokens, "(")
    names = [_text(tokens)]
    for _ in range(count - 1):
        _expect(tokens, ",")
        names.append(_text(tokens))
    _expect(tokens, ")")
    return names


def _text(tokens: Tokens) -> Token:
    token = tokens.next()
    if token.kind not in ("word", "string"):
        hint = ": put it in quotes" if token.kind == "keyword" else ""
        _fail(token, f"expected a name or a string, found {token.text or 'the end of the file'!r}{hint}")
    return token


def _expect(tokens: Tokens, mark: str) -> None:
    token = tokens.next()
    if token.kind != mark:
        _fail(token, f"expected {mark!r}, found {token.text or 'the end of the file'!r}")


def record_name(token: Token) -> str:
    """Return a record's name if EPICS base takes it."""
    name = token.text
    if not name:
        _fail(token, "a record needs a name")
    for char in name:
        if char in _FORBIDDEN or char < " ":
            _fail(token, f"{char!r} may not stand in the record name {name!r}")
    if len(name.encode()) > LONGEST_NAME:
        _fail(
            token,
            f"record name {name!r} has {len(name.encode())} bytes, EPICS allows {LONGEST_NAME}: "
            "shorten a macro or the name",
        )
    return name


_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def unescape(text: str) -> str:
    r"""Translate C's escapes (\n, \t, \x41...); \0 ends the text, as in EPICS base."""
    out, at = [], 0
    while at < len(text):
        char = text[at]
        at += 1
        if char == "\\" and at < len(text):
            char = text[at]
            at += 1
            if char == "0":
                break
            if char == "x":
                out.append(chr(int(text[at : at + 2], 16)))
                at += 2
                continue
            char = _ESCAPES.get(char, char)
        out.append(char)
    return "".join(out)


def _fail(token: Token, text: str) -> NoReturn:
    raise DbError(token.file, token.line, text)
