"""The pipeline blocks' tables, options and counts."""

import numpy as np
import pytest
from hitline.analysis.attributes import ATTRIBUTES
from hitline.analysis.blocks.base import HitBatch, make, outputs
from hitline.analysis.blocks.counting import saturated
from hitline.analysis.blocks.image import Image, ImageOptions
from hitline.analysis.pipeline import Pipeline
from hitline.analysis.worker import Worker
from hitline.bus.entry_points import EntryPointError
from hitline.bus.log.block import Kind
from hitline.bus.station import WorkerEntry
from logged import mark

OURS = ("counts", "image", "spectra")


def batch(x=(1, 2, 2), begun_ns=1_000_000_000, last_ns=1_500_000_000):
    x = np.array(x, np.uint16)
    return HitBatch(
        np.arange(x.size),
        x,
        x + np.uint16(1),
        x * np.uint16(10),
        np.full(x.size, 3, np.uint8),
        256,
        128,
        begun_ns,
        last_ns,
    )


def test_results_are_exactly_the_outputs_and_fit_their_attributes():
    for block in make(OURS).values():
        block.hits(batch())
        results = block.results()
        assert list(results) == [a.name for a in block.outputs]
        for attribute in block.outputs:
            value = results[attribute.name]
            if attribute.array:
                assert value.dtype == attribute.dtype
                assert all(n <= most for n, most in zip(value.shape, attribute.shape, strict=True))
            else:
                assert type(value) is {"int": int, "float": float}[attribute.dtype]


def test_every_attribute_has_a_description_that_fits_a_record():
    for attribute in (*ATTRIBUTES, *outputs(OURS)):
        assert 0 < len(attribute.doc.split(".")[0]) <= 40, attribute.name


def test_the_image_has_the_size_of_the_detector_and_rows_from_below():
    image = Image()
    image.hits(batch())
    results = image.results()
    assert results["image"].shape == (128, 256)
    assert (results["image"][2, 1], results["image"][3, 2], results["image"].sum()) == (1, 2, 3)


@pytest.mark.parametrize("of, left", [("run", 3), ("exposure", 0)])
def test_the_image_is_of_the_run_or_of_the_exposure(of, left):
    (block,) = make(["image"], {"image": {"of": of}}).values()
    block.hits(batch())
    block.exposure_begin()
    assert block.results()["image"].sum() == left


def test_results_and_states_do_not_change_afterwards():
    for block in make(OURS).values():
        block.hits(batch())
        results, state = block.results(), block.state()
        frozen = {k: np.copy(v) for k, v in {**results, **state}.items()}
        block.hits(batch())
        assert all(np.array_equal(frozen[k], v) for k, v in {**results, **state}.items())


def test_the_rate_is_by_the_time_of_reception():
    (counts,) = make(["counts"]).values()
    counts.hits(batch())
    counts.hits(batch(last_ns=3_000_000_000))
    assert counts.results()["hit_rate"] == 3.0
    counts.exposure_begin()
    assert counts.results()["hit_rate"] == 0.0


def test_counts_beyond_32_bits_show_as_the_largest():
    assert saturated(np.array([3, 2**31, 2**40])).tolist() == [3, 2**31 - 1, 2**31 - 1]


def test_mistakes_are_named():
    with pytest.raises(EntryPointError, match="'imgae'; nearest is 'image'"):
        make(["imgae"])
    with pytest.raises(ValueError, match="neither 'run' nor 'exposure'"):
        Image(ImageOptions(of="day"))


def test_two_blocks_with_the_same_result_are_refused(monkeypatch):
    monkeypatch.setattr("hitline.analysis.blocks.base.find", lambda group, name: Image)
    with pytest.raises(ValueError, match="blocks image and picture both give 'image'"):
        make(["image", "picture"])


SPOT = """
import numpy as np
from hitline.analysis.blocks.counting import Counting
from hitline.bus.attribute import Attribute

class Spot(Counting):
    SHAPES = {"spot": (1,)}
    outputs = (Attribute("spot_hits", "int", "Hits in the spot."),
               Attribute("exposure_spot", "int", "Always seven."))

    def hits(self, batch):
        self.counts["spot"] += int((batch.x < 2).sum())

    def results(self):
        return {"spot_hits": self.counts["spot"][0], "exposure_spot": np.int64(7)}
"""


def test_a_block_of_another_package_joins_by_entry_point(tmp_path, monkeypatch):
    about = tmp_path / "spot-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: spot\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[hitline.blocks]\nspot = hitline_spot:Spot\n")
    (tmp_path / "hitline_spot.py").write_text(SPOT)
    monkeypatch.syspath_prepend(str(tmp_path))
    blocks = make(["counts", "spot"])
    assert [a.name for a in outputs(blocks)][-2:] == ["spot_hits", "exposure_spot"]
    worker = Worker("ana", WorkerEntry("det", blocks=("counts", "spot")), None, tmp_path)
    assert {"exposure", "hits", "spot_hits"} <= set(worker.board.attributes)
    line = Pipeline(blocks)
    blocks["spot"].hits(batch())
    assert line.results()["spot_hits"] == 1
    line.block(*mark(Kind.BEGIN, 1))
    line.block(*mark(Kind.END, 1))
    fresh = Pipeline(make(["counts", "spot"]))
    fresh.restore(line.state())
    assert fresh.ended == line.ended
    assert fresh.ended["exposure_spot"] == 7
    assert type(fresh.results()["exposure_spot"]) is int
