"""The fast decoder gives what the plain one of bus.formats gives, from any pieces of any bytes."""

import hashlib
import itertools
import json

import numpy as np
import pytest
from hitline.analysis.kernels.decode import Decoder
from hitline.analysis.kernels.layout import QUAD, SINGLE
from hitline.analysis.kernels.words import FOREIGN
from hitline.bus.formats import quad, tpx3
from hitline.bus.formats.chunks import encode
from hitline.bus.formats.hits import T_MODULUS
from hitline.bus.formats.packets import encode_pixels
from hitline.ioc.emulators.scene import Scene
from hitline.ioc.emulators.spidr import Spidr, stream
from hypothesis import given, settings
from hypothesis import strategies as st

COLUMNS = ("t", "x", "y", "tot", "chip")


def decoded(decoder, raw, cuts=()):
    edges = [0, *sorted(c % (len(raw) + 1) for c in cuts), len(raw)]
    parts = []
    for start, stop in itertools.pairwise(edges):
        hits = decoder.decode(raw[start:stop])
        parts.append([getattr(hits, name).copy() for name in COLUMNS])
    return dict(zip(COLUMNS, (np.concatenate(column) for column in zip(*parts, strict=True)), strict=True))


def assert_twin(fast, raw, chunked=True):
    plain = tpx3.Decoder(chunked=chunked)
    hits = tpx3.Hits.concat([plain.feed(raw).hits, plain.flush().hits])
    x, y = quad.stitch(hits.chip, hits.x, hits.y) if chunked else (hits.x, hits.y)
    for name, wanted in zip(COLUMNS[1:], (x, y, hits.tot, hits.chip), strict=True):
        assert np.array_equal(fast[name], wanted), name
    assert np.array_equal(fast["t"] % T_MODULUS, hits.t)
    return plain


def small_stream(seed=3):
    readout = Spidr(losing=0.02, seed=seed)
    return b"".join(raw for raw, _ in stream(Scene(seed=seed, rate_hz=1e5), 3000, readout=readout)), readout


def test_recorded_file(suann, data):
    truth = json.loads((data / "suann_truth.json").read_text())[suann.name]
    decoder = Decoder(QUAD, chunks=True)
    fast = decoded(decoder, suann.read_bytes())
    assert len(fast["t"]) == truth["n_hits"]
    assert int(fast["tot"].sum(dtype=np.int64)) == truth["total_tot_counts"]
    digest = hashlib.sha256(fast["t"].astype("<i8").tobytes()).hexdigest()
    assert digest == truth["absolute_time"]["sha256_stream_order"]
    assert (decoder.lost, decoder.unknown_words) == (0, 0)
    assert_twin(fast, suann.read_bytes())


@settings(max_examples=30, deadline=None)
@given(cuts=st.lists(st.integers(0, 10**6), max_size=20))
def test_any_cut_gives_the_same_hits(cuts):
    raw, readout = small_stream()
    whole, pieces = Decoder(QUAD, chunks=True), Decoder(QUAD, chunks=True)
    wanted, fast = decoded(whole, raw), decoded(pieces, raw, cuts)
    assert all(np.array_equal(wanted[name], fast[name]) for name in COLUMNS)
    assert whole.lost == pieces.lost == readout.lost_packets > 0
    assert np.array_equal(whole.tally, pieces.tally)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_damaged_streams_decode_as_the_plain_twin_does(data):
    raw, _ = small_stream()
    words = np.frombuffer(raw[:24_000], "<u8").copy()
    for _ in range(data.draw(st.integers(1, 12))):
        at = data.draw(st.integers(0, words.size - 1))
        words[at] = data.draw(
            st.one_of(
                st.integers(0, 2**64 - 1),
                st.integers(0, 2**32 - 1).map(lambda n: n << 32 | int.from_bytes(b"TPX3", "little")),
                st.just(words[(at + 7) % words.size]),
            )
        )
    drop = data.draw(st.integers(0, 300)) * 8
    damaged = words.tobytes()[drop:]
    keep_chips(damaged, data.draw(st.lists(st.integers(0, 24_000), max_size=5)))


def keep_chips(raw, cuts):
    """Compare on the chips of the quad; hits of others are counted and left out by the fast decoder."""
    decoder = Decoder(QUAD, chunks=True)
    fast = decoded(decoder, raw, cuts)
    plain = tpx3.Decoder()
    hits = tpx3.Hits.concat([plain.feed(raw).hits, plain.flush().hits])
    assert int(decoder.tally[FOREIGN]) == int((hits.chip > 3).sum())
    hits = hits.take(hits.chip < 4)
    x, y = quad.stitch(hits.chip, hits.x, hits.y)
    for name, wanted in zip(COLUMNS[1:], (x, y, hits.tot, hits.chip), strict=True):
        assert np.array_equal(fast[name], wanted), name
    facts = plain.facts()
    assert decoder.unknown_words - decoder.tally[FOREIGN] == facts["unknown_words"] + facts["skipped_words"]


def test_bare_words_with_a_creation_time_first():
    raw, _ = next(stream(Scene(seed=5, rate_hz=1e5, side=256), 500, readout=Spidr(chips=1, tdc_hz=0)))
    words = np.frombuffer(raw, "<u8")
    bare = words[(words & np.uint64(0xFFFFFFFF)) != int.from_bytes(b"TPX3", "little")].tobytes()
    decoder = Decoder(SINGLE, chunks=False)
    fast = decoded(decoder, (0x17 << 56 | 12345).to_bytes(8, "little") + bare, (3, 8, 100, 1001))
    assert len(fast["t"]) == 500
    assert decoder.unknown_words == 0
    assert_twin(fast, bare, chunked=False)


@pytest.mark.parametrize("step_s", [0.05, 13.0, 20.0, 26.0])
def test_time_goes_on_over_the_turn_of_the_counter(step_s):
    t = (np.arange(12) * step_s * 640e6).astype(np.int64)
    coarse = -(-t // 16)
    zero = np.zeros(t.size, np.int64)
    words = encode_pixels(zero, zero, coarse & 0x3FFF, zero + 5, coarse * 16 - t, (coarse >> 14) & 0xFFFF)
    decoder = Decoder(QUAD, chunks=True)
    assert np.array_equal(decoded(decoder, encode([(3, words)]))["t"], t)


def test_state_carries_a_decoder_over():
    raw, _ = small_stream()
    wanted = decoded(Decoder(QUAD, chunks=True), raw)
    decoder, parts = Decoder(QUAD, chunks=True), []
    for at in range(0, len(raw), 4999):
        parts.append(decoded(decoder, raw[at : at + 4999]))
        fresh = Decoder(QUAD, chunks=True)
        fresh.restore(decoder.state())
        decoder = fresh
    assert all(np.array_equal(wanted[name], np.concatenate([p[name] for p in parts])) for name in COLUMNS)
    assert decoder.lost is not None and decoder.lost > 0


def test_no_loss_is_claimed_without_a_counter():
    decoder = Decoder(QUAD, chunks=True)
    decoder.decode(encode([(0, np.array([0xB << 60], np.uint64))]))
    assert decoder.lost is None
