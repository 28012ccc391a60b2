"""Motion over real sockets."""

import functools
from pathlib import Path

import pytest
from motion_bench import motion


@pytest.fixture
def make(tmp_path: Path):
    """`async with make(options of the axis, emulator=..., controller=...) as bench`."""
    return functools.partial(motion, tmp_path)
