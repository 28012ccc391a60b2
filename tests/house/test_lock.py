"""What is installed is what pyproject.toml allows, each package at one version."""

import tomllib
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
REQUIRED = [*PROJECT["dependencies"], *chain.from_iterable(PROJECT["optional-dependencies"].values())]
LINES = [line for line in (ROOT / "requirements.lock").read_text().splitlines() if not line.startswith("#")]
LOCKED = {canonicalize_name(name): version for name, _, version in (line.partition("==") for line in LINES)}


def test_every_line_is_a_package_at_one_version() -> None:
    for line in LINES:
        specifiers = list(Requirement(line).specifier)
        assert len(specifiers) == 1 and specifiers[0].operator == "==", line
    assert len(LOCKED) == len(LINES)


@pytest.mark.parametrize("text", REQUIRED)
def test_what_is_required_is_locked(text: str) -> None:
    required = Requirement(text)
    assert required.specifier.contains(LOCKED[canonicalize_name(required.name)]), text
