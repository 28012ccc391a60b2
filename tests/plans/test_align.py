"""Align with a detector of plain Python: the place is found and gone to, or the axis is where it was."""

import pytest
from bluesky import RunEngine
from hitline.plans import align
from hitline.plans.points import NoFit
from scipy.special import ndtr
from sham import Setting, Sham


@pytest.fixture
def engine():
    return RunEngine({}, context_managers=[], call_returns_result=True)


@pytest.fixture
def axis():
    return Setting("x", 0.5, (-5.0, 5.0), "mm")


def beam(axis, shape):
    return Sham(lambda sham: (round(10_000 * shape(axis.value)) + 20.0, 1.0, 1.0))


@pytest.mark.parametrize("way", [1, -1])
@pytest.mark.parametrize("side", [1, -1])
def test_the_edge_of_a_beam(engine, axis, way, side):
    sham = beam(axis, lambda x: float(ndtr(side * (x - 1.3) / 0.3)))
    found = engine(align(sham, axis, -2.0 * way, 3.0 * way, 26, to="edge", exposure=0.1))
    inside = -2.0 <= 1.3 <= 3.0 if way > 0 else -3.0 <= 1.3 <= 2.0
    assert inside and found.plan_result == pytest.approx(1.3, abs=0.02)
    assert axis.value == found.plan_result and not sham.staged and sham.acquire_time.value == 0.5


def test_the_centre_of_a_spot(engine, axis):
    sham = beam(axis, lambda x: max(0.0, 1 - abs(x + 0.7)))
    found = engine(align(sham, axis, -3.0, 2.0, 51))
    assert found.plan_result == pytest.approx(-0.7, abs=0.01) and axis.value == found.plan_result


@pytest.mark.parametrize("to", ["edge", "centre"])
def test_without_a_beam_the_axis_goes_back(engine, axis, to):
    sham = beam(axis, lambda x: 0.0)
    with pytest.raises(NoFit, match=r"no spot|no step"):
        engine(align(sham, axis, -3.0, 2.0, 11, to=to))
    assert axis.value == 0.5 and len(sham.exposures) == 11


@pytest.mark.parametrize(
    ("arguments", "words"),
    [((0.0, 1.0, 1), "at least 2"), ((0.0, 9.0, 5), "outside of -5 to 5"), ((1.0, 1.0, 5), "different")],
)
def test_nonsense_moves_nothing(engine, axis, arguments, words):
    sham = beam(axis, lambda x: 1.0)
    with pytest.raises(ValueError, match=words):
        engine(align(sham, axis, *arguments))
    with pytest.raises(ValueError, match="must be one of 'edge', 'centre'"):
        engine(align(sham, axis, 0, 1, 5, to="corner"))
    assert not axis.moves and not sham.exposures
