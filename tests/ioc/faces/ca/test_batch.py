"""Invariant: every attribute's last value comes once, and a conclusion never before what it concludes."""

from hitline.bus.attribute import Attribute, Command, Update
from hitline.ioc.faces.ca.batch import Batch, conclusions
from hypothesis import given
from hypothesis import strategies as st

LAST = frozenset({"exposure", "busy"})


@given(st.lists(st.sampled_from(["a", "b", "exposure", "busy"]), max_size=40))
def test_last_values_conclusions_at_the_end(names):
    batch = Batch()
    for number, name in enumerate(names):
        batch.add(name, Update(number, 0))
    shown = list(batch.take(LAST))
    assert dict(shown) == {
        name: Update(max(i for i, n in enumerate(names) if n == name), 0) for name in set(names)
    }
    assert len(shown) == len(set(names)) and batch.replaced == len(names) - len(shown)
    kinds = [name in LAST for name, _ in shown]
    assert kinds == sorted(kinds)
    for kind in False, True:
        values = [update.value for name, update in shown if (name in LAST) is kind]
        assert values == sorted(values)
    assert not list(batch.take(LAST))


def test_incomplete_tail_does_not_overtake():
    """The result of the next exposure is there, its number is not: the older number comes after it."""
    batch = Batch()
    for name, value in (("a", 1), ("exposure", 1), ("a", 2)):
        batch.add(name, Update(value, 0))
    assert [(name, u.value) for name, u in batch.take(LAST)] == [("a", 2), ("exposure", 1)]


def test_conclusions_are_read_from_the_tables():
    found = conclusions(
        [Attribute("level", "float", "Level", busy="ramping")], [Command("go", "Go", busy="going")]
    )
    assert found == {"exposure", "done", "ramping", "going"}


def test_a_done_that_falls_and_rises_is_told_twice():
    """A move that is shorter than a batch: whoever waits for its end has seen its begin."""
    batch = Batch()
    for name, value in (("done", False), ("position", 1.0), ("done", True)):
        batch.add(name, Update(value, 1))
    told = [(name, update.value) for name, update in batch.take(frozenset({"done"}))]
    assert told == [("done", False), ("position", 1.0), ("done", True)]
    assert list(batch.take(frozenset())) == []
