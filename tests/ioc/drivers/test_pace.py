"""Recorded words are due when their own time says, at the speed that is asked for, by an injected clock."""

import threading

import pytest
from hitline.ioc.drivers.pace import LONGEST_S, Pace, speed_factor


class Clock:
    """Time that passes only by waiting, and by work."""

    def __init__(self) -> None:
        self.now_ns = 5_000_000_000
        self.waits: list[float] = []

    def wait(self, halt: threading.Event, timeout_s: float) -> bool:
        self.waits.append(timeout_s)
        self.now_ns += round(timeout_s * 1e9)
        return halt.is_set()


@pytest.fixture
def clock():
    return Clock()


def paced(clock, times_ns, factor=1.0, work_ns=0):
    """When each piece is due, ns after the first."""
    pace, halt = Pace(lambda: clock.now_ns, clock.wait), threading.Event()
    pace.begin()
    start, due = clock.now_ns, []
    for time_ns in times_ns:
        assert pace.until(time_ns, lambda: factor, halt)
        due.append(clock.now_ns - start)
        clock.now_ns += work_ns
    return due


def test_pieces_are_due_at_their_own_times(clock):
    times = [7_000, 7_000, 1_007_000, 500_007_000, 2_000_007_000]
    assert paced(clock, times) == pytest.approx([t - 7_000 for t in times], abs=10)
    assert max(clock.waits) <= LONGEST_S + 1e-9, "the halt flag is looked at often"


@pytest.mark.parametrize("factor", [0.5, 10.0])
def test_a_multiple_of_the_speed(clock, factor):
    assert paced(clock, [0, 10**9], factor)[1] == pytest.approx(10**9 / factor, abs=10)


def test_flat_out_does_not_wait(clock):
    assert paced(clock, [0, 10**12], float("inf")) == [0, 0] and clock.waits == []


def test_time_spent_on_work_is_not_waited_for_again(clock):
    due = paced(clock, [n * 10_000_000 for n in range(10)], work_ns=4_000_000)
    assert due == pytest.approx([n * 10_000_000 for n in range(10)], abs=10)


def test_time_that_stands_still_or_falls_is_due_at_once(clock):
    assert paced(clock, [1000, 500, 1000]) == [0, 0, 0]


def test_a_halt_ends_the_wait(clock):
    pace, halt = Pace(lambda: clock.now_ns, clock.wait), threading.Event()
    pace.begin()
    assert pace.until(0, lambda: 1.0, halt)
    halt.set()
    assert not pace.until(10**12, lambda: 1.0, halt)
    assert clock.waits == []


def test_the_speed_may_change_on_the_way(clock):
    pace, halt = Pace(lambda: clock.now_ns, clock.wait), threading.Event()
    pace.begin()
    pace.until(0, lambda: 1.0, halt)
    start = clock.now_ns
    speeds = iter([1.0, 1.0, float("inf")])
    assert pace.until(10**12, lambda: next(speeds), halt)
    assert clock.now_ns - start == pytest.approx(2 * LONGEST_S * 1e9, abs=10)


def test_speeds_are_words_or_multiples():
    assert [speed_factor(text) for text in ("recorded", "10", "0.5", "flat")] == [
        1.0,
        10.0,
        0.5,
        float("inf"),
    ]
    for bad in ("", "0", "-1", "nan", "inf", "1e999", "Recorded"):
        with pytest.raises(ValueError, match="multiple above 0"):
            speed_factor(bad)
