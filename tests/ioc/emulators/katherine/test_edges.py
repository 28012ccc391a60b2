"""Edges of the world's wires come as trigger words, each behind the hits that were before it."""

import time

import numpy as np
import pytest
from hitline.bus.formats.katherine import KatherineDecoder
from hitline.bus.formats.katherine_words import GENERATIONS
from katherine_rig import katherine
from kit.until import until

TICKS_PER_S = 640_000_000


@pytest.mark.parametrize("gen", [1, 2])
async def test_words_of_edges_stand_among_the_hits(gen):
    async with katherine(gen=gen, rate_hz=2e4) as rig:
        emulator, data = rig.emulator, bytearray()
        edges = time.monotonic() + 0.05 + 0.0123 * np.arange(20)
        emulator.world.wires.append(lambda since, until: edges[(edges >= since) & (edges < until)].tolist())
        emulator._send = lambda datagrams: data.extend(b"".join(datagrams))
        emulator.readout.chip.change(time_10ns=50_000_000)
        emulator._begin(True)
        zero = emulator.readout.chip.zero
        await until(lambda: not emulator._exposure.running)
    decoder = KatherineDecoder()
    decoder.setup = type(decoder.setup)(generation=gen)
    batch = decoder.feed(bytes(data))
    place = batch.marks.place[batch.marks.header == GENERATIONS[gen].triggers[0]]
    assert len(place) == 20
    t, at = batch.hits.t_unwrapped, (edges * TICKS_PER_S - zero).astype(np.int64)
    assert len(t) > 100
    assert [int(np.count_nonzero(t < edge)) for edge in at] == pytest.approx(place.tolist(), abs=1)
