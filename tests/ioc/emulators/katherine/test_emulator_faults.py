"""Every fault of the emulator, from the beginning and switched on while data flow; and its full rate."""

import asyncio

import numpy as np
import pytest
from hitline.bus.formats.katherine_words import GENERATIONS, headers_of, pixel_fields
from kit.until import until
from lib_client import Setup, Silence

MASK44 = np.uint64((1 << 44) - 1)


async def datagrams(emulator, client):
    """All datagrams of an exposure that is under way or over, as they came."""

    def receive():
        client.data.settimeout(0.02)
        parts = []
        while True:
            try:
                parts.append(client.data.recvfrom(65536)[0])
            except TimeoutError:
                return parts

    found, under_way = [], True
    while under_way:
        under_way = emulator.readout.acquiring()
        found += await client.call(receive)
    return found


async def start(emulator, client, seconds=0.3):
    await client.call(client.configure, Setup(acquire_s=seconds))
    await client.call(client.start)
    await until(lambda: emulator.readout.acquiring() or emulator.sent)


def words_of(parts):
    raw = b"".join(part[: len(part) // 6 * 6] for part in parts)
    wide = np.zeros((len(raw) // 6, 8), np.uint8)
    wide[:, :6] = np.frombuffer(raw, np.uint8).reshape(-1, 6)
    return wide.view("<u8").ravel().astype(np.uint64)


async def test_without_faults_every_hit_comes_once_and_in_order(make):
    async with make(rate_hz=2e5) as (emulator, client):
        await start(emulator, client)
        words = words_of(await datagrams(emulator, client))
        headers = headers_of(words)
        x, y, toa, tot, ftoa = pixel_fields(words[headers == 4])
        (frame,) = emulator.sent
        for found, name in ((x, "x"), (y, "y"), (toa, "toa"), (tot, "tot"), (ftoa, "ftoa")):
            assert np.array_equal(found, getattr(frame.hits, name)), name
        assert emulator.counts.hits_sent == len(x) and not emulator.counts.hits_dropped


async def test_dropped_datagrams_are_counted_to_the_hit(make):
    async with make(rate_hz=2e5, drop=0.2) as (emulator, client):
        await start(emulator, client)
        words = words_of(await datagrams(emulator, client))
        came = np.count_nonzero(headers_of(words) == 4)
        counts = emulator.counts
        assert counts.hits_dropped > 100 and came == counts.hits_sent - counts.hits_dropped
        assert int(words[-1] & MASK44) == counts.hits_sent, "the readout does not know of it"
        assert {7, 8, 9, 0xA, 0xB, 0xC} <= set(headers_of(words).tolist()), "only hits are lost"


@pytest.mark.parametrize(("word", "header"), [("new_frame", 7), ("frame_finished", 0xC), ("offset", 5)])
async def test_words_left_out(make, word, header):
    async with make(drop_word=word) as (emulator, client):
        await start(emulator, client)
        headers = headers_of(words_of(await datagrams(emulator, client)))
        assert header not in headers and {4, 8, 9, 0xA, 0xB} <= set(headers.tolist())
        assert emulator.counts.words_dropped > 0


async def test_doubled_datagrams(make):
    async with make(rate_hz=2e5, duplicate=1.0) as (emulator, client):
        await start(emulator, client)
        parts = await datagrams(emulator, client)
        assert parts[::2] == parts[1::2]
        assert np.count_nonzero(headers_of(words_of(parts)) == 4) == 2 * emulator.counts.hits_sent


async def test_overtaken_datagrams(make):
    """The same datagrams in another order."""
    async with make(rate_hz=2e5, reorder=0.5) as (emulator, client):
        await start(emulator, client)
        words = words_of(await datagrams(emulator, client))
        headers = headers_of(words)
        assert np.count_nonzero(headers == 4) == emulator.counts.hits_sent
        x, y, *_ = pixel_fields(words[headers == 4])
        hits = emulator.sent[0].hits
        assert not np.array_equal(x, hits.x)
        pixels = [
            np.bincount(b.astype(int) * 256 + a, minlength=65536) for a, b in ((x, y), (hits.x, hits.y))
        ]
        assert np.array_equal(*pixels)


async def test_cut_datagrams_lose_their_last_word(make):
    async with make(rate_hz=2e5, truncate=0.3) as (emulator, client):
        await start(emulator, client)
        parts = await datagrams(emulator, client)
        assert sum(len(part) % 6 != 0 for part in parts) > 5
        came = np.count_nonzero(headers_of(words_of(parts)) == 4)
        assert came == emulator.counts.hits_sent - emulator.counts.hits_dropped


@pytest.mark.parametrize("size", [6, 600, 1356, 9000])
async def test_size_of_datagrams(make, size):
    async with make(rate_hz=2e5, datagram_bytes=size) as (emulator, client):
        await start(emulator, client)
        sizes = {len(part) for part in await datagrams(emulator, client)}
        assert max(sizes) <= size and size in sizes and all(n % 6 == 0 for n in sizes)


async def test_late_answers(make):
    async with make(late_ms=250.0) as (emulator, client):
        with pytest.raises(Silence):
            await client.call(client.ask, 0x0B)
        assert (await client.call(client.receive, 3))[6] == 0x0B
        await emulator.set_late_ms(0.0)
        assert (await client.call(client.ask, 0x17))[6] == 0x17


async def test_lost_answers(make):
    async with make(drop_crd=2) as (emulator, client):
        for _ in range(2):
            assert await client.call(client.is_silent, 0x17)
        assert (await client.call(client.ask, 0x17))[6] == 0x17
        assert emulator.knobs.drop_crd == 0


async def test_faults_are_switched_while_data_flow(make):
    """What is counted as lost goes on from one setting to the next, and ends with the last."""
    async with make(rate_hz=2e5) as (emulator, client):
        await start(emulator, client, 1.5)
        receiving = asyncio.create_task(datagrams(emulator, client))
        counts = emulator.counts

        async def sent(more):
            wanted = counts.hits_sent + more
            await until(lambda: counts.hits_sent >= wanted)

        await sent(20_000)
        assert counts.hits_dropped == 0
        await emulator.set_drop(0.5)
        await sent(40_000)
        dropped = counts.hits_dropped
        assert dropped > 5_000
        await emulator.set_drop(0.0)
        await sent(10_000)
        settled = counts.hits_dropped
        await sent(20_000)
        assert counts.hits_dropped == settled
        await emulator.set_datagram_bytes(60)
        await sent(10_000)
        parts = await receiving
        assert np.count_nonzero(headers_of(words_of(parts)) == 4) == counts.hits_sent - counts.hits_dropped
        assert any(len(part) == 60 for part in parts)


async def test_a_stall_stops_everything_and_ends(make):
    async with make(rate_hz=2e5) as (emulator, client):
        await start(emulator, client, 0.8)
        await emulator.set_stall(True)
        assert await client.call(client.is_silent, 0x17)
        before = emulator.counts.datagrams_sent
        assert await client.call(client.is_silent, 0x0B) and emulator.counts.datagrams_sent == before
        await emulator.set_stall(False)
        assert headers_of(words_of(await datagrams(emulator, client)))[-1] == 0xC
        assert (await client.call(client.ask, 0x17))[6] == 0x17


async def test_a_reboot_forgets_everything(make):
    async with make(rate_hz=2e5) as (emulator, client):
        await start(emulator, client, 30.0)
        await emulator.do_reboot(0.25)
        assert await client.call(client.is_silent, 0x17)
        words = words_of(await datagrams(emulator, client))
        assert not np.isin(headers_of(words), (0xA, 0xC, 0xE)).any(), "no word of farewell"
        while await client.call(client.is_silent, 0x17):
            assert not emulator.readout.acquiring()
        assert (await client.call(client.ask, 0x17))[6] == 0x17
        assert (await client.call(client.ask, 0x0E, 4))[0] == 0, "register 4"
        setting = emulator.readout.chip.setting
        assert setting.bias_v == 0.0 and setting.frames == 1 and not setting.pixels.mask.any()


async def test_another_host_answers_as_well(make):
    async with make(rate_hz=2e5, foreign=True) as (emulator, client):
        assert (await client.call(client.ask, 0x0B)).hex() == "7b05000000000b00"
        await start(emulator, client)

        def senders():
            client.data.settimeout(0.3)
            return {client.data.recvfrom(65536)[1][0] for _ in range(50)}

        assert await client.call(senders) == {"127.0.0.2", "127.0.0.3"}


async def test_hits_lost_inside_are_told(make):
    async with make(rate_hz=2e5, lost_inside=100) as (emulator, client):
        await start(emulator, client)
        words = words_of(await datagrams(emulator, client))
        headers = headers_of(words)
        assert (words[headers == 0xD] & MASK44).tolist() == [100] and emulator.sent[0].lost == 100
        assert int(words[-1] & MASK44) == np.count_nonzero(headers == 4), "they do not count as sent"


@pytest.mark.parametrize("gen", [1, 2])
async def test_the_full_rate_is_a_loop_whose_time_goes_on(make, gen):
    """Counts are exact, times rise over the whole of the frame, pixels are those of the layout."""
    async with make(gen=gen, loop_mhit_s=0.5) as (emulator, client):
        await start(emulator, client, 0.5)
        words = words_of(await datagrams(emulator, client))
        headers = headers_of(words)
        pixel = GENERATIONS[gen].is_pixel[headers]
        assert headers[-1] == 0xC and int(words[-1] & MASK44) == pixel.sum() == emulator.sent[0].sent
        assert pixel.sum() == pytest.approx(0.25e6, rel=0.05)
        offsets = (words[headers == 5] & MASK44).astype(np.int64)
        assert np.all(np.diff(offsets) > 0) and np.ptp(offsets) * 409.6e-6 == pytest.approx(0.5, rel=0.05)


async def test_a_full_rate_can_be_stopped_and_broken(make):
    async with make(loop_mhit_s=0.5) as (emulator, client):
        await start(emulator, client, 30.0)
        receiving = asyncio.create_task(datagrams(emulator, client))
        await until(lambda: emulator.counts.hits_sent >= 50_000)
        await emulator.set_drop(0.3)
        await until(lambda: emulator.counts.hits_dropped >= 5_000)
        client.send(0x06, 1)
        words = words_of(await receiving)
        headers = headers_of(words)
        assert headers[-1] == 0xE
        assert np.count_nonzero(headers == 4) == emulator.counts.hits_sent - emulator.counts.hits_dropped
