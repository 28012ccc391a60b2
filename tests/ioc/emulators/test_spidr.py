"""What the readout sends is a stream like a real one, and decodes to the scene."""

import numpy as np
import pytest
from hitline.bus.formats import packets
from hitline.bus.formats.quad import stitch
from hitline.bus.formats.tpx3 import Batch, Decoder
from hitline.ioc.emulators.scene import TICKS_PER_S, Scene, Truth
from hitline.ioc.emulators.spidr import Spidr, exposures, stream


def decode(raw: bytes) -> tuple[Batch, Decoder]:
    decoder = Decoder()
    return Batch.concat([decoder.feed(raw), decoder.flush()]), decoder


def seen(batch: Batch, *, quad: bool = True) -> list[tuple]:
    hits = batch.hits
    x, y = stitch(hits.chip, hits.x, hits.y) if quad else (hits.x, hits.y)
    return sorted(zip(hits.t_unwrapped.tolist(), x.tolist(), y.tolist(), hits.tot.tolist(), strict=True))


def made(*truths: Truth) -> list[tuple]:
    return sorted(
        row for t in truths for row in zip(*(c.tolist() for c in (t.t, t.x, t.y, t.tot)), strict=True)
    )


@pytest.mark.parametrize(("side", "chips"), [(512, 4), (256, 1)])
def test_stream_holds_the_scene(side: int, chips: int) -> None:
    parts = list(stream(Scene(rate_hz=2e5, side=side), 50_000, part_hits=20_000))
    assert [len(truth) for _, truth in parts] == [20_000, 20_000, 10_000]
    batch, decoder = decode(b"".join(piece for piece, _ in parts))
    assert seen(batch, quad=chips == 4) == made(*(truth for _, truth in parts))
    assert set(batch.hits.chip.tolist()) == set(range(chips))
    facts = decoder.facts()
    assert not any(count for name, count in facts.items() if name not in ("words", "chunks")), facts


def test_triggers_on_every_chip() -> None:
    raw, _ = next(stream(Scene(rate_hz=1e4), 9_900, readout=Spidr(tdc_hz=50.0)))
    tdc = decode(raw)[0].tdc
    for chip in range(4):
        mine = tdc.take(tdc.chip == chip)
        assert mine.counter.tolist() == list(range(1, 51))
        assert (mine.units12 / 3_840_000_000).tolist() == pytest.approx([n / 50 for n in range(50)], abs=1e-9)


@pytest.mark.parametrize("rate_hz", [1e3, 5e6, 40e6])
def test_disorder_is_there_and_bounded(rate_hz: float) -> None:
    readout = Spidr(overtaking=0.2)
    raw, _ = next(stream(Scene(rate_hz=rate_hz), 20_000, readout=readout))
    times = decode(raw)[0].hits.t_unwrapped
    late = np.maximum.accumulate(times) - times
    assert TICKS_PER_S * 100e-6 < late.max() <= readout.bound


def test_packets_overtake() -> None:
    raw, _ = next(stream(Scene(), 200_000, readout=Spidr(overtaking=0.2)))
    words = np.frombuffer(raw, "<u8")
    at = np.flatnonzero(packets.types_of(words) == packets.PACKET_ID)
    chip, counter = packets.field(words[at - 1], 32, 8), packets.field(words[at], 0, 48)
    steps = np.concatenate([np.diff(counter[chip == number]) for number in range(4)])
    assert (steps == 2).sum() > 20 and steps.min() == -1 and steps.max() <= 3


def test_lost_packets_are_known() -> None:
    readout = Spidr(losing=0.02)
    parts = list(stream(Scene(), 300_000, readout=readout, part_hits=100_000))
    batch, decoder = decode(b"".join(piece for piece, _ in parts))
    assert readout.lost_packets > 5
    assert decoder.facts()["packets_lost"] == readout.lost_packets
    assert 300_000 - len(batch.hits) == readout.lost_hits


def test_exposures_have_their_own_counts() -> None:
    counts = [0, 1, 700, 3, 1500]
    parts = list(exposures(Scene(), counts, gap_s=0.01))
    decoder = Decoder()
    for number, (piece, truth) in enumerate(parts):
        batch = Batch.concat([decoder.feed(piece), decoder.flush()])
        assert len(batch.hits) == len(truth) == counts[number]
        assert seen(batch) == made(truth)
        kinds = batch.control.type.tolist()
        shutter = [kind for kind in kinds if kind in (packets.SHUTTER_OPEN, packets.SHUTTER_CLOSE)]
        assert shutter == [packets.SHUTTER_OPEN] * 4 + [packets.SHUTTER_CLOSE] * 4
        assert kinds[-1] == packets.SHUTTER_CLOSE
    assert decoder.facts()["packets_lost"] == 0


def test_no_other_number_of_chips() -> None:
    with pytest.raises(ValueError, match="3 chips"):
        Spidr(chips=3)
