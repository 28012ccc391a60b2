"""The public client library can do with the emulator what it can with a readout: each of its traps."""

import random
import socket
import struct

import numpy as np
import pytest
from hitline.bus.formats.katherine_words import headers_of, pixel_fields
from hitline.ioc.emulators.katherine.knobs import KatherineEmulatorOptions
from katherine_rig import katherine
from lib_client import LibClient, Setup, Silence

ONE = {
    0x01: 1, 0x02: 1, 0x04: 1, 0x07: 1, 0x08: 1, 0x09: 1, 0x0A: 1, 0x0B: 1, 0x0C: 1, 0x0D: 1, 0x0E: 1,
    0x0F: 1, 0x10: 1, 0x11: 1, 0x13: 1, 0x14: 22, 0x15: 1, 0x16: 1, 0x17: 1, 0x18: 1, 0x19: 1, 0x20: 1,
    0x21: 1, 0x23: 1, 0x24: 1, 0x26: 1, 0x27: 1, 0x28: 1, 0x29: 1, 0x32: 1, 0x33: 5,
}  # fmt: skip
"""How many datagrams answer each command."""
OTHER = {0x24: 0x22, 0x14: 0x0F}
"""Numbers of answers that differ from the command's."""
GOLDEN = {
    "00 00 00 00 00 00 0b 00": "7b 05 00 00 00 00 0b 00",
    "00 00 00 00 00 00 17 00": "01 02 34 12 05 01 17 00",
    "00 e1 f5 05 00 00 01 00": "00 00 00 00 00 00 01 00",
    "dc 01 00 00 05 00 04 00": "00 00 00 00 00 00 04 00",
    "59 00 00 00 04 00 08 00": "00 00 00 00 00 00 08 00",
    "1e 28 00 00 03 00 08 00": "00 00 00 00 00 00 08 00",
    "33 13 00 00 05 00 21 00": "00 00 00 00 00 00 21 00",
}
"""Checked against the library itself (reference, section 7)."""


async def test_every_command_has_its_answers_of_eight_bytes(make):
    async with make() as (_, client):

        def answers(op, count):
            client.send(op)
            got = [client.receive(20) for _ in range(count)]
            assert client.drain() == 0, f"0x{op:02x} is answered {count} times"
            return got

        for op, count in ONE.items():
            got = await client.call(answers, op, count)
            assert {len(data) for data in got} == {8}, f"0x{op:02x}"
            assert {data[6] | data[7] << 8 for data in got} == {OTHER.get(op, op)}, f"0x{op:02x}"


async def test_golden_answers(make):
    async with make() as (_, client):

        def exchange(request):
            client.raw(bytes.fromhex(request))
            return client.receive()

        for request, answer in GOLDEN.items():
            assert await client.call(exchange, request) == bytes.fromhex(answer), request


async def test_silent_and_unknown_commands(make):
    async with make() as (emulator, client):
        for op in (0x05, 0x06, 0x50, 0x30, 0x22, 0x98, 0xF0, 0x2A, 0xFF, 0x1515, 0x010B):
            assert await client.call(client.is_silent, op), f"0x{op:02x}"
        await emulator.set_unknown_ack(True)
        assert (await client.call(client.ask, 0x2A))[6] == 0x2A, "as the library's own emulator does"
        for op in (0x03, 0x05, 0x06, 0x50):
            assert await client.call(client.is_silent, op), f"0x{op:02x} has a meaning, and no answer"


async def test_short_datagrams_are_ignored_and_long_ones_cut(make):
    async with make() as (_, client):
        for data in (b"", b"\x0b", bytes(7)):
            client.raw(data)
        with pytest.raises(Silence):
            await client.call(client.receive)
        client.raw(bytes.fromhex("000000000000 0b00") + b"and more of it")
        assert (await client.call(client.receive)).hex() == "7b05000000000b00"


