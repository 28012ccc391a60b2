"""Recordings with known contents, and what a decoder makes of a stream."""

import numpy as np
from hitline.bus.formats import chunks, packets
from hitline.bus.formats.hits import Hits
from hitline.bus.formats.times import split_ticks
from hitline.bus.formats.tpx3 import Batch, Decoder


def recording(hits: int, *, per_chunk: int = 50, spacing_ns: float = 1000.0, chips: int = 4) -> bytes:
    """Chunks with a packet counter and `per_chunk` hits each, chips in turn, evenly in time.

    Hit n is at x = n % 256, y = n // 256 % 256, so that each can be told from its neighbours.
    """
    number = np.arange(hits)
    spidr, toa, ftoa = split_ticks((number * spacing_ns / 1.5625).astype(np.int64))
    words = packets.encode_pixels(number % 256, number // 256 % 256, toa, number % 1000, ftoa, spidr)
    counters = [0] * chips
    parts = []
    for index, start in enumerate(range(0, hits, per_chunk)):
        chip = index % chips
        payload = [packets.encode_packet_id(counters[chip]).reshape(1), words[start : start + per_chunk]]
        counters[chip] += 1
        parts.append((chip, np.concatenate(payload).astype(np.uint64)))
    return chunks.encode(parts)


def decoded(stream: bytes) -> Hits:
    """All hits of a stream of chunks, in its order."""
    decoder = Decoder()
    return Batch.concat([decoder.feed(stream), decoder.flush()]).hits
