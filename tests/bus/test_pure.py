"""Parts without sockets: lives, sequences, turns, values, descriptions."""

import asyncio

import numpy as np
import pytest
from hitline.bus import values
from hitline.bus.attribute import Attribute, Severity, Update
from hitline.bus.constellation.pack import Malformed, pack, unpack
from hitline.bus.fresh import News, Sequences
from hitline.bus.lives import LIVES, Lives
from hitline.bus.turn import Turn
from hypothesis import given
from hypothesis import strategies as st

# --- lives


def test_three_intervals_of_silence_are_death() -> None:
    lives = Lives()
    lives.beat(10.0, 500)
    ticks = [lives.tick(10.0 + 0.05 * n) for n in range(1, 40)]
    assert ticks.count(True) == 1
    assert 10.0 + 0.05 * (ticks.index(True) + 1) == pytest.approx(11.55, abs=0.06)


def test_a_beat_gives_all_lives_back() -> None:
    lives = Lives()
    for n in range(100):
        lives.beat(n * 1.4, 500)
        for step in range(1, 28):
            assert not lives.tick(n * 1.4 + step * 0.05)
        assert lives.left == LIVES - 2


def test_a_stall_of_ours_kills_nobody() -> None:
    """After 30 s without a tick one life is gone; the beat that waited in the socket gives it back."""
    lives = Lives()
    lives.beat(0.0, 500)
    assert not lives.tick(30.0)
    assert lives.left == LIVES - 1
    lives.beat(30.0, 500)
    assert lives.left == LIVES


def test_the_dead_die_once_and_haste_is_bounded() -> None:
    lives = Lives()
    assert not lives.tick(100.0)
    lives.beat(0.0, 0)
    assert not any(lives.tick(0.05 * n) for n in range(6))
    lives.end()
    assert not lives.tick(1000.0)


# --- sequences


def update(seq: int, epoch: int = 1) -> Update:
    return Update(seq, 0, seq=seq, epoch=epoch)


def test_gaps_repeats_and_epochs() -> None:
    judge = Sequences().judge
    assert judge("a", update(5), again=False) is News.NEW  # first message: nothing may have been sent before
    assert judge("a", update(6), again=False) is News.NEW
    assert judge("a", update(6), again=True) is News.OLD  # a resend meant for somebody else
    assert judge("a", update(9), again=False) is News.GAP
    assert judge("a", update(12), again=True) is News.NEW  # a snapshot jumps ahead without loss
    assert judge("a", update(1, epoch=2), again=False) is News.NEW  # a new process counts anew
    assert judge("a", update(50, epoch=1), again=False) is News.OLD  # a late word of the old one
    assert judge("b", update(1), again=False) is News.NEW


# Whatever is lost or doubled on the way, shown values only move forward, to the newest that arrived.
@given(st.lists(st.tuples(st.integers(1, 30), st.booleans()), max_size=60))
def test_shown_values_move_forward(arrivals: list[tuple[int, bool]]) -> None:
    judge, shown = Sequences().judge, 0
    for seq, again in arrivals:
        if judge("a", update(seq), again=again) is not News.OLD:
            assert seq > shown
            shown = seq
    assert shown == max((seq for seq, _ in arrivals), default=0)


# --- turn


async def test_turns_come_in_order() -> None:
    turn, order = Turn(), []

    async def work(n: int) -> None:
        async with turn:
            assert turn.mine
            await asyncio.sleep(0)
            order.append(n)

    await asyncio.gather(*(work(n) for n in range(100)))
    assert order == list(range(100))
    assert not turn.mine


# --- values

ARRAYS = [
    np.arange(6, dtype="<i4").reshape(2, 3),
    np.arange(4, dtype=">f8"),
    np.zeros((0,), "<u2"),
    np.array([True, False]),
    np.asfortranarray(np.arange(6, dtype="<i8").reshape(2, 3)),
    np.float32(3),
]


@pytest.mark.parametrize("array", ARRAYS, ids=lambda a: f"{a.dtype.str}{a.shape}")
def test_arrays_travel(array: np.ndarray) -> None:
    data, tags = values.pack_array(array)
    back = values.unpack_array(data, tags)
    assert back.dtype.str[0] in "<|" and not back.flags.writeable
    np.testing.assert_array_equal(back, np.atleast_1d(array))


@pytest.mark.parametrize(
    "tags",
    [
        {},
        {"dtype": "<i4"},
        {"dtype": "<i4", "shape": [3]},
        {"dtype": "O", "shape": [1]},
        {"dtype": "<i4", "shape": [-2]},
        {"dtype": "<i4", "shape": "2"},
        {"dtype": "<i3", "shape": [2]},
        {"dtype": "<b8", "shape": [1]},
        {"dtype": "<i4", "shape": [2.0]},
        {"dtype": "<M8", "shape": [1]},
        {"dtype": "<i4", "shape": [2**31] * 8},
    ],
)
def test_arrays_that_lie_are_malformed(tags: dict) -> None:
    with pytest.raises(Malformed):
        values.unpack_array(b"12345678", tags)


def test_an_array_above_the_limit_is_refused() -> None:
    with pytest.raises(ValueError, match="above the limit"):
        values.pack_array(np.zeros(values.LARGEST_ARRAY + 1, "u1"))


@given(
    st.builds(
        Update,
        value=st.floats(allow_nan=False) | st.text(max_size=5) | st.none(),
        time_ns=st.integers(0, 2**62),
        severity=st.sampled_from(Severity),
        status=st.text(max_size=5),
        seq=st.integers(0, 2**62),
        epoch=st.integers(0, 2**62),
    )
)
def test_quality_round_trip(update: Update) -> None:
    assert values.update(update.value, update.time_ns, values.quality(update)) == update


@given(
    st.dictionaries(
        st.sampled_from(["seq", "sev", "epoch", "status"]),
        st.none() | st.integers() | st.text(max_size=3) | st.booleans(),
    )
)
def test_quality_from_anybody(tags: dict) -> None:
    """Any tag map gives an update or is Malformed."""
    try:
        assert 0 <= values.update(1, 0, tags).severity <= 3
    except Malformed:
        return


def test_scalars_keep_their_type() -> None:
    for dtype, value, wanted in (
        ("float", 3, 3.0),
        ("int", np.int64(3), 3),
        ("bool", np.True_, True),
        ("str", 5, "5"),
        ("float", np.float32(0.5), 0.5),
        ("enum", "Fast", "Fast"),
        ("int", None, None),
    ):
        sent = values.to_wire(Attribute("a", dtype, ""), value)
        assert (type(sent), sent) == (type(wanted), wanted)
        assert unpack(pack(sent), object) == [wanted]


# --- description
