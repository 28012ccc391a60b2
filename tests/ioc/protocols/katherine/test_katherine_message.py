"""Golden bytes of commands and answers, checked by others against the public client; sizes; round trips."""

import math
import re
import struct

import pytest
from hitline.ioc.protocols.katherine import commands
from hitline.ioc.protocols.katherine.hardware import ChipId, Status
from hitline.ioc.protocols.katherine.message import FLOAT_MAX, Answer, Request, binary32, word
from hitline.ioc.protocols.katherine.opcodes import Hw, Op
from hitline.ioc.protocols.katherine.registers import General, Pll
from hitline.ioc.protocols.katherine.shutter import Edge, encode_time
from hypothesis import given
from hypothesis import strategies as st

GOLDEN_REQUESTS = [
    (commands.plain(Op.CHIP_ID), "00 00 00 00 00 00 0b 00"),
    (commands.plain(Op.STATUS), "00 00 00 00 00 00 17 00"),
    (commands.acquisition_time(encode_time(1.0))[0], "00 e1 f5 05 00 00 01 00"),
    (commands.acquisition_time(encode_time(1.0))[1], "00 00 00 00 00 00 0a 00"),
    (commands.dac(5, 476), "dc 01 00 00 05 00 04 00"),
    (commands.register(4, 0x59), "59 00 00 00 04 00 08 00"),
    (commands.register(3, 0x281E), "1e 28 00 00 03 00 08 00"),
    (
        commands.triggers(Edge(True, 1, falling=True, delayed=True), Edge(True, 1, falling=True)),
        "33 13 00 00 05 00 21 00",
    ),
    (commands.bias(100.0), "00 00 c8 42 00 00 02 00"),
]


@pytest.mark.parametrize(("request_", "golden"), GOLDEN_REQUESTS)
def test_golden_requests(request_: Request, golden: str) -> None:
    assert request_.encode() == bytes.fromhex(golden)
    assert Request.decode(bytes.fromhex(golden)) == request_


def test_golden_chip_id() -> None:
    answer = Answer.decode(bytes.fromhex("7b 05 00 00 00 00 0b 00"))
    assert answer is not None and answer.op == Op.CHIP_ID
    assert ChipId(answer.value).text == "K7-W0005"
    assert Answer(Op.CHIP_ID, word(ChipId.parse("K7-W0005").word)).encode().hex() == "7b05000000000b00"


def test_golden_status() -> None:
    golden = bytes.fromhex("01 02 34 12 05 01 17 00")
    answer = Answer.decode(golden)
    assert answer is not None
    status = Status.of(answer)
    assert status == Status(type=1, revision=2, serial=0x1234, firmware=0x0105)
    assert Answer(Op.STATUS, status.encode()).encode() == golden


def test_plain_acknowledgement() -> None:
    assert Answer(Op.HW).encode() == bytes.fromhex("00 00 00 00 00 00 07 00")


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (commands.hw(Hw.LOAD_PIXELS), "09 00 00 00 00 00 07 00"),
        (commands.get_bias(1), "01 00 00 00 01 00 0c 00"),  # the supply in bytes 0 and 4
        (commands.bias_current(1), "01 00 00 00 01 00 30 00"),
        (commands.bias(-50.5, 1), "00 00 4a c2 01 00 02 00"),
        (commands.adc(7), "07 00 00 00 00 00 0d 00"),
        (commands.scan_dac(31, 2), "1f 02 00 00 00 00 0f 00"),  # the chip in byte 1
        (commands.set_pixels(3), "03 00 00 00 00 00 12 00"),  # the chip in byte 0
        (commands.dac(0, 1, chip=2), "01 00 00 00 00 02 04 00"),  # elsewhere the chip in byte 5
        (commands.get_register(4), "04 00 00 00 00 00 0e 00"),
        (commands.frames(1000), "e8 03 00 00 00 00 13 00"),
        (commands.get_trigger_generator(7), "00 00 00 00 07 00 24 00"),
        (commands.trigger_generator(2, 0xDEADBEEF), "ef be ad de 02 00 23 00"),
        (commands.start(True), "01 00 00 00 00 00 03 00"),
        (commands.start(False), "00 00 00 00 00 00 03 00"),
        (commands.select_readout(True), "01 00 00 00 00 00 05 00"),
        (commands.stop(True), "01 00 00 00 00 00 06 00"),
    ],
)
def test_bytes_by_the_table(request_: Request, expected: str) -> None:
    assert request_.encode() == bytes.fromhex(expected)


def test_acquisition_time_of_64_bits() -> None:
    low, high = commands.acquisition_time(0x0123456789ABCDEF)
    assert low.encode().hex() == "efcdab8900000100"
    assert high.encode().hex() == "6745230100000a00"