async def test_on_the_same_ports_at_another_loopback_address():
    """As the stock client needs it: it binds both ports on all addresses, the emulator those of its own."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one, socket.socket(
        socket.AF_INET, socket.SOCK_DGRAM
    ) as two:  # fmt: skip
        one.bind(("0.0.0.0", 0))
        two.bind(("0.0.0.0", 0))
        control, data = one.getsockname()[1], two.getsockname()[1]
    address = f"127.0.0.{random.randrange(4, 250)}"
    options = {"address": address, "control_port": control, "data_port": data, "client_data_port": data}
    async with katherine(**options, rate_hz=2e4) as rig:
        assert rig.control == (address, control) and rig.data == (address, data)
        client = LibClient(rig.control, control, data)
        try:
            assert (await client.call(client.ask, 0x0B)).hex() == "7b05000000000b00"
            await client.call(client.configure, Setup())
            await client.call(client.start)
            assert len(await client.call(client.words)) > 100
        finally:
            client.close()


@pytest.mark.parametrize(
    ("address", "port", "why"),
    [("127.0.0.1", 1555, "use 127.0.0.2"), ("0.0.0.0", 21555, "its own commands back")],
)
def test_addresses_at_which_a_client_could_not_work_are_refused(address, port, why):
    with pytest.raises(ValueError, match=why):
        KatherineEmulatorOptions(address=address, control_port=port)


def test_the_stock_ports_are_the_defaults():
    options = KatherineEmulatorOptions()
    assert (options.address, options.control_port, options.data_port) == ("127.0.0.2", 1555, 1556)
    assert options.client_data_port == 1556


async def test_the_whole_sequence_then_data(make):
    matrix = np.random.default_rng(3).integers(0, 64, 65536, np.uint8) & 0x3E
    async with make() as (emulator, client):
        setup = Setup(matrix=matrix.tobytes(), acquire_s=0.1, bias_v=100.0, triggers=0)
        answers = await client.call(client.configure, setup)
        assert len(answers) == 1 + 12 + 18 + 1 and {len(answer) for answer in answers} == {8}
        chip = emulator.readout.chip.setting
        # offset = 256 x + 4 (63 - (y >> 2)) + (y & 3), a pixel each
        y, x = np.mgrid[0:256, 0:256]
        codes = matrix[256 * x + 4 * (63 - (y >> 2)) + (y & 3)]
        assert np.array_equal(chip.pixels.codes(), codes)
        assert chip.dacs == tuple(setup.dacs) and chip.bias_v == 100.0
        assert (chip.time_10ns, chip.frames) == (10_000_000, 1)
        assert chip.general.fast and chip.pll.clock_mhz == 40
        await client.call(client.start)
        words = await client.call(client.words)
        headers = headers_of(words)
        assert headers[:3].tolist() == [7, 8, 9], "new frame, its start"
        assert headers[-3:].tolist() == [0xA, 0xB, 0xC], "its end, and its count"
        assert set(headers[3:-3].tolist()) == {4, 5}, "hits and offsets, nothing else"
        count = int(words[-1]) & (1 << 44) - 1
        (frame,) = emulator.sent
        assert count == np.count_nonzero(headers == 4) == len(frame.hits) > 1000
        found_x, found_y, *_ = pixel_fields(words[headers == 4])
        assert np.array_equal(found_x, frame.hits.x) and np.array_equal(found_y, frame.hits.y)


async def test_sequential_frames_have_no_offsets(make):
    async with make() as (_, client):
        await client.call(client.configure, Setup(acquire_s=0.02, frames=3))
        await client.call(client.start, data_driven=False)
        words = await client.call(client.words, finished=3)
        headers = headers_of(words)
        assert [np.count_nonzero(headers == kind) for kind in (5, 7, 0xC)] == [0, 3, 3]


async def test_no_frames_yield_nothing(make):
    async with make() as (_, client):
        await client.call(client.configure, Setup(frames=0))
        await client.call(client.start)
        assert len(await client.call(client.words)) == 0


@pytest.mark.parametrize("latch", ["latched", "immediate"])
async def test_the_mode_is_latched_as_in_hardware_or_taken_at_once(make, latch):
    """Register 4 is read back as 0x58, 0x5A, 0x5C; the chip has it with the next flush, or at once."""
    async with make(mode_latch=latch) as (emulator, client):
        general = [("a", 0x08, 0x58, 4), ("b", 0x07, 0, 0)]
        for _, op, value, index in general:
            await client.call(client.ask, op, value, index)
        for mode, shown in ((0, 0x58), (1, 0x5A), (2, 0x5C)):
            await client.call(client.ask, 0x09, mode | 1 << 8)
            read = await client.call(client.ask, 0x0E, 4)
            assert read[0] == shown
            chip = emulator.readout.chip
            assert chip.setting.general.mode == (mode if latch == "immediate" else max(mode - 1, 0))
            await client.call(client.ask, 0x07, 0)
            assert chip.setting.general.mode == mode and chip.setting.general.fast


async def test_the_fast_oscillator_by_the_librarys_bit_counts_at_once_only(make):
    """libkatherine 1.0.1 sends it as bit 7 of the mode, which hardware does not look at."""
    for latch, fast in (("latched", False), ("immediate", True)):
        async with make(mode_latch=latch) as (emulator, client):
            await client.call(client.ask, 0x08, 0x18, 4)
            await client.call(client.ask, 0x07, 0)
            await client.call(client.ask, 0x09, 0x81)
            await client.call(client.ask, 0x07, 0)
            assert emulator.readout.chip.setting.general.fast is fast
            assert emulator.readout.chip.setting.general.mode == 1


@pytest.mark.parametrize("op", [0x19, 0x0F, 0x14])
async def test_a_scan_brings_the_registers_to_the_chip(make, op):
    async with make() as (emulator, client):
        await client.call(client.ask, 0x08, 0x5C, 4)
        assert emulator.readout.chip.setting.general.mode == 0
        await client.call(client.ask, op, 1)
        assert emulator.readout.chip.setting.general.mode == 2


async def test_an_upload_counts_bytes_not_datagrams(make):
    matrix = bytes(np.random.default_rng(1).integers(0, 64, 65536, np.uint8))
    async with make() as (emulator, client):
        for piece in (1024, 999, 60000):
            assert (await client.call(client.upload, matrix, piece=piece)).hex() == "0000000000001200"
            assert emulator.readout.uploads and not emulator.readout.uploading
        await client.call(client.ask, 0x07, 9)
        assert emulator.readout.chip.setting.pixels.upload() == matrix


async def test_a_lost_piece_is_filled_and_the_filler_ignored(make):
    """The library's own way out: 192 kB of 0x15, one answer to the upload, none to the rest of it."""
    matrix = bytes(np.random.default_rng(2).integers(0, 64, 65536, np.uint8))
    async with make() as (emulator, client):
        with pytest.raises(Silence):
            await client.call(client.upload, matrix, leave_out=17)
        assert emulator.readout.uploading
        with pytest.raises(Silence):
            await client.call(client.ask, 0x0B)  # taken for a part of the matrix
        assert await client.call(client.recover) == 1
        assert (await client.call(client.upload, matrix)).hex() == "0000000000001200"
        await client.call(client.ask, 0x07, 9)
        assert emulator.readout.chip.setting.pixels.upload() == matrix


