"""Instruments, pipeline blocks and plans found by name, ours and other packages' alike.

A package announces what it brings in its metadata, `[project.entry-points."hitline.instruments"]` and so on.
Names are read from metadata alone; code is imported only when asked for, and one package that cannot be
imported, or whose metadata cannot be read, gives an error that names it and takes nothing else down.
"""

import difflib
from importlib import metadata
from typing import Any

INSTRUMENTS = "hitline.instruments"
BLOCKS = "hitline.blocks"
PLANS = "hitline.plans"

KINDS = {INSTRUMENTS: "instrument type", BLOCKS: "pipeline block", PLANS: "plan"}
"""What an operator calls a member of each group."""


class EntryPointError(LookupError):
    """An entry point is unknown, doubly claimed or broken; the text names package and next step."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        return self.text


def available(group: str) -> dict[str, metadata.EntryPoint]:
    """Give all entry points of `group` by name, without importing any; the first of two with one name."""
    found: dict[str, metadata.EntryPoint] = {}
    for points in _by_package(group)[0].values():
        for point in points:
            found.setdefault(point.name, point)
    return found


def package(point: metadata.EntryPoint) -> str:
    """Name and version of the package that brings `point`."""
    return f"{point.dist.name} {point.dist.version}" if point.dist else "an unknown package"


def find(group: str, name: str) -> Any:
    """Import and return what `name` stands for in `group`; EntryPointError otherwise."""
    packages, unreadable = _by_package(group)
    points = {package(p): p for points in packages.values() for p in points if p.name == name}
    kind = KINDS.get(group, group)
    if not points:
        known = sorted({p.name for points in packages.values() for p in points})
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"nearest is {near[0]!r}" if near else f"known are {', '.join(known) or 'none'}"
        blame = f" (the metadata of {', '.join(unreadable)} cannot be read)" if unreadable else ""
        raise EntryPointError(f"unknown {kind} {name!r}; {hint}{blame}")
    if len({p.value for p in points.values()}) > 1:
        claims = " and by ".join(sorted(points))
        raise EntryPointError(f"{kind} {name!r} is claimed by {claims}; uninstall one of them")
    owner, point = next(iter(points.items()))
    try:
        return point.load()
    except Exception as error:  # whatever other people's code raises on import
        raise EntryPointError(
            f"{kind} {name!r} of package {owner} cannot be loaded: "
            f"{type(error).__name__}: {error}; repair or uninstall that package"
        ) from error


def load_all(group: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Import all of `group`: {name: object} of those that load, {name: error text} of those that do not."""
    loaded, broken = {}, {}
    for name in available(group):
        try:
            loaded[name] = find(group, name)
        except EntryPointError as error:
            broken[name] = error.text
    return loaded, broken


def _by_package(group: str) -> tuple[dict[str, list[metadata.EntryPoint]], list[str]]:
    """Give the entry points of each package, the first of a name on the path, and the unreadable packages."""
    found: dict[str, list[metadata.EntryPoint]] = {}
    unreadable = []
    for dist in metadata.distributions():
        try:
            points = [p for p in dist.entry_points if p.group == group]
        except Exception:  # malformed metadata; what is raised depends on the damage
            unreadable.append(str(dist.name))
            continue
        if points:
            found.setdefault(dist.name, points)
    return found, unreadable