def test_registers_are_written_in_the_order_of_the_client() -> None:
    sent = [r.encode().hex() for r in commands.sensor_registers(General(), Pll())]
    assert sent == [
        "5900000004000800", "1e28000003000800", "0e00000000000700", "0000000000000700", "0400000000000700",
    ]  # fmt: skip


def test_all_dacs_then_one_update() -> None:
    requests = commands.all_dacs([1] * 18)
    assert [(r.op, r.index) for r in requests[:18]] == [(Op.SET_DAC, i) for i in range(18)]
    assert requests[18:] == [commands.hw(Hw.UPDATE_DACS)]


@given(st.integers(0, 0xFFFF), st.binary(min_size=4, max_size=4), st.integers(0, 255), st.integers(0, 255))
def test_requests_there_and_back(op: int, payload: bytes, index: int, chip: int) -> None:
    request = Request(op, payload, index, chip)
    data = request.encode()
    assert len(data) == 8
    assert Request.decode(data) == request
    assert request.value == int.from_bytes(data[:4], "little")


@given(st.integers(0, 0xFFFF), st.binary(max_size=6))
def test_answers_there_and_back(op: int, payload: bytes) -> None:
    data = Answer(op, payload).encode()
    assert len(data) == 8
    assert Answer.decode(data) == Answer(op, payload.ljust(6, b"\0"))


@given(st.binary(max_size=64))
def test_only_8_bytes_are_an_answer(data: bytes) -> None:
    answer = Answer.decode(data)
    assert (answer is not None) == (len(data) == 8)
    assert answer is None or answer.encode() == data


@given(st.binary(max_size=64))
def test_a_readout_reads_the_first_8_bytes_of_a_request(data: bytes) -> None:
    request = Request.decode(data)
    assert (request is None) == (len(data) < 8)
    assert request is None or request.encode() == data[:8]


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_numbers_are_binary32(value: float) -> None:
    assert Request(Op.SET_BIAS, binary32(value)).number == value
    assert Answer(Op.GET_BIAS, binary32(value)).number == value
    assert binary32(value) == struct.pack("<f", value)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 3.5e38])
def test_numbers_that_no_command_can_carry(value: float) -> None:
    with pytest.raises(
        ValueError, match=re.escape(f"{value} does not fit a command: must be finite, at most 3.4e+38")
    ):
        commands.bias(value)


def test_the_largest_number_fits() -> None:
    assert binary32(FLOAT_MAX).hex() == "ffff7f7f"


@pytest.mark.parametrize("value", [-1, 1 << 32])
def test_words_that_no_command_can_carry(value: int) -> None:
    with pytest.raises(ValueError, match=f"{value} does not fit a command: must be 0 to 4294967295"):
        word(value)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: commands.adc(256), "ADC channel of 256: must be 0 to 255"),
        (lambda: commands.dac(18, 0), "DAC index of 18: must be 0 to 17"),
        (lambda: commands.dac(-1, 0), "DAC index of -1: must be 0 to 17"),
        (lambda: commands.dac(5, 512), "Vthreshold_fine of 512: must be 0 to 511"),
        (lambda: commands.dac(6, -1), "Vthreshold_coarse of -1: must be 0 to 15"),
        (lambda: commands.scan_dac(0), "monitor 0: must be one of .1, 2.* 18, 28, 29, 30, 31."),
        (lambda: commands.scan_dac(19), "monitor 19: must be one of"),
        (lambda: commands.register(12, 0), "register of 12: must be 0 to 11"),
        (lambda: commands.get_register(-1), "register of -1: must be 0 to 11"),
        (lambda: commands.frames(0), "frames of 0: must be 1 to 4294967295"),
        (lambda: commands.trigger_generator(8, 0), "trigger generator word of 8: must be 0 to 7"),
        (lambda: commands.get_trigger_generator(8), "trigger generator word of 8: must be 0 to 7"),
        (lambda: commands.triggers(Edge(), Edge(True, delayed=True)), "stop trigger: delayed .* leave"),
        (lambda: commands.all_dacs([0] * 17), "17 DAC codes: must be 18"),
        (lambda: commands.plain(Op.STATUS, chip=256), "command 0x17: chip of 256: must be 0 to 255"),
        (lambda: Request(0x04, index=-1), "command 0x04: index of -1: must be 0 to 255"),
        (lambda: Request(1 << 16), "command 0x10000: number of 65536: must be 0 to 65535"),
        (lambda: Request(0x01, b"abc"), "command 0x01: payload of 3 bytes: must be 4"),
        (lambda: Answer(0x01, bytes(7)), "answer 0x01: 7 bytes of data: must be at most 6"),
    ],
)  # fmt: skip
def test_what_cannot_be_sent_is_told_with_value_and_limit(make, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        make()
