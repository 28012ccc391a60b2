"""Packet counters: what is lost, what only comes late."""

import numpy as np
import pytest
from hitline.bus.formats.loss import SETTLE, Loss
from hypothesis import given
from hypothesis import strategies as st


def followed(*counters: int, chip: int = 0, step: int = 10**9) -> Loss:
    loss = Loss()
    for at in range(0, len(counters), step):
        part = np.array(counters[at : at + step], np.int64)
        loss.advance(np.full(len(part), chip, np.uint8), part)
    return loss


@given(st.integers(50, 300), st.sets(st.integers(1, 45)), st.integers(0, 2**32), st.integers(1, 40))
def test_exact_whatever_the_disorder_and_split(count: int, gone: set[int], seed: int, step: int) -> None:
    """Every counter that never comes is one lost packet, none that comes within the window is."""
    kept = [n for n in range(count) if n not in gone]
    rng = np.random.default_rng(seed)
    order = np.argsort(np.array(kept) + rng.uniform(0, 8, len(kept)))
    loss = followed(*(kept[i] for i in order), chip=5, step=step)
    assert loss.lost(final=True).tolist() == [len(gone) if chip == 5 else 0 for chip in range(16)]
    assert loss.repeated == 0 and loss.counted


def test_a_new_gap_is_not_yet_a_loss() -> None:
    loss = followed(0, 1, 3)
    assert loss.lost().sum() == 0 and loss.lost(final=True).sum() == 1
    loss.advance(np.zeros(SETTLE, np.uint8), np.arange(4, 4 + SETTLE))
    assert loss.lost().sum() == 1
    loss.advance(np.zeros(1, np.uint8), np.array([2]))
    assert loss.lost(final=True).sum() == 0, "one that comes very late is no loss either"


def test_a_stream_joined_late_has_lost_nothing() -> None:
    assert followed(70_000, 70_001, 69_999).lost(final=True).sum() == 0


@pytest.mark.parametrize("before", [5, 100, 50_000])
@pytest.mark.parametrize("start", [(0, 1, 2, 3), (1, 0, 2, 3)])
def test_a_new_start_is_no_loss(before: int, start: tuple[int, ...]) -> None:
    loss = followed(*range(before), *start, 4, 6)
    assert loss.lost(final=True).sum() == 1 and loss.doubted == 0


def test_a_damaged_counter_is_not_believed() -> None:
    loss = followed(0, 1, 2, 1 << 47, 3, 4)
    assert loss.lost(final=True).sum() == 0 and loss.doubted == 1


def test_repeats_are_counted() -> None:
    loss = followed(*range(100), 50, 51, 100)
    assert loss.repeated == 2 and loss.lost(final=True).sum() == 0


def test_nothing_known_without_counters() -> None:
    assert not followed().counted


@given(st.lists(st.integers(0, 60), max_size=60), st.integers(0, 60))
def test_restored_goes_on_alike(counters: list[int], cut: int) -> None:
    other = Loss()
    other.restore(followed(*counters[:cut]).state())
    rest = np.array(counters[cut:], np.int64)
    other.advance(np.zeros(len(rest), np.uint8), rest)
    whole = followed(*counters[:cut])
    whole.advance(np.zeros(len(rest), np.uint8), rest)
    assert other.rows.tolist() == whole.rows.tolist() and other.seen == whole.seen
