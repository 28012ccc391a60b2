"""Macros as EPICS' macLib expands them: $(P), ${P}, $(P=default), nested, $(P,A=1) with scoped values.

Text of a file keeps its quotes and escapes, and macros inside single quotes stay as they are; a macro's
name, value or default loses them. A macro that is not defined leaves a mark, not an error: it may stand in a
comment.
Source: the EPICS Application Developer's Guide, "Macro Substitution Library".
"""

from collections.abc import Mapping

MARK = "\x7f"
"""Brackets the name of an undefined (or self-referring) macro in expanded text."""

DEEPEST = 40
"""Largest nesting of macros in macros; a file that goes deeper is a mistake, or an attack on the stack."""

_CLOSE = {"(": ")", "{": "}"}


class MacroError(ValueError):
    """Definitions or references that cannot be expanded."""


def expand(text: str, macros: Mapping[str, str]) -> str:
    """Expand every reference in `text`; an undefined one becomes MARK + name + MARK."""
    return _copy(text, 0, "", 0, dict(macros), ())[0]


def _copy(
    text: str, at: int, stops: str, level: int, macros: dict[str, str], using: tuple[str, ...]
) -> tuple[str, int]:
    """Copy from `at` to the first of `stops` (or the end) with references replaced; return text and place."""
    if level > DEEPEST:
        raise MacroError(f"macros nested more than {DEEPEST} deep: do two of them refer to each other?")
    out: list[str] = []
    quote = ""
    while at < len(text) and text[at] not in stops:
        char = text[at]
        if quote and char == quote:
            quote = ""
            if level:
                at += 1
                continue
        elif not quote and char in "\"'":
            quote = char
            if level:
                at += 1
                continue
        if char == "$" and quote != "'" and text[at + 1 : at + 2] in ("(", "{"):
            value, at = _refer(text, at + 2, _CLOSE[text[at + 1]], level + 1, macros, using)
            out.append(value)
            continue
        if char == "\\" and at + 1 < len(text):
            out.append(text[at + 1] if level else text[at : at + 2])
            at += 2
            continue
        out.append(char)
        at += 1
    return "".join(out), at


def _refer(
    text: str, at: int, close: str, level: int, macros: dict[str, str], using: tuple[str, ...]
) -> tuple[str, int]:
    """Replace one reference whose name begins at `at`; return its value and the place after its bracket."""
    name, at = _copy(text, at, "=," + close, level, macros, using)
    default = None
    if text[at : at + 1] == "=":
        default = at + 1
        _, at = _copy(text, default, "," + close, level, macros, using)
    scope = macros
    while text[at : at + 1] == ",":
        scope = dict(scope) if scope is macros else scope
        inner, at = _copy(text, at + 1, "=," + close, level, scope, using)
        if text[at : at + 1] == "=":
            value, at = _copy(text, at + 1, "," + close, level, scope, using)
            scope[inner] = value
    if at >= len(text):
        raise MacroError(f"the macro $({name.strip(MARK)} is not closed: add {close!r} on this line")
    if name in scope and name not in using:
        return _copy(scope[name], 0, "", level, scope, (*using, name))[0], at + 1
    if name not in scope and default is not None:
        return _copy(text, default, "," + close, level, scope, using)[0], at + 1
    return f"{MARK}{name.replace(MARK, '')}{MARK}", at + 1


def parse(text: str) -> dict[str, str]:
    """Read definitions such as `P=BL7:,R="DET1:"`; values keep their quotes, which `expand` removes."""
    macros: dict[str, str] = {}
    for part in _split(text):
        name, equals, value = part.partition("=")
        if not name.strip() and not equals:
            continue
        if not equals or not name.strip():
            raise MacroError(f"{part.strip()!r} is not a macro: write NAME=VALUE, with commas between")
        macros[name.strip()] = value.strip()
    return macros


def _split(text: str) -> list[str]:
    """Split at the commas outside of quotes."""
    parts, quote, escaped = [""], "", False
    for char in text:
        if char == "," and not quote and not escaped:
            parts.append("")
            continue
        if not escaped and char in "\"'":
            quote = "" if quote == char else quote or char
        escaped = char == "\\" and not escaped
        parts[-1] += char
    if quote:
        raise MacroError(f"macro definitions {text!r}: the quote {quote} is not closed")
    return parts
