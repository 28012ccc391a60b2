"""Four chips as one picture."""

import json
from pathlib import Path

import numpy as np
import pytest
from hitline.bus.formats import quad


def test_rule_at_the_corners() -> None:
    chip, x, y = (
        np.array([0, 1, 2, 3, 0, 1]),
        np.array([0, 0, 0, 0, 255, 255]),
        np.array([0, 0, 0, 0, 255, 0]),
    )
    big_x, big_y = quad.stitch(chip, x, y)
    assert list(zip(big_x.tolist(), big_y.tolist(), strict=True)) == [
        (256, 0), (511, 511), (255, 511), (0, 0), (511, 255), (256, 511),
    ]  # fmt: skip


@pytest.mark.parametrize("gap", [0, 2, 4])
def test_there_and_back_for_every_pixel(gap: int) -> None:
    chip, y, x = (grid.ravel() for grid in np.meshgrid(range(4), range(256), range(256), indexing="ij"))
    big = quad.stitch(chip, x, y, gap=gap)
    assert len(set((big[1] * 1000 + big[0]).tolist())) == 4 * 65536, "no two pixels share a place"
    assert [part.tolist() for part in quad.unstitch(*big, gap=gap)] == [chip.tolist(), x.tolist(), y.tolist()]


def test_outside_is_refused() -> None:
    with pytest.raises(ValueError, match="chip 4 is not on a quad"):
        quad.stitch([4], [0], [0])
    with pytest.raises(ValueError, match="in the gap or outside"):
        quad.unstitch([257], [0], gap=4)
    with pytest.raises(ValueError, match="in the gap or outside"):
        quad.unstitch([0], [512])


def test_golden_vectors_of_areadetector(data: Path) -> None:
    """Positions on screen of single chips and quads, as areaDetector's driver has them."""
    cases = json.loads((data / "adtimepix3_coordinate_map_vectors.json").read_text())["cases"]
    used = 0
    for case in cases:
        upright = case["orientation"] == 0 and case["num_chips"] in (1, 4)
        if not upright or "expect_bpc2img" not in case:
            continue
        side = case["pel_width"]
        chip, inside = divmod(case["bpc_index"], side * side)
        y, x = divmod(inside, side)
        if case["num_chips"] == 1:
            i, j = x, side - 1 - y
        else:
            big_x, big_y = quad.stitch([chip], [x], [y], side=side)
            i, j = int(big_x[0]), int(quad.screen(big_y, side=side)[0])
        assert (i, j) == (case["expect_bpc2img"]["i"], case["expect_bpc2img"]["j"]), case["name"]
        used += 1
    assert used >= 4
