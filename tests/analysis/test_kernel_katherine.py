"""The fast decoder of Katherine words gives what the plain one of bus.formats gives, from any pieces."""

import itertools

import numpy as np
import pytest
from hitline.analysis.kernels.katherine import KatherineDecoder
from hitline.analysis.kernels.layout import SINGLE, TILES
from hitline.analysis.kernels.words import BACK
from hitline.bus.formats import katherine as plain
from hitline.bus.formats.katherine_setup import Setup
from hitline.bus.formats.katherine_words import GENERATIONS, Header, Mode, encode_word, to_bytes
from hypothesis import given, settings
from hypothesis import strategies as st

SETUPS = [
    Setup(mode, fast, generation, coarse, phases, sequential)
    for mode in Mode
    for fast, coarse in ((True, 16), (False, 16), (False, 4), (False, 32))
    for phases in (1, 4)
    for generation in (1, 2)
    for sequential in (False, True)
]


def edges(raw, cuts):
    return itertools.pairwise([0, *sorted(c % (len(raw) + 1) for c in cuts), len(raw)])


def decoded(decoder, raw, cuts=()):
    """Columns of everything: t, x, y, tot, events or None, chip."""
    parts = []
    for start, stop in edges(raw, cuts):
        hits = decoder.decode(raw[start:stop])
        events = hits.events if hits.events is not None else np.zeros(len(hits), np.uint16)
        parts.append([c.copy() for c in (hits.t, hits.x, hits.y, hits.tot, events, hits.chip)])
    return [np.concatenate(column) for column in zip(*parts, strict=True)]


def assert_twin(setup, raw, cuts=()):
    fast, slow = KatherineDecoder(), plain.KatherineDecoder.of(setup)
    fast.begin(setup)
    t, x, y, tot, events, chip = decoded(fast, raw, cuts)
    batch = slow.feed(raw)
    table = batch.hits if setup.timed else batch.counted
    place = TILES if setup.generation == 2 else SINGLE
    assert np.array_equal(chip, table.chip)
    offsets = place.table()[table.chip.astype(int)] if len(table) else np.zeros((0, 6), int)
    assert np.array_equal(x, offsets[:, 0] + table.x) and np.array_equal(y, offsets[:, 3] + table.y)
    assert fast.layout is place and fast.unknown_words == slow.facts()["unknown_words"]
    if not setup.timed:
        assert np.array_equal(tot, batch.counted.itot) and np.array_equal(events, batch.counted.events)
        assert not t.any()
        return
    assert np.array_equal(tot, batch.hits.tot)
    newest = 0
    for number in np.unique(batch.frame):
        here = batch.frame == number
        assert np.array_equal(t[here] - (newest + BACK), batch.hits.t_unwrapped[here]), number
        newest = max(newest, int(t[here].max()))


def stream(seed, generation):
    """Frames with everything in them, and words that mean nothing."""
    rng = np.random.default_rng(seed)
    words = rng.integers(0, 1 << 44, 3000, np.uint64)
    pixels = rng.choice(GENERATIONS[generation].pixels, 3000)
    likely = np.array([1] * 5 + [8, 1, 3, 1, 1, 1, 1, 3, 1, 1, 1])
    marks = rng.choice(16, 3000, p=likely / likely.sum())
    headers = np.where(rng.random(3000) < 0.9, pixels, marks).astype(np.uint64)
    return to_bytes(words | headers << np.uint64(44))


@pytest.mark.parametrize("setup", SETUPS, ids=str)
def test_every_setup(setup):
    raw = stream(5, setup.generation)
    assert_twin(setup, raw)
    assert_twin(setup, raw, range(1, len(raw), 997))


@settings(max_examples=40, deadline=None)
@given(
    st.binary(max_size=600),
    st.lists(st.integers(0, 600), max_size=5),
    st.sampled_from(SETUPS),
)
def test_any_bytes_in_any_pieces(raw, cuts, setup):
    assert_twin(setup, raw, cuts)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 18000), st.sampled_from(SETUPS))
def test_goes_on_from_a_state(at, setup):
    raw = stream(6, setup.generation)
    whole, first, second = KatherineDecoder(), KatherineDecoder(), KatherineDecoder()
    for decoder in (whole, first):
        decoder.begin(setup)
    wanted = decoded(whole, raw)
    before = decoded(first, raw[:at])
    second.restore(first.state())
    after = decoded(second, raw[at:])
    for name, (a, b, c) in enumerate(zip(wanted, before, after, strict=True)):
        assert np.array_equal(a, np.concatenate([b, c])), name
    assert second.unknown_words == whole.unknown_words


def test_another_exposure_may_be_set_up_otherwise():
    pixel = int(Header.PIXEL) << 44 | 5 << 36 | 7 << 28 | 1000 << 14 | 33 << 4
    raw = to_bytes(np.array([encode_word(Header.NEW_FRAME), pixel], np.uint64))
    decoder = KatherineDecoder()
    decoder.begin(Setup())
    assert decoder.decode(raw + b"\1\2\3").tot.tolist() == [33]
    decoder.begin(Setup(Mode.EVENT_ITOT))
    hits = decoder.decode(raw)
    assert (hits.x.tolist(), hits.tot.tolist(), hits.events.tolist()) == ([7], [1000], [33]), (
        "no cut word left"
    )
