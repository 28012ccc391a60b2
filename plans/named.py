"""Plans by name, ours and other packages', from the entry points in the group hitline.plans."""

from collections.abc import Callable
from typing import Any

from hitline.bus.entry_points import PLANS, available, find


def names() -> list[str]:
    """Give the names of all plans that are installed, without importing any."""
    return sorted(available(PLANS))


def named(name: str) -> Callable[..., Any]:
    """Give a plan by its name; raises EntryPointError, which names the nearest, when there is none."""
    plan: Callable[..., Any] = find(PLANS, name)
    return plan
