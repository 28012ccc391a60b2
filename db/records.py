"""Records of EPICS databases: what .db, .template and .substitutions files say after macros and overlays.

Loading several files one after the other builds one database, as an IOC does: a record that comes again
adds to what is there, `record("*", ...)` changes it, `record("#", ...)` takes it out. The reader takes every
record type and field; what is supported is decided by `check`. It is stricter than EPICS base in that an
undefined macro, a missing include or an unknown record are errors, never warnings.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .error import DbError
from .grammar import AliasStatement, Opener, RecordStatement, statements
from .substitutions import instances


@dataclass(slots=True)
class Record:
    """One record: type, name and what was said about it."""

    rtype: str
    name: str
    fields: dict[str, str] = field(default_factory=dict)
    info: dict[str, str] = field(default_factory=dict)
    aliases: list[str] = field(default_factory=list)
    file: str = ""
    line: int = 0
    """Where it was first defined."""
    places: dict[str, tuple[str, int]] = field(default_factory=dict)
    """(file, line) that each field comes from."""

    def place(self, name: str = "") -> tuple[str, int]:
        """Return the file and line of a field, or of the record."""
        return self.places.get(name, (self.file, self.line))


class Database:
    """Records by name, with their aliases."""

    def __init__(self) -> None:
        self.records: dict[str, Record] = {}
        self.aliases: dict[str, str] = {}
        """Alias -> name of its record."""

    def find(self, name: str) -> Record | None:
        """Return the record of a name or alias."""
        return self.records.get(self.aliases.get(name, name))

    def load(self, path: str | Path, macros: Mapping[str, str] | None = None) -> None:
        """Add what a .db, .template or .substitutions file says; raises DbError."""
        path = Path(path)
        text = _read(path)
        if path.suffix not in (".substitutions", ".subs"):
            self.load_text(text, str(path), macros)
            return
        for instance in instances(text, str(path), macros or {}):
            try:
                template, file = _beside(instance.template, str(path))
            except OSError as error:
                raise DbError(
                    str(path),
                    instance.line,
                    f"cannot read the template {instance.template!r}: {error.strerror or error}",
                ) from None
            self.load_text(template, file, instance.macros)

    def load_text(
        self, text: str, file: str, macros: Mapping[str, str] | None = None, opener: Opener | None = None
    ) -> None:
        """Add what the text of a database says; includes are looked for beside `file`."""
        for statement in statements(text, file, macros or {}, opener or _beside):
            if isinstance(statement, AliasStatement):
                self._alias(statement.name, statement.alias, statement.file, statement.line)
            else:
                self._record(statement)

    def merge(self, other: "Database") -> list[DbError]:
        """Take over the records of another database; those whose name is taken are returned instead."""
        refused = []
        for record in other.records.values():
            taken = [found for name in (record.name, *record.aliases) if (found := self.find(name))]
            if taken:
                refused.append(
                    DbError(
                        record.file,
                        record.line,
                        f"{record.name} (or an alias of it) stands at {taken[0].file}:"
                        f"{taken[0].line} already: give one of the instruments another pv",
                    )
                )
                continue
            self.records[record.name] = record
            self.aliases.update(dict.fromkeys(record.aliases, record.name))
        return refused

    def _record(self, said: RecordStatement) -> None:
        found = self.find(said.name)
        if said.rtype in ("*", "#"):
            if found is None:
                raise DbError(
                    said.file,
                    said.line,
                    f'record("{said.rtype}", "{said.name}"): there is no such record so far; '
                    "load this file after the one that defines it",
                )
        elif found is None:
            found = self.records[said.name] = Record(said.rtype, said.name, file=said.file, line=said.line)
        elif found.rtype != said.rtype:
            raise DbError(
                said.file,
                said.line,
                f'record "{said.name}" is {found.rtype} at {found.file}:{found.line}, here '
                f'{said.rtype}: to change it use record("*", ...)',
            )
        if said.rtype == "#" and said.name in self.aliases:  # an alias goes alone
            del self.aliases[said.name]
            found.aliases.remove(said.name)
            return
        if said.rtype == "#":
            self.drop([found])
            return
        for name, value, file, line in said.fields:
            if name == "NAME":
                raise DbError(file, line, f"field NAME of {said.name!r} cannot be set: use alias(...)")
            found.fields[name] = value
            found.places[name] = (file, line)
        found.info.update(said.info)
        for alias, file, line in said.aliases:
            self._alias(found.name, alias, file, line)

    def _alias(self, name: str, alias: str, file: str, line: int) -> None:
        record, taken = self.find(name), self.find(alias)
        if record is None:
            raise DbError(file, line, f"alias {alias!r}: there is no record {name!r} so far")
        if taken is not None:
            if alias in self.aliases and taken is record:
                return
            raise DbError(
                file, line, f"alias {alias!r} for {record.name!r} is already taken by record {taken.name!r}"
            )
        self.aliases[alias] = record.name
        record.aliases.append(alias)

    def drop(self, records: Iterable[Record]) -> None:
        """Take records out, with their aliases."""
        for record in tuple(records):
            del self.records[record.name]
            for alias in record.aliases:
                del self.aliases[alias]


def load(path: str | Path, macros: Mapping[str, str] | None = None) -> dict[str, Record]:
    """Read one file and return its records by name; raises DbError."""
    database = Database()
    database.load(path, macros)
    return database.records


def removed(path: Path, macros: Mapping[str, str]) -> set[str]:
    """Names of the records that a file takes out with `record("#", ...)`; raises DbError."""
    return {
        said.name
        for said in statements(_read(path), str(path), macros, _beside)
        if isinstance(said, RecordStatement) and said.rtype == "#"
    }


def _read(path: Path) -> str:
    """Return the text of a file, UTF-8 or else Latin-1, which older sites write their units in."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DbError(str(path), 0, f"cannot be read: {error.strerror or error}") from None
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _beside(name: str, file: str) -> tuple[str, str]:
    """Read the file `name`, looked for beside `file`."""
    path = Path(file).parent / name
    with path.open("rb"):
        pass
    return _read(path), str(path)
