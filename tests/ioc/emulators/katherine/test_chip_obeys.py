"""What the emulated chip was told shows in its hits: mask, thresholds, bias, polarity, time, pulses."""

import numpy as np
import pytest
from hitline.bus.formats.katherine_words import headers_of, pixel_fields
from hitline.ioc.emulators.world.particles import Source
from hitline.ioc.protocols.katherine.matrix import Pixels
from lib_client import Setup

WORLD = {"rate_hz": 0.0, "seed": 5}
HOLES, ELECTRONS = 0x58, 0x59
HIGH = {5: 200, 6: 10}
"""Threshold 1800, in steps of the fine DAC: 160 * 10 + 200; for holes 1500 electrons above the noise."""
BEAM = Source("xray", 5e4, ((12.0, 1.0),))
"""3300 electrons each, and none goes through the sensor."""


def matrix(mask=False, pulse=False, trims=None):
    codes = (np.zeros((256, 256), bool) | mask) * np.uint8(1) | (
        np.zeros((256, 256), bool) | pulse
    ) * np.uint8(32)
    trims = np.full((256, 256), 8, np.uint8) if trims is None else trims
    for bit in range(4):
        codes |= (trims >> 3 - bit & 1) << 1 + bit
    return Pixels.of_codes(codes).upload()


async def taken(client, *, mode=0x80, data_driven=True, quiet_s=1.0, **setup):
    """Configure, acquire; give the words."""
    setup = {"general": HOLES, "dacs": HIGH, "bias_v": 150.0, **setup}
    await client.call(client.configure, Setup(**setup))
    await client.call(client.start, data_driven, mode)
    return await client.call(client.words, quiet_s, setup.get("frames", 1))


def hits(words):
    """x, y, ToT of the pixels among words."""
    pixels = words[headers_of(words) == 4]
    x, y, _, tot, _ = pixel_fields(pixels)
    return x, y, tot


async def test_masked_pixels_are_silent(make):
    mask = np.zeros((256, 256), bool)
    mask[:, 100:] = True
    async with make(**WORLD) as (emulator, client):
        emulator.world.sources = (BEAM,)
        x, _, _ = hits(await taken(client, matrix=matrix(mask=mask)))
        assert len(x) > 500 and x.max() < 100


