"""The decoder against the generated truth and against the rules written down word by word."""

from unittest.mock import patch

import numpy as np
import pytest
import word_by_word
from format_helpers import decoded, pieces, rows, same
from hitline.bus.formats import clock, packets
from hitline.bus.formats.chunks import encode
from hitline.bus.formats.events import first_times
from hitline.bus.formats.hits import NO_TIME
from hitline.bus.formats.quad import stitch
from hitline.bus.formats.times import split_ticks
from hitline.bus.formats.tpx3 import Batch, Decoder
from hitline.ioc.emulators.scene import Truth
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

SECOND = 40_000_000


def hit(coarse: int, x: int = 1, y: int = 2, tot: int = 5) -> int:
    spidr, toa, ftoa = split_ticks(np.array([coarse * 16]))
    return int(packets.encode_pixels([x], [y], toa, [tot], ftoa, spidr)[0])


def pair(coarse: int) -> list[int]:
    return [int(half[0]) for half in packets.encode_global_time(np.array([coarse]))]


def trigger(counter: int, coarse: int, fine: int = 1, type: int = 0x6F) -> int:
    """A trigger at a time in steps of 25 ns."""
    return int(packets.encode_tdc(type, [counter], [coarse * 8 % (1 << 35)], [fine])[0])


def stream(*chunks: tuple[int, list[int]]) -> bytes:
    return encode((chip, np.array(words, np.uint64)) for chip, words in chunks)


def seconds(batch: Batch) -> list[float]:
    return (batch.hits.t_unwrapped / 16 / SECOND).tolist()


def test_generated_hits_come_out(quad_stream: tuple[bytes, list[Truth]]) -> None:
    raw, truth = quad_stream
    decoder = Decoder()
    hits = decoded([raw], decoder).hits
    x, y = stitch(hits.chip, hits.x, hits.y)
    found = sorted(zip(hits.t_unwrapped.tolist(), x.tolist(), y.tolist(), hits.tot.tolist(), strict=True))
    made = [row for t in truth for row in zip(*(c.tolist() for c in (t.t, t.x, t.y, t.tot)), strict=True)]
    assert found == sorted(made)
    assert hits.t_unwrapped.max() > 1 << 34, "the stream is long enough for pixel times to roll over"
    assert decoder.facts()["packets_lost"] == 0 and decoder.facts()["unanchored"] == 0


def test_any_split_and_any_restart(quad_stream: tuple[bytes, list[Truth]]) -> None:
    raw = quad_stream[0][:200_000]
    whole = decoded([raw])
    rng = np.random.default_rng(3)
    for _ in range(10):
        decoder, batches = Decoder(), []
        for part in pieces(raw, rng.integers(0, len(raw), 30).tolist()):
            batches.append(decoder.feed(part))
            state = decoder.state()
            decoder = Decoder()
            decoder.restore(state)
        assert same(Batch.concat([*batches, decoder.flush()]), whole)


WORDS = st.one_of(
    st.builds(hit, st.integers(0, 1 << 31), st.integers(0, 255), st.integers(0, 255), st.integers(0, 1023)),
    st.builds(
        trigger,
        st.sampled_from([0, 1, 1, 1, 2, 700, 4095]),
        st.integers(0, 1 << 34),
        st.integers(0, 15),
        st.sampled_from([0x6F, 0x6A, 0x6E, 0x6B, 0x4F]),
    ),
    st.builds(pair, st.integers(0, (1 << 35))),
    st.builds(lambda n: int(packets.encode_packet_id(n)), st.integers(0, 40)),
    st.integers(0, (1 << 64) - 1),
    st.sampled_from([0x4500000000010000, 0x0010000133585054, 0xB010000133585054]),
)
CHUNKS = st.lists(
    st.tuples(st.integers(0, 3), st.lists(WORDS, max_size=12).map(
        lambda words: [w for word in words for w in (word if isinstance(word, list) else [word])])),
    max_size=25,
)  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(CHUNKS, st.lists(st.integers(0, 10**6), max_size=6), st.sampled_from([3, 17, 1 << 20]),
       st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=3))  # fmt: skip
def test_equals_the_rules_word_by_word(
    chunks: list, cuts: list[int], hold: int, damage: list[tuple[int, int]]
) -> None:
    """Whatever the words, damage and split, the decoder gives what the rules say, and never raises."""
    raw = bytearray(stream(*chunks))
    for at, value in damage:
        if raw:
            raw[at % len(raw)] = value
    with patch.object(clock, "HOLD_WORDS", hold):
        words, counts = word_by_word.chunked(bytes(raw))
        hits, triggers = word_by_word.decode(words)
        decoder = Decoder()
        batch = decoded(pieces(bytes(raw), cuts), decoder)
    assert rows(batch.hits) == hits
    assert rows(batch.tdc) == triggers
    facts = decoder.facts()
    assert {name: facts[name] for name in counts} == counts
    assert facts["held_words"] == 0


