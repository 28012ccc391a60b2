"""Exposures from the log of a readout: what has no times to join by is refused."""

import pytest
from hitline.analysis.join.exposure import exposures
from hitline.bus.formats.katherine_setup import Setup
from hitline.bus.formats.katherine_words import Mode
from hitline.bus.log.block import Format, LossMethod
from hitline.bus.log.writer import LogWriter


def logged(root, setup):
    """A run of one exposure with one word of a Katherine that was set up so; the folder of its log."""
    writer = LogWriter(root, "kat")
    writer.open("r1", **setup.facts())
    writer.begin(1)
    writer.data(bytes(6), words=1, hits=1, format=Format.KATHERINE, method=LossMethod.SOURCE)
    writer.end(1, {})
    writer.close()
    return root / "r1" / "kat"


def test_hits_with_times_are_read(tmp_path):
    (exposure,) = exposures(logged(tmp_path, Setup()))
    assert exposure.number == 1 and exposure.end_s >= exposure.begin_s


@pytest.mark.parametrize("setup", [Setup(sequential=True), Setup(mode=Mode.EVENT_ITOT)])
def test_frames_and_counting_pixels_are_refused(tmp_path, setup):
    with pytest.raises(ValueError, match="no times to join by: fly with data driven ToA"):
        list(exposures(logged(tmp_path, setup)))
