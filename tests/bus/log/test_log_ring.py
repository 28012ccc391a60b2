"""Nothing goes into the ring that does not come out of it, whole and in order, or is counted as dropped."""

import pytest
from hitline.bus.log.assembler import MAX_BLOCK, Assembler, Piece
from hitline.bus.log.block import HEADER_BYTES, Format, Kind
from hitline.bus.log.ring import Ring
from hypothesis import given, settings
from hypothesis import strategies as st


@given(
    st.lists(st.tuples(st.sampled_from(["reserve", "extend", "release"]), st.integers(1, 60)), max_size=200)
)
def test_reservations_never_overlap(steps):
    ring = Ring(100)
    held: list[list[int]] = []
    for step, size in steps:
        if step == "reserve":
            start = ring.reserve(size)
            if start is not None:
                held.append([start, size])
        elif step == "extend" and held:
            if ring.extend(size):
                held[-1][1] += size
        elif step == "release" and held:
            start, length = held.pop(0)
            ring.release(start + length)
        taken: set[int] = set()
        for start, length in held:
            cells = {(start % 100) + n for n in range(length)}
            assert max(cells) < 100, "contiguous"
            assert not taken & cells
            taken |= cells
        assert len(taken) <= ring.used <= 100
    if not held:
        assert ring.reserve(50) is not None, "an empty ring has room for half its size, wherever it stands"


def piece(words, hits=None, lost=0, kind=Kind.DATA):
    return Piece(kind, Format.TPX3_WORDS, words, 0xFFFFFFFF if hits is None else hits, 3, lost)


@settings(max_examples=200)
@given(st.lists(st.tuples(st.integers(0, 700_000), st.integers(0, 3), st.booleans()), max_size=30))
def test_every_word_is_in_a_block_or_counted(pieces):
    a = Assembler(4 * 2**20, 256 * 2**10)
    sent, got, words, lost = b"", b"", 0, 0
    for number, (size, loss, drain) in enumerate(pieces):
        payload = bytes([number]) * size
        if a.add(piece(size, size, loss), payload, 0):
            sent += payload
        else:
            a.drop(piece(size, size, loss), size)
        if drain:
            a.seal()
            while batch := a.take(10**6):
                end = batch[0].start
                for draft in batch:
                    assert draft.start == end
                    end = draft.start + draft.size
                    got += a.ring.view(draft.start + HEADER_BYTES, draft.payload)
                    assert draft.payload <= MAX_BLOCK
                    words += draft.words + draft.dropped
                    lost += draft.lost
                a.ring.release(end)
    dropped_last = a._dropped_new, a._lost_new
    a.seal()
    while batch := a.take(10**6):
        for draft in batch:
            got += a.ring.view(draft.start + HEADER_BYTES, draft.payload)
            words += draft.words + draft.dropped
            lost += draft.lost
        a.ring.release(batch[-1].start + batch[-1].size)
    assert got == sent
    assert words + dropped_last[0] == sum(size for size, _, _ in pieces)
    assert lost + dropped_last[1] == sum(loss for _, loss, _ in pieces)
    assert (
        a.dropped_bytes == a.dropped_words == a.dropped_hits == sum(size for size, _, _ in pieces) - len(sent)
    )
    assert a.ring.used <= a.ring.size and a.empty


def test_pieces_gather_until_the_block_is_large_enough():
    a = Assembler(8 * 2**20, 1000)
    assert a.add(piece(1, 1), b"x" * 400, 5)
    assert a.add(piece(1, 1), b"y" * 400, 6)
    assert not a.ready and a.opened_ns == 5
    assert a.add(piece(1, 1), b"z" * 400, 7)
    assert a.ready and a.opened_ns is None
    (draft,) = a.take(10**6)
    assert (draft.payload, draft.words, draft.hits) == (1200, 3, 3)


@pytest.mark.parametrize("other", [piece(1, 1, lost=2), piece(1), piece(1, 1, kind=Kind.BEGIN)])
def test_what_differs_begins_a_new_block(other):
    a = Assembler(8 * 2**20, 1000)
    a.add(piece(1, 1), b"x" * 80, 0)
    a.add(other, b"y" * 80, 0)
    a.seal()
    first, second = a.take(10**6)
    assert (first.payload, second.payload, second.lost) == (80, 80, other.lost)


def test_a_piece_that_can_never_fit_is_refused():
    a = Assembler(4 * 2**20, 1000)
    with pytest.raises(ValueError, match="split"):
        a.add(piece(1), bytes(3 * 2**20), 0)
    with pytest.raises(ValueError, match="ring"):
        Assembler(1000, 1000)