TIMES = [second * SECOND for second in (0, 1, 9, 14, 20, 26, 60, 100, 500, 700, 900)]


def random_words(rng: np.random.Generator) -> list[int]:
    """A word, or a pair, of few different kinds and times, so that every rule of the clock has its turn."""
    time = TIMES[rng.integers(len(TIMES))] + int(rng.integers(0, 3))
    match rng.integers(0, 10):
        case 0 | 1:
            return pair(time)
        case 2 | 3 | 4:
            counter = [0, 1, 1, 1, 2, 700, 700, 4094, 4095][rng.integers(9)]
            type = packets.TDC_TYPES[rng.integers(len(packets.TDC_TYPES))]
            return [trigger(counter, time, int(rng.integers(0, 14)), type)]
        case 5:
            return [trigger(700, 60 * SECOND), trigger(1, time % SECOND)]
        case 6:
            return pair(time)[: rng.integers(1, 2)]
        case _:
            return [hit(time)]


@pytest.mark.parametrize("hold", [2, 5, 1 << 20])
def test_every_rule_of_the_clock(hold: int) -> None:
    """Resets, stale and torn pairs, waits that end: as the rules say word by word, for any split."""
    rng = np.random.default_rng(hold)
    met = np.zeros(4, np.int64)
    for _ in range(120):
        chunks = [
            (int(rng.integers(0, 2)), [word for _ in range(rng.integers(1, 4)) for word in random_words(rng)])
            for _ in range(rng.integers(1, 25))
        ]
        raw = stream(*chunks)
        with patch.object(clock, "HOLD_WORDS", hold):
            hits, triggers = word_by_word.decode(word_by_word.chunked(raw)[0])
            decoder = Decoder()
            batch = decoded(pieces(raw, rng.integers(0, len(raw), 4).tolist()), decoder)
        assert rows(batch.hits) == hits
        assert rows(batch.tdc) == triggers
        met += decoder.clock.tally > 0
    assert met.min() > 10, "resets, steps back and stale pairs were among them"


def test_hits_before_the_first_pair_wait_for_it() -> None:
    late = 1000 * SECOND
    decoder = Decoder()
    assert not len(decoder.feed(stream((0, [hit(late - 5)]), (1, [hit(late), *pair(late)]))).hits)
    batch = decoder.feed(stream((0, [hit(late + 5), *pair(late + 9)])))
    assert batch.hits.chip.tolist() == [0, 1, 0], "in the order of the stream"
    assert (batch.hits.t_unwrapped / 16 - late).tolist() == [-5, 0, 5]


def test_without_global_time_steps_are_followed() -> None:
    """Over the roll-over after 26.8 s and back again for a hit that comes late, per chip."""
    times = [1.0, 12.0, 24.0, 27.0, 26.0, 38.0, 50.0, 54.0]
    decoder = Decoder()
    batch = decoded([stream(*((0, [hit(int(t * SECOND))]) for t in times), (1, [hit(3 * SECOND)]))], decoder)
    assert seconds(batch) == [*times, 3.0]
    assert decoder.facts()["unanchored"] == len(times) + 1


def test_first_hit_never_before_zero() -> None:
    batch = decoded([stream((0, [hit(2), hit((1 << 30) - 2), hit(4)]))])
    assert batch.hits.t_unwrapped.tolist() == [32, ((1 << 30) - 2) * 16, ((1 << 30) + 4) * 16]


def test_a_chip_waits_only_so_long() -> None:
    """A chip that never tells its time holds up the others for HOLD_WORDS words."""
    with patch.object(clock, "HOLD_WORDS", 100):
        decoder = Decoder()
        decoder.feed(stream((1, pair(0)), (0, [hit(7)])))
        found = [len(decoder.feed(stream((1, [hit(n)]))).hits) for n in range(105)]
    assert found[:99] == [0] * 99 and found[99] == 101 and found[100:] == [1] * 5


