"""Streams of a generated quad detector, with the truth."""

import sys
from pathlib import Path

import pytest
from hitline.ioc.emulators.scene import Scene, Truth
from hitline.ioc.emulators.spidr import Spidr, stream

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def quad_stream() -> tuple[bytes, list[Truth]]:
    """40,000 hits at 1 khit/s: 40 s, so that pixel times roll over; packets overtake."""
    parts = list(stream(Scene(seed=5, rate_hz=1e3), 40_000, readout=Spidr(overtaking=0.05), part_hits=15_000))
    return b"".join(piece for piece, _ in parts), [truth for _, truth in parts]
