"""Invariant: every attribute's last value comes once, and a conclusion never before what it concludes."""

from hitline.bus.attribute import Attribute, Command, Update
from hitline.ioc.faces.ca.batch import EDGES, Batch, flags
from hypothesis import given
from hypothesis import strategies as st

LAST = ("exposure", "busy")


def batch_of(*steps: tuple[str, object]) -> Batch:
    batch = Batch()
    batch.flags = frozenset({"busy", "done"})
    for name, value in steps:
        batch.add(name, Update(value, 0))
    return batch


def told(batch: Batch) -> list[tuple[str, object]]:
    return [(name, update.value) for name, update in batch.take()]


@given(st.lists(st.sampled_from(["a", "b", "exposure"]), max_size=40))
def test_last_values_conclusions_at_the_end(names):
    batch = batch_of(*((name, number) for number, name in enumerate(names)))
    shown = told(batch)
    assert dict(shown) == {name: max(i for i, n in enumerate(names) if n == name) for name in set(names)}
    assert len(shown) == len(set(names)) and batch.replaced == len(names) - len(shown)
    kinds = [name in LAST for name, _ in shown]
    assert kinds == sorted(kinds)
    for kind in False, True:
        values = [value for name, value in shown if (name in LAST) is kind]
        assert values == sorted(values)
    assert not told(batch)


def test_incomplete_tail_does_not_overtake():
    """The result of the next exposure is there, its number is not: the older number comes after it."""
    assert told(batch_of(("a", 1), ("exposure", 1), ("a", 2))) == [("a", 2), ("exposure", 1)]


def test_flags_are_read_from_the_tables():
    """Busy flags, and what begins something by one of two states; a level is none, although it is ramped."""
    found = flags(
        [
            Attribute("level", "float", "Level", busy="ramping"),
            Attribute("acquire", "enum", "Go", access="rw", choices=("Done", "Acquire"), busy="acquiring"),
            Attribute("mode", "enum", "Mode", access="rw", choices=("Slow", "Fast")),
        ],
        [Command("go", "Go", busy="going")],
    )
    assert found == {"done", "ramping", "acquire", "acquiring", "going"}


@given(st.lists(st.booleans(), max_size=EDGES))
def test_each_change_of_a_flag_is_told_after_the_values(levels):
    """Also of a move that is shorter than a batch: whoever waits for its end has seen its begin."""
    batch = batch_of(*(step for n, level in enumerate(levels) for step in (("busy", level), ("position", n))))
    changes = [v for n, v in enumerate(levels) if n == 0 or levels[n - 1] != v]
    assert told(batch) == [("position", len(levels) - 1)] * bool(levels) + [("busy", v) for v in changes]


def test_of_very_many_changes_the_newest_are_told():
    batch = batch_of(*(("busy", bool(n % 2)) for n in range(100)))
    assert told(batch) == [("busy", bool(n % 2)) for n in range(100 - EDGES, 100)]
    assert batch.replaced == 100 - EDGES