def test_timer_reset() -> None:
    """Triggers from before the reset, stale pairs after it, then the first pair of the new timer."""
    before, stale = 103 * SECOND, 61_091 * SECOND
    tail = [trigger(counter, before + counter) for counter in range(3470, 3483)]
    raw = stream(
        (0, tail),
        (0, [trigger(1, 38_400)]),
        *((chip, [*pair(stale)]) for chip in range(4)),
        (0, [hit(12_452_000)]),
        (3, [hit(12_452_100)]),
        *((chip, [*pair(13 * SECOND // 10 + chip)]) for chip in range(4)),
        (1, [hit(2 * SECOND)]),
    )
    for decoder in (Decoder(), Decoder(first_times=first_times([raw]))):
        batch = decoded([raw], decoder)
        assert seconds(batch) == [0.3113, 0.3113025, 2.0]
        assert batch.tdc.abs.tolist()[-1] == 38_400 * 8
        assert decoder.facts()["timer_resets"] == 1 and decoder.facts()["stale_times"] == 4


def test_copies_of_a_trigger_tell_one_reset() -> None:
    old = [(chip, [*pair(50 * SECOND), trigger(900, 50 * SECOND)]) for chip in range(4)]
    new = [(chip, [trigger(1, 1000), *pair(2000)]) for chip in range(4)]
    decoder = Decoder()
    decoded([stream(*old, *new)], decoder)
    assert decoder.facts()["timer_resets"] == 1


@pytest.mark.parametrize("counters", [(4094, 4095, 0, 1), (2, 1, 3), (1, 1, 2)])
def test_no_reset_where_none_was(counters: tuple[int, ...]) -> None:
    """Neither a wrapping counter nor packets out of order at the start are resets."""
    decoder = Decoder()
    decoded([stream(*((0, [trigger(counter, 1000 + counter)]) for counter in counters))], decoder)
    assert decoder.facts()["timer_resets"] == 0


def test_trigger_without_valid_fine_time() -> None:
    decoder = Decoder()
    tdc = decoded(
        [stream((0, [trigger(5, 100, fine=0), trigger(6, 100, fine=13), trigger(7, 100, 12)]))], decoder
    ).tdc
    assert tdc.counter.tolist() == [5, 6, 7]
    assert tdc.abs.tolist() == [NO_TIME, NO_TIME, 800]
    assert tdc.units12.tolist() == [NO_TIME, NO_TIME, 800 * 12 + 11]
    assert decoder.facts()["invalid_tdc"] == 2


def test_sequential_pixels_and_other_words() -> None:
    counted = packets.encode_pixels([200], [17], [16383], [1023], [14], [7], kind=packets.PIXEL_COUNTED)
    words = [
        int(counted[0]),
        int(packets.encode_shutter(packets.SHUTTER_OPEN, 39_737)),
        0x71A0 << 48,
        0x99 << 56,
    ]
    decoder = Decoder()
    batch = decoded([stream((2, words))], decoder)
    assert rows(batch.counted) == [(2, 200, 17, 16383, 1023, 14, 7)]
    assert batch.control.type.tolist() == [0x5F, 0x71, 0x99]
    assert packets.control_time(batch.control).tolist() == [39_737, NO_TIME, NO_TIME]
    assert decoder.facts()["unknown_words"] == 1
    assert decoder.packets_by_type() == {0x5F: 1, 0x71: 1, 0x99: 1, 0xA0: 1}


def test_truncated_tail_is_reported() -> None:
    raw = stream((0, [*pair(0), hit(1), hit(2)]))
    decoder = Decoder()
    assert len(decoded([raw[:-5]], decoder).hits) == 1
    assert decoder.facts()["cut_bytes"] == 3 and decoder.facts()["cut_words"] == 1


def test_bare_words() -> None:
    started = 0x17_0000_0012_3456_78
    raw = np.array([started, *pair(5 * SECOND), hit(5 * SECOND)], "<u8").tobytes()
    for cuts in ([], [3, 11, 25], range(len(raw))):
        decoder = Decoder(chunked=False, chip=2)
        batch = decoded(pieces(raw, cuts), decoder)
        assert seconds(batch) == [5.0] and batch.hits.chip.tolist() == [2]
        assert decoder.splitter.started_ns == started
    with pytest.raises(ValueError, match="chip 16"):
        Decoder(chunked=False, chip=16)


def test_the_buffer_may_be_used_again() -> None:
    """A receiver reads into the same memory again and again; words that wait must not change with it."""
    memory = bytearray(np.array([hit(7, x=3)], "<u8").tobytes())
    decoder = Decoder(chunked=False)
    decoder.feed(memory)
    memory[:] = bytes(8)
    assert decoder.flush().hits.x.tolist() == [3]
