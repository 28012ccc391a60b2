"""Layers are a failing check: one breach is planted for each contract, and each is seen."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("analysis", "bus", "cli", "db", "devices", "ioc", "panels", "plans")

# contract name -> (module that breaks it, what it imports)
BREACHES = {
    "rooms: imports flow downwards": ("bus/breach.py", "import hitline.ioc.drivers"),
    "inside ioc: faces, drivers and emulators, behaviour, protocols": (
        "ioc/protocols/breach.py",
        "import hitline.ioc.drivers",
    ),
    "plans use nothing of analysis but its pure kernels": (
        "plans/breach.py",
        "import hitline.analysis.blocks",
    ),
    "servers of caproto and tango live in the faces": ("devices/breach.py", "import tango"),
    "numba lives in analysis.kernels": ("analysis/blocks/breach.py", "import numba"),
    "a backend has neither caproto nor numba in it": ("ioc/drivers/breach.py", "import h5py"),
    "zmq lives in the bus": ("ioc/breach.py", "import zmq"),
    "bluesky lives in plans and cli": ("ioc/faces/breach.py", "import bluesky"),
    "emulators and tests are not run-time code": ("ioc/drivers/breach.py", "import hitline.ioc.emulators"),
}


def lint(root: Path) -> str:
    env = {**os.environ, "PYTHONPATH": str(root / ".types"), "COLUMNS": "200"}
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    return subprocess.run(command, cwd=root, env=env, capture_output=True, text=True).stdout


def copy(root: Path) -> Path:
    for room in ROOMS:
        shutil.copytree(ROOT / room, root / room, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", root)
    (root / ".types").mkdir()
    (root / ".types" / "hitline").symlink_to("..")
    return root


def test_layers_hold() -> None:
    out = lint(ROOT)
    assert " 0 broken" in out, out


def test_every_contract_has_its_breach() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    assert {c["name"] for c in contracts} == set(BREACHES)


@pytest.fixture(scope="module")
def breached(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the linter says of a copy of the tree with every breach planted."""
    root = copy(tmp_path_factory.mktemp("breached"))
    for module, line in BREACHES.values():
        with (root / module).open("a") as file:
            file.write(line + "\n")
    return lint(root)


@pytest.mark.parametrize("contract", BREACHES)
def test_planted_breach_is_caught(breached: str, contract: str) -> None:
    assert f"{contract} BROKEN" in breached, breached
    module = "hitline." + BREACHES[contract][0].removesuffix(".py").replace("/", ".")
    assert module in breached
