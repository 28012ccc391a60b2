"""Damaged streams: whatever the bytes, a decoder counts and goes on; it never raises and never makes up a
hit."""

import numpy as np
import pytest
import word_by_word
from format_helpers import decoded, pieces, rows
from hitline.bus.formats.events import first_times
from hitline.bus.formats.katherine import KatherineDecoder
from hitline.bus.formats.katherine_words import Mode
from hitline.bus.formats.order import Order
from hitline.bus.formats.tpx3 import Decoder
from hitline.ioc.emulators.scene import Truth

COUNTS = [15, pytest.param(1500, marks=[pytest.mark.faults, pytest.mark.timeout(900)])]


def damaged(raw: bytes, rng: np.random.Generator) -> bytes:
    """A stretch of a stream with bits turned over, parts lost, doubled, or put in from nowhere."""
    start = int(rng.integers(0, len(raw) - 20_000)) // 8 * 8
    data = bytearray(raw[start : start + int(rng.integers(100, 20_000))])
    for _ in range(int(rng.integers(0, 12))):
        at, length = int(rng.integers(0, len(data))), int(rng.integers(1, 200))
        match int(rng.integers(0, 5)):
            case 0:
                data[at] ^= 1 << int(rng.integers(0, 8))
            case 1:
                del data[at : at + length]
            case 2:
                del data[at // 8 * 8 : at // 8 * 8 + length * 8]
            case 3:
                data[at // 8 * 8 : at // 8 * 8] = rng.bytes(length * 8)
            case 4:
                data[at:at] = data[at // 2 : at // 2 + length]
        if len(data) < 16:
            break
    return bytes(data)


@pytest.mark.parametrize("count", COUNTS)
def test_damaged_chunk_streams(count: int, quad_stream: tuple[bytes, list[Truth]]) -> None:
    """The rules word by word give the same, every word is accounted for, and order loses no byte."""
    rng = np.random.default_rng(11)
    for _ in range(count):
        data = damaged(quad_stream[0], rng)
        words, counts = word_by_word.chunked(data)
        hits, triggers = word_by_word.decode(words)
        decoder = Decoder()
        cut = decoded(pieces(data, rng.integers(0, len(data) + 1, 5).tolist()), decoder)
        assert rows(cut.hits) == hits and rows(cut.tdc) == triggers
        facts = decoder.facts()
        assert {name: facts[name] for name in counts} == counts
        assert facts["chunks"] + facts["words"] + facts["skipped_words"] == len(data) // 8
        decoded([data], Decoder(first_times=first_times([data])))
        order = Order()
        out = order.feed(data) + order.flush()
        assert len(out) == len(data)


@pytest.mark.parametrize("count", COUNTS)
def test_noise_in_every_format(count: int) -> None:
    rng = np.random.default_rng(12)
    for _ in range(count):
        noise = rng.bytes(int(rng.integers(0, 6000)))
        for chunked in (True, False):
            decoder = Decoder(chunked=chunked)
            batch = decoded([noise], decoder)
            assert sum(decoder.types) == decoder.facts()["words"]
            assert len(batch.hits) == decoder.packets_by_type().get(0xB0, 0)
        for mode in Mode:
            katherine = KatherineDecoder(mode)
            batch_k = katherine.feed(noise)
            katherine.flush()
            assert katherine.facts()["words"] == len(noise) // 6
            assert len(batch_k.hits) + len(batch_k.counted) == katherine.pixels