async def test_a_higher_threshold_shows_less(make):
    """Of a line at 3300 electrons, shared among pixels: all clusters, fewer pixels, none at all."""
    async with make(**WORLD) as (emulator, client):
        emulator.world.sources = (BEAM,)
        counts = []
        for step in (1770, 1920, 2110):
            dacs = {6: step // 160, 5: step % 160}
            counts.append(len(hits(await taken(client, matrix=matrix(), dacs=dacs))[0]))
        assert counts[0] > 1.2 * counts[1] > 500 and counts[2] < counts[1] / 50


async def test_bias_decides_how_charge_is_shared(make):
    async with make(**WORLD) as (emulator, client):
        emulator.world.sources = (BEAM,)
        low, high = [hits(await taken(client, matrix=matrix(), bias_v=volts)) for volts in (20.0, 200.0)]
        assert len(low[0]) < 0.8 * len(high[0]), "not depleted: part of the sensor sees nothing"


async def test_the_wrong_polarity_sees_nothing_of_the_sensor(make):
    async with make(**WORLD, collects="holes") as (emulator, client):
        emulator.world.sources = (BEAM,)
        assert len(hits(await taken(client, matrix=matrix()))[0]) > 1000
        right_side = {5: 100, 6: 10}  # 1700: for electrons 2000 above the noise
        words = await taken(client, matrix=matrix(), general=ELECTRONS, dacs=right_side)
        assert len(hits(words)[0]) == 0 and headers_of(words)[-1] == 0xC


@pytest.mark.parametrize("seconds", [0.05, 0.3])
async def test_acquisition_time(make, seconds):
    async with make(**WORLD) as (emulator, client):
        emulator.world.sources = (BEAM,)
        words = await taken(client, matrix=matrix(), acquire_s=seconds)
        by = {
            int(header): int(word) & (1 << 44) - 1
            for header, word in zip(headers_of(words), words, strict=True)
        }
        length = (by[0xB] << 32 | by[0xA]) - (by[0x9] << 32 | by[0x8])
        assert length == round(seconds / 25e-9)
        assert len(hits(words)[0]) / (seconds * 5e4) == pytest.approx(0.9, rel=0.2)


async def test_digital_pulses_come_in_every_pixel_that_should(make):
    """Count x pixels, at the right places, one period apart, whatever the threshold."""
    rng = np.random.default_rng(4)
    pulse = np.zeros((256, 256), bool)
    pulse[rng.integers(0, 256, 40), rng.integers(0, 256, 40)] = True
    mask = np.zeros((256, 256), bool)
    mask[tuple(np.argwhere(pulse)[0])] = True
    async with make(**WORLD) as (emulator, client):
        emulator.world.sources = ()
        period = (2561 - 1) // 64
        words = await taken(
            client,
            matrix=matrix(mask=mask, pulse=pulse),
            pulses=(50 | period << 16, 1 | 1 << 2),
            acquire_s=0.05,
        )
        x, y, _ = hits(words)
        found = np.zeros((256, 256), int)
        np.add.at(found, (y, x), 1)
        assert np.array_equal(found, 50 * (pulse & ~mask))
        (frame,) = emulator.sent
        times = np.unique(frame.hits.t)
        assert len(times) == 50 and np.all(np.diff(times) == 2561 * 16)


async def test_noise_alone_makes_hits_near_its_middle(make):
    async with make(**WORLD) as (emulator, client):
        emulator.world.sources = ()
        front = emulator.source.front
        trims = front.best_trim()
        dacs = {6: 10, 5: 80}  # 30 steps, 300 electrons: four times the noise
        x, y, _ = hits(await taken(client, matrix=matrix(trims=trims), dacs=dacs, acquire_s=0.02))
        rate = front.noise_rate_hz(front.threshold_e(1680, trims))
        assert len(x) == pytest.approx(0.02 * min(rate.sum(), 20e6), rel=0.05)
        assert np.corrcoef(np.bincount(y.astype(int) * 256 + x, minlength=65536), rate.ravel())[0, 1] > 0.3


async def test_counting_mode_has_events_and_their_sum(make):
    async with make(**WORLD, mode_latch="immediate") as (emulator, client):
        emulator.world.sources = (BEAM,)
        words = await taken(client, matrix=matrix(), mode=2, data_driven=False, frames=2)
        assert np.count_nonzero(headers_of(words) == 0xC) == 2
        pixels = words[headers_of(words) == 4]
        _, _, itot, events, _ = pixel_fields(pixels)
        sent = emulator.sent
        assert np.array_equal(itot, np.concatenate([frame.hits.itot for frame in sent])) and itot.max() > 0
        assert np.array_equal(events, np.concatenate([frame.hits.events for frame in sent]))
        for frame in sent:
            assert len(np.unique(frame.hits.y.astype(int) * 256 + frame.hits.x)) == len(frame.hits), (
                "once a pixel"
            )


@pytest.mark.parametrize("gen", [1, 2])
async def test_a_start_trigger_opens_the_shutter(make, gen):
    """Delayed start: nothing before the edge; a trigger word for each edge; the channel matters."""
    start = 1 | 2 << 1 | 1 << (5 if gen == 1 else 6)
    async with make(gen=gen) as (emulator, client):
        await client.call(client.configure, Setup(triggers=start, acquire_s=0.1))
        await client.call(client.start)
        assert len(await client.call(client.words, 0.2)) == 0
        await emulator.do_trigger()
        await emulator.set_trigger_channel(2)
        await emulator.do_trigger()
        headers = headers_of(await client.call(client.words))
        triggers = {1: (2, 3), 2: (4, 6)}[gen]
        words = 1 if gen == 1 else 2
        assert np.count_nonzero(np.isin(headers, triggers)) == 2 * words
        assert headers[-1] == 0xC and np.count_nonzero(np.isin(headers, (4,) if gen == 1 else (0,))) > 500


async def test_a_stop_trigger_closes_it(make):
    async with make() as (emulator, client):
        stop = (1 | 1 << 4) << 8
        await client.call(client.configure, Setup(triggers=stop, acquire_s=30.0))
        await client.call(client.start)
        await emulator.set_trigger_falling(True)
        await emulator.do_trigger()
        headers = headers_of(await client.call(client.words))
        assert headers[-3:].tolist() == [0xA, 0xB, 0xC]


@pytest.mark.parametrize(("on_stop", "ends"), [("aborted", [0xE]), ("finish", [0xA, 0xB, 0xC])])
async def test_what_a_stop_sends(make, on_stop, ends):
    async with make(on_stop=on_stop) as (emulator, client):
        await client.call(client.configure, Setup(acquire_s=30.0))
        await client.call(client.start)
        await client.call(client.is_silent, 0x06, 1)
        words = await client.call(client.words)
        headers = headers_of(words)
        assert headers[-len(ends) :].tolist() == ends
        assert np.count_nonzero(headers == 0xE) == (on_stop == "aborted")
        if on_stop == "finish":
            assert (
                int(words[-1]) & (1 << 44) - 1 == np.count_nonzero(headers == 4) == len(emulator.sent[0].hits)
            )


async def test_a_stop_may_be_ignored(make):
    """Where the handler is an empty function, as is said of the first generation."""
    async with make(on_stop="ignore") as (emulator, client):
        await client.call(client.configure, Setup(acquire_s=0.5))
        await client.call(client.start)
        await client.call(client.is_silent, 0x06, 1)
        headers = headers_of(await client.call(client.words))
        assert headers[-1] == 0xC and emulator.sent[0].end - emulator.sent[0].start == 0.5 * 640e6
