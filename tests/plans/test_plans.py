"""Plans without devices: what they refuse, and by which names they are found."""

import pytest
from hitline.bus.entry_points import EntryPointError
from hitline.plans import Progress, hit_count, named, names


class Detector:
    name, parent = "det", None


@pytest.mark.parametrize(
    "arguments, text",
    [
        (([],), "no detectors"),
        (([Detector()], 0), "num is 0"),
        (([Detector()], 1, -1.0), "exposure is -1.0 s"),
        (([Detector()], 1, float("nan")), "exposure is nan s"),
        (([Detector()], 1, None, -2), "delay is -2 s"),
    ],
)
def test_nothing_moves_when_an_argument_makes_no_sense(arguments, text):
    detectors, num, exposure, delay = (*arguments, *(1, None, 0.0)[len(arguments) - 1 :])
    with pytest.raises(ValueError, match=text):
        next(hit_count(detectors, num, exposure=exposure, delay=delay))


def test_plans_are_found_by_name():
    assert "hit_count" in names() and named("hit_count") is hit_count
    with pytest.raises(EntryPointError, match="unknown plan 'hit_cont'; nearest is 'hit_count'"):
        named("hit_cont")


def test_progress_tells_of_the_primary_stream_only():
    points = []
    progress = Progress(points.append, clock=iter((10.0, 12.5)).__next__)
    progress("start", {"num_points": 2})
    progress("descriptor", {"uid": "a", "name": "baseline", "hints": {"x": {"fields": ["x"]}}})
    progress("descriptor", {"uid": "b", "name": "primary", "hints": {"d": {"fields": ["hits"]}}})
    progress("event", {"descriptor": "a", "seq_num": 1, "data": {"x": 1}})
    progress("event", {"descriptor": "b", "seq_num": 1, "data": {"hits": 7, "other": 1}})
    (point,) = points
    assert (point.number, point.total, point.counts, point.elapsed_s) == (1, 2, {"hits": 7}, 2.5)
