"""Restart policy: pauses grow, end in giving up, and are forgotten after a healthy life."""

import pytest
from hitline.ioc.supervision import Policy, Record


def test_pauses_double_up_to_the_longest_then_it_is_given_up() -> None:
    record = Record(Policy(first_s=0.2, factor=2.0, longest_s=1.0, attempts=5))
    assert [record.died(float(t)) for t in range(6)] == pytest.approx([0.2, 0.4, 0.8, 1.0, 1.0, None])
    assert record.given_up


def test_a_healthy_life_clears_the_record() -> None:
    record = Record(Policy(healthy_s=5.0))
    assert [record.died(0.0), record.died(1.0)] == pytest.approx([0.2, 0.4])
    record.ready(2.0)
    assert record.died(6.9) == pytest.approx(0.8)
    record.ready(10.0)
    assert record.died(15.0) == pytest.approx(0.2)


def test_never_ready_is_never_healthy() -> None:
    """However long a process took to die without being ready, it is a failed attempt."""
    record = Record(Policy(attempts=3))
    pauses = [record.died(t * 1e6) for t in range(4)]
    assert [pause is None for pause in pauses] == [False, False, False, True]


def test_an_operator_may_ask_again() -> None:
    record = Record(Policy(attempts=1))
    assert [record.died(0.0), record.died(0.0)] == [pytest.approx(0.2), None]
    record.pardon()
    assert not record.given_up
    assert record.died(1.0) == pytest.approx(0.2)
