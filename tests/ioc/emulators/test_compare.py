"""Position compare: pulses where the carriage comes by, in one direction, whatever pieces are asked for."""

import numpy as np
import pytest
from hitline.ioc.emulators.compare import Compare
from hitline.ioc.emulators.rail import Rail


class Hand:
    """A clock that is turned by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def hand():
    return Hand()


@pytest.fixture
def rail(hand):
    return Rail(hand)


def taken(compare, hand, until, step=0.013):
    """All pulses until then, asked for in pieces, while the carriage is looked at as well."""
    found = []
    while hand.now < until:
        before, hand.now = hand.now, hand.now + step
        compare.rail.look()
        found += compare.pulses(before, hand.now)
    return found


@pytest.mark.parametrize("way", [1, -1])
@pytest.mark.parametrize("jitter_s", [0.0, 0.002])
def test_pulses_come_where_the_carriage_comes_by(hand, rail, way, jitter_s):
    compare = Compare(rail, jitter_s)
    compare.arm(100 * way, 20 * way, 1000 * way)
    rail.move(1200 * way, 1.0, 500.0, 5000.0)
    ((travel, _),) = rail.travels
    found = taken(compare, hand, 4.0)
    assert len(found) == 46
    late = np.array(found) - [travel.crosses(place * way, up=way > 0) for place in range(100, 1001, 20)]
    assert np.all(late >= -1e-9) and np.all(late <= jitter_s + 1e-9)
    rail.move(0, 1.0, 500.0, 5000.0)
    assert taken(compare, hand, 8.0) == [], "not on the way back"
    compare.disarm()
    rail.move(1200 * way, 1.0, 500.0, 5000.0)
    assert taken(compare, hand, 12.0) == []


def test_a_pulse_lost_and_one_too_many(hand, rail):
    compare = Compare(rail, lose=3, extra=7)
    compare.arm(100, 20, 1000)
    rail.move(1200, 1.0, 500.0, 1e9)
    steps = np.round(np.diff(taken(compare, hand, 4.0)) / (20 / 500.0), 6)
    assert len(steps) == 45 and steps[1] == 2.0 and list(steps[5:7]) == [0.5, 0.5] and set(steps[7:]) == {1.0}


def test_a_stop_ends_the_pulses(hand, rail):
    compare = Compare(rail)
    compare.arm(0, 10, 1000)
    rail.move(1000, 1.0, 100.0, 1e9)
    found = taken(compare, hand, 2.001, step=0.0087)
    rail.stop(1.0, 1e9)
    found += taken(compare, hand, 9.0)
    assert len(found) == rail.place // 10 + 1 == 21
