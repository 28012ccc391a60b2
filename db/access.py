"""Access security files (.acf): who may read and write records of which group.

The grammar is EPICS base's (Application Developer's Guide, "Access Security"): UAG and HAG name users and
hosts, an ASG holds rules, a rule of level 1 covers every field, one of level 0 the value alone. Rules with
CALC need inputs from PVs and are refused. The decision is pure, and only as good as the names that it is
given: a Channel Access client claims its user and host itself.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from .error import DbError
from .macros import MARK, MacroError, expand

DEFAULT = "DEFAULT"
"""The group of records without one, and of those whose group is not in the file."""

_TOKEN = re.compile(
    r"""(?P<blank>(?:[ \t\r]|\#.*)+)|(?P<quoted>"(?:[^"\n\\]|\\.)*")"""
    r"""|(?P<word>[a-zA-Z0-9_\-+:.\[\]<>;/]+)|(?P<mark>[(),{}])|(?P<line>\n)"""
)


@dataclass(slots=True)
class Rule:
    """RULE(level, READ or WRITE) { UAG(...) HAG(...) }; without lists it holds for everybody."""

    level: int
    write: bool
    users: list[str] = field(default_factory=list)
    hosts: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Right:
    """What a client may do."""

    read: bool
    write: bool


@dataclass(slots=True)
class Policy:
    """A whole file."""

    users: dict[str, frozenset[str]] = field(default_factory=dict)
    hosts: dict[str, frozenset[str]] = field(default_factory=dict)
    """Lower case."""
    groups: dict[str, list[Rule]] = field(default_factory=dict)

    def decide(self, group: str, user: str, hosts: Collection[str], *, level: int = 0) -> Right:
        """Return the right of a user on a host (any of the names it is known by) to a field of `level`."""
        names = {host.lower() for host in hosts}
        read = write = False
        for rule in self.groups.get(group, self.groups.get(DEFAULT, [])):
            known = not rule.users or any(user in self.users[uag] for uag in rule.users)
            here = not rule.hosts or any(names & self.hosts[hag] for hag in rule.hosts)
            if level <= rule.level and known and here:
                read, write = True, write or rule.write
        return Right(read, write)


def load(path: str | Path, macros: Mapping[str, str] | None = None) -> Policy:
    """Read a file; raises DbError."""
    try:
        text = Path(path).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise DbError(str(path), 0, f"cannot be read: {error}") from None
    return parse(text, str(path), macros)


def parse(text: str, file: str, macros: Mapping[str, str] | None = None) -> Policy:
    """Read the text of a file; raises DbError."""
    return _Reader(text, file, macros or {}).read()


class _Reader:
    def __init__(self, text: str, file: str, macros: Mapping[str, str]) -> None:
        self.file = file
        self.line = 1
        self.words = self._cut(text, macros)
        self.kind, self.text = next(self.words)

    def _cut(self, text: str, macros: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        for number, raw in enumerate(text.split("\n"), 1):
            try:
                line = expand(raw, macros)
            except MacroError as error:
                raise DbError(self.file, number, str(error)) from None
            at = 0
            while at < len(line):
                match = _TOKEN.match(line, at)
                if match is None or MARK in (match[0] if match.lastgroup == "quoted" else ""):
                    what = "an undefined macro" if MARK in line[at:] else f"{line[at]!r}"
                    raise DbError(self.file, number, f"{what} may not stand here")
                at = match.end()
                if match.lastgroup != "blank":
                    self.line = number
                    if match.lastgroup == "quoted":
                        yield "word", match[0][1:-1]
                    else:
                        yield ("word" if match.lastgroup == "word" else match[0]), match[0]
        while True:
            yield "end", "the end of the file"

    def fail(self, text: str) -> NoReturn:
        raise DbError(self.file, self.line, text)

    def take(self, kind: str) -> str:
        if self.kind != kind:
            self.fail(f"expected {kind!r}, found {self.text!r}")
        text = self.text
        self.kind, self.text = next(self.words)
        return text

    def skip(self, kind: str) -> bool:
        if self.kind == kind:
            self.take(kind)
            return True
        return False

    def read(self) -> Policy:
        policy = Policy()
        while self.kind != "end":
            keyword = self.text
            if keyword not in ("UAG", "HAG", "ASG"):
                self.fail(f"expected UAG, HAG or ASG, found {keyword!r}")
            self.take("word")
            self.take("(")
            name = self.take("word")
            self.take(")")
            taken: dict[str, Mapping] = {"UAG": policy.users, "HAG": policy.hosts, "ASG": policy.groups}
            if name in taken[keyword]:
                self.fail(f"{keyword}({name}) stands twice: join the two")
            if keyword == "ASG":
                policy.groups[name] = self._rules(policy)
                continue
            members = self._list("{", "}") if self.kind == "{" else []
            if keyword == "HAG":
                policy.hosts[name] = frozenset(map(str.lower, members))
            else:
                policy.users[name] = frozenset(members)
        if DEFAULT not in policy.groups:
            self.fail("ASG(DEFAULT) is missing: it holds for records without a group")
        return policy

    def _rules(self, policy: Policy) -> list[Rule]:
        rules: list[Rule] = []
        if not self.skip("{"):
            return rules
        while not self.skip("}"):
            if self.text != "RULE":
                self.fail(
                    f"expected RULE, found {self.text!r}: INP and CALC need PVs and are not "
                    "supported here; keep such rules in a gateway"
                )
            self.take("word")
            rules.append(self._rule(policy))
        return rules

    def _rule(self, policy: Policy) -> Rule:
        level, access, *more = self._list("(", ")") + [""] * 2
        if level not in ("0", "1") or access not in ("NONE", "READ", "WRITE"):
            self.fail(f"RULE({level}, {access}): write RULE(0 or 1, NONE, READ or WRITE)")
        if more[0] not in ("", "TRAPWRITE", "NOTRAPWRITE"):
            self.fail(f"{more[0]!r} is neither TRAPWRITE nor NOTRAPWRITE")
        rule = Rule(int(level) if access != "NONE" else -1, access == "WRITE")
        if not self.skip("{"):
            return rule
        while not self.skip("}"):
            keyword = self.take("word")
            if keyword not in ("UAG", "HAG"):
                self.fail(f"{keyword!r} in a rule is not supported here, only UAG and HAG")
            known, names = (policy.users, rule.users) if keyword == "UAG" else (policy.hosts, rule.hosts)
            for name in self._list("(", ")"):
                if name not in known:
                    self.fail(f"{keyword}({name}) is not defined above")
                names.append(name)
        return rule

    def _list(self, opening: str, closing: str) -> list[str]:
        """Read words with commas between them."""
        self.take(opening)
        words = [self.take("word")]
        while not self.skip(closing):
            self.take(",")
            words.append(self.take("word"))
        return words
