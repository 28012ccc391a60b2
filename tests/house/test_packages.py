"""The packages list of pyproject.toml is the tree: an unlisted room would be missing from the wheel."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROOMS = ("analysis", "bus", "cli", "db", "devices", "ioc", "panels", "plans")


def found() -> list[str]:
    return sorted(
        "hitline." + ".".join(init.parent.relative_to(ROOT).parts)
        for room in ROOMS
        for init in (ROOT / room).rglob("__init__.py")
    )


def test_packages_list_is_the_tree() -> None:
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    assert sorted(listed) == found()


def test_every_folder_with_modules_is_a_package() -> None:
    for room in ROOMS:
        for module in (ROOT / room).rglob("*.py"):
            assert (module.parent / "__init__.py").exists(), f"{module.parent} has no __init__.py"


def test_no_module_outside_the_rooms_is_importable() -> None:
    assert not list(ROOT.glob("*.py")), "a module at the top level would be importable under two names"
