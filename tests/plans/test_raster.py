"""Raster with a detector of plain Python: the way of the axes, the image, the spot in it, refusals."""

import numpy as np
import pytest
from bluesky import RunEngine
from bluesky.utils import FailedStatus
from hitline.plans import Raster, named, raster
from sham import Setting, Sham

SPOT = (0.7, -0.4, 3.0)


class Axis(Setting):
    """An axis that can be stopped."""

    stops = 0

    def stop(self, *, success: bool = False) -> None:
        self.stops += 1


@pytest.fixture
def engine():
    return RunEngine({}, context_managers=[])


@pytest.fixture
def x():
    return Axis("x", 0.0, (-5.0, 5.0), "mm")


@pytest.fixture
def y():
    return Axis("y", 0.0, (-5.0, 5.0), "mm")


@pytest.fixture
def sham(x, y):
    """Counts a disc through a square window of 0.5, on a background of 3."""
    fine = (np.arange(50) + 0.5) / 100 - 0.25

    def counts(sham):
        from_x, from_y = x.value + fine - SPOT[0], y.value + fine - SPOT[1]
        inside = from_x**2 + from_y[:, None] ** 2 <= (SPOT[2] / 2) ** 2
        return 3.0 + 1000.0 * float(inside.mean()), 1.0, 1.0

    return Sham(counts)


@pytest.mark.parametrize("way", [1, -1])
def test_the_image_shows_the_spot_where_it_is(engine, sham, x, y, way, tmp_path):
    image = Raster(aperture=0.5, save=tmp_path / "raster.png")
    grid = (-3.0 * way, 3.0 * way, 13)
    engine(raster(sham, x, *grid, y, *grid, exposure=0.1), image)
    assert image.image.shape == (13, 13) and image.unit == "mm"
    assert image.image[0, 0] == 3.0 and image.image.max() == 1003.0
    spot = image.spot()
    assert (spot.x, spot.y) == pytest.approx(SPOT[:2], abs=0.02)
    assert spot.diameter == pytest.approx(SPOT[2], abs=0.06)
    assert (tmp_path / "raster.png").read_bytes().startswith(b"\x89PNG") and "spot" not in repr(image.problem)


def test_every_other_row_goes_backwards_unless_told_not_to(engine, sham, x, y):
    engine(raster(sham, x, 0.0, 2.0, 3, y, 0.0, 1.0, 2))
    assert x.moves == [0, 1, 2, 2, 1, 0] and y.moves == [0, 0, 0, 1, 1, 1]
    x.moves.clear()
    engine(raster(sham, x, 0.0, 2.0, 3, y, 0.0, 1.0, 2, snake=False))
    assert x.moves == [0, 1, 2, 0, 1, 2] and len(sham.exposures) == 12 and not sham.staged


def test_missing_points_are_shown_as_missing_and_the_axes_stop(engine, sham, x, y):
    image = Raster()
    sham.fail_at = 4
    with pytest.raises((RuntimeError, FailedStatus)):
        engine(raster(sham, x, 0.0, 2.0, 3, y, 0.0, 1.0, 2), image)
    assert np.isnan(image.image).sum() == 2 and image.spot() is None and "missing" in image.problem
    assert x.stops and y.stops


@pytest.mark.parametrize(
    ("grid", "words"),
    [
        ((0.0, 9.0, 3, 0.0, 1.0, 2), "9 is outside of -5 to 5 of x"),
        ((0.0, 1.0, 1, 0.0, 1.0, 2), "at least 2 points"),
        ((0.0, 1.0, 3, 2.0, 2.0, 2), "two different finite numbers"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_moves(engine, sham, x, y, grid, words):
    with pytest.raises(ValueError, match=words):
        engine(raster(sham, x, *grid[:3], y, *grid[3:]))
    assert not x.moves and not y.moves and not sham.exposures


def test_one_axis_is_not_two(engine, sham, x):
    with pytest.raises(ValueError, match="two different axes"):
        engine(raster(sham, x, 0, 1, 2, x, 0, 1, 2))


def test_it_is_found_by_name():
    assert named("raster") is raster


def test_a_dark_image_has_no_spot(engine, sham, x, y):
    image = Raster()
    engine(raster(sham, x, 3.0, 4.0, 3, y, 3.0, 4.0, 3), image)
    assert image.spot() is None and "nothing stands out" in image.problem
