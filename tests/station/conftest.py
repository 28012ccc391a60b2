"""Fixtures of the station file's tests: a toy package on the path, and a file from text."""

from collections.abc import Callable
from pathlib import Path

import pytest
from kit.toys import TOYS

FULL = """\
name = "demo"
prefix = "BL7:"
data = "here/runs"

[instruments.gauge]
type = "toy_gauge"
pv = "P1:"
role = "TRANSIENT"
process = "slow"

[instruments.gauge.options]
pressure_mbar = 3
table = "cal.txt"

[instruments.det1]
type = "toy_readout"

[workers.ana1]
source = "det1"
blocks = ["counts"]
window_ns = 100

[conductor]
order = ["det1", "EudaqNativeWriter.w1"]

[faces.ca]
port = 0
overlays = ["site.db"]

[faces.tango]
"""


@pytest.fixture(autouse=True)
def toy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The toy package as if it were installed."""
    monkeypatch.syspath_prepend(TOYS)


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    """Write a station file and return its path."""

    def write(text: str) -> Path:
        path = tmp_path / "station.toml"
        path.write_text(text)
        return path

    return write


@pytest.fixture
def full() -> str:
    """A station file that uses nearly every key."""
    return FULL
