"""A module is one noun or verb: nine of ten have at most 200 lines, none more than 300."""

from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROOMS = ("analysis", "bus", "cli", "db", "devices", "ioc", "panels", "plans")
TABLES: dict[str, str] = {}
"""Longer files that are tables, each with its reason."""


def test_modules_are_small() -> None:
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text().splitlines())
        for room in ROOMS
        for path in (ROOT / room).rglob("*.py")
    }
    lengths = {name: lines for name, lines in lengths.items() if lines > 3 and name not in TABLES}
    ordered = sorted(lengths.values())
    longest = {name: lines for name, lines in lengths.items() if lines > 300}
    assert not longest, f"what is the second noun of {longest}?"
    assert ordered[int(0.9 * len(ordered))] <= 200, {n: c for n, c in lengths.items() if c > 200}


def test_names_of_test_modules_are_unique() -> None:
    """They are imported by their bare names; of two that are the same, pytest finds one."""
    names = Counter(path.name for path in (ROOT / "tests").rglob("test_*.py"))
    assert not [name for name, times in names.items() if times > 1]
