"""Busy flags: attributes that are true while an action goes on, and fall with its failure, if it has one."""

from collections.abc import Iterable, Mapping

from .attribute import UNKNOWN, Attribute, Command, Severity, Update


def busy_flags(tables: Iterable[Attribute | Command]) -> set[str]:
    """Give the names of all flags that are true while something of these tables is being carried out."""
    return {item.busy for item in tables} - {""}


def has_failed(busy: Update) -> bool:
    """Say whether this update of a busy flag tells that what it stood for has ended in failure."""
    return busy.value is False and busy.severity is Severity.MAJOR


def failures(tables: Iterable[Attribute | Command], updates: Mapping[str, Update]) -> dict[str, str]:
    """Give each busy flag of the tables that tells so, with the reason."""
    flags = {flag: updates.get(flag, UNKNOWN) for flag in sorted(busy_flags(tables))}
    return {flag: update.status for flag, update in flags.items() if has_failed(update)}