async def test_an_upload_while_data_flow(make):
    async with make(rate_hz=1e5) as (emulator, client):
        await client.call(client.configure, Setup(acquire_s=0.6))
        await client.call(client.start)
        masked = b"\x01" * 65536
        await client.call(client.upload, masked)
        await client.call(client.ask, 0x07, 9)
        words = await client.call(client.words, 1.0)
        headers = headers_of(words)
        (frame,) = emulator.sent
        assert headers[-1] == 0xC and np.count_nonzero(headers == 4) == len(frame.hits)
        assert 0.02 < len(frame.hits) / (0.6 * 1e5) < 0.98, "hits until the mask came"


async def test_test_pulses_are_acknowledged_after_a_second(make):
    async with make() as (_, client):
        with pytest.raises(Silence):
            await client.call(client.ask, 0x26, 100 | 1 << 16, 4)
        assert (await client.call(client.receive, 50))[6] == 0x26


async def test_a_readout_answers_in_order_however_long_it_takes(make):
    async with make() as (_, client):

        def two():
            client.send(0x20)  # the digital test takes its time
            client.send(0x17)
            return client.receive(100), client.receive(100)

        first, second = await client.call(two)
        assert (first[6], first[0]) == (0x20, 64) and second[6] == 0x17


async def test_temperatures_bias_and_adc_are_binary32(make):
    async with make() as (_, client):
        await client.call(client.ask, 0x02, 100.0)
        for op, low, high in ((0x15, 20, 60), (0x19, 20, 60), (0x0D, 0, 5), (0x0C, 98, 102), (0x0F, 0, 1.3)):
            (value,) = struct.unpack("<f", (await client.call(client.ask, op, 1 if op == 0x0F else 0))[:4])
            assert low <= value <= high, f"0x{op:02x}"


async def test_hosts_that_command_last_get_the_data(make):
    """The data go to whoever sent the last command, at the port of data."""
    async with make(rate_hz=1e5) as (emulator, client):
        await client.call(client.configure, Setup(acquire_s=0.3))
        await client.call(client.start)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.bind(("127.0.0.9", 0))
            other.sendto(bytes.fromhex("0000000000001700"), client.readout)
            await client.call(client.words)
        assert emulator.link.client == "127.0.0.9"
