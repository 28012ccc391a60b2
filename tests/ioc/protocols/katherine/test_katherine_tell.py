"""Datagrams in words, and that no bytes are too strange to be told."""

import numpy as np
import pytest
from hitline.bus.formats.katherine_words import Header, encode_pixels, encode_word, to_bytes
from hitline.ioc.protocols.katherine import commands
from hitline.ioc.protocols.katherine.message import Answer, Request, binary32, word
from hitline.ioc.protocols.katherine.opcodes import Hw, Op
from hitline.ioc.protocols.katherine.profile import ModeEncoding
from hitline.ioc.protocols.katherine.shutter import Edge, TestPulses
from hitline.ioc.protocols.katherine.tell import Teller
from hitline.ioc.tell import plain, teller
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("request_", "text"),
    [
        (commands.plain(Op.CHIP_ID), "0x0b chip id"),
        (commands.dac(5, 476), "0x04 set dac: Vthreshold_fine = 476"),
        (commands.dac(5, 476, chip=2), "0x04 set dac: Vthreshold_fine = 476, chip 2"),
        (commands.bias(-50.5, 1), "0x02 set bias: -50.5 V, supply 1"),
        (commands.hw(Hw.FLUSH_REGISTERS), "0x07 hw: flush registers"),
        (commands.register(4, 0x59), "0x08 set register: general = 0x0059"),
        (commands.mode(1, True, ModeEncoding.HARDWARE), "0x09 acq mode: ToA, fast oscillator on"),
        (commands.mode(2, False, ModeEncoding.LIBKATHERINE_1),
         "0x09 acq mode: events + iToT, fast oscillator off"),
        (commands.start(True), "0x03 start: data driven"),
        (commands.stop(False), "0x06 stop: sequential"),
        (commands.frames(10), "0x13 frames: 10"),
        (commands.scan_dac(28), "0x0f scan dac: BandGap"),
        (commands.get_register(3), "0x0e get register: pll"),
        (commands.triggers(Edge(True, 1, True, True), Edge()),
         "0x21 triggers: start falling edge of 1 (delayed), stop off"),
        (commands.pulses(TestPulses()), "0x26 test pulses: off"),
        (commands.pulses(TestPulses(True, 9, 129, 3)),
         "0x26 test pulses: 9 analogue, 129 clocks apart, phase 3"),
        (commands.trigger_generator(2, 7), "0x23 set trigger generator: 07 00 00 00 02 00"),
        (Request(0x1515, b"\x15" * 4, 0x15, 0x15), "0x1515 unknown: 15 15 15 15 15 15"),
        (Request(Op.HW, word(99)), "0x07 hw: makes no sense: 63 00 00 00 00 00"),
        (Request(Op.SET_DAC, word(1), 18), "0x04 set dac: makes no sense: 01 00 00 00 12 00"),
    ],
)  # fmt: skip
def test_requests(request_: Request, text: str) -> None:
    assert Teller()("control", True, request_.encode()) == text


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (Answer(Op.CHIP_ID, word(0x57B)), "0x0b chip id: K7-W0005"),
        (Answer(Op.HW), "0x07 hw: acknowledged"),
        (Answer(Op.GET_BIAS, binary32(-0.505)), "0x0c get bias: -0.505 V"),
        (Answer(Op.READOUT_TEMPERATURE, binary32(36.25)), "0x15 readout temperature: 36.25 C"),
        (Answer(Op.STATUS, bytes.fromhex("010234120501")),
         "0x17 status: Katherine for Timepix3, revision 2, serial 4660, firmware 261"),
        (Answer(Op.STATUS, bytes.fromhex("770234120501")),
         "0x17 status: type 0x77, revision 2, serial 4660, firmware 261"),
        (Answer(Op.DIGITAL_TEST, b"\x40"), "0x20 digital test: 64 of 64 patterns"),
        (Answer(Op.COMPARE_PIXELS, b"\x01\x01"), "0x11 compare pixels: 01 01 00 00 00 00"),
    ],
)  # fmt: skip
def test_answers(answer: Answer, text: str) -> None:
    assert Teller()("control", False, answer.encode()) == text


def test_other_lengths() -> None:
    tell = Teller()
    assert tell("control", True, bytes(1024)) == "1024 bytes of pixels"
    assert tell("control", False, bytes(5)) == "5 bytes, no answer: 0000000000"


def stream(generation: int = 1) -> bytes:
    pixels = encode_pixels(*(np.arange(3) for _ in range(5)), chip=0, generation=generation)
    marks = [
        encode_word(header) for header in (Header.NEW_FRAME, Header.OFFSET, Header.OFFSET, 0x2, 0x6, 0xF)
    ]
    return to_bytes(np.concatenate([np.atleast_1d(part) for part in (*marks[:3], pixels, *marks[3:])]))


def test_data() -> None:
    text = "54 bytes: 3 pixels, 1 trigger, 2 offset, 1 unknown 0x6, 1 new frame, 1 unknown 0xf"
    assert Teller()("data", False, stream()) == text
    assert Teller()("data", False, stream() + b"ab") == text.replace("54", "56") + ", 2 bytes of a word"


def test_data_of_the_second_generation_after_its_status() -> None:
    tell = Teller()
    assert "second generation" in tell("control", False, Answer(Op.STATUS, b"\x03").encode())
    assert (
        tell("data", False, stream(2))
        == "54 bytes: 4 pixels, 2 offset, 1 trigger, 1 new frame, 1 unknown 0xf"
    )
    triggers = commands.triggers(Edge(True, 9, True, True), Edge(), generation=2)
    assert tell("control", True, triggers.encode()).endswith("start falling edge of 9 (delayed), stop off")


@given(
    st.sampled_from(["control", "data"]),
    st.booleans(),
    st.binary(min_size=8, max_size=8) | st.binary(max_size=40),
)
def test_nothing_is_too_strange(channel: str, sent: bool, data: bytes) -> None:
    text = Teller()(channel, sent, data)
    assert text and "\n" not in text


def test_other_instruments() -> None:
    assert teller("iseg") is plain
    assert isinstance(teller("katherine"), Teller)
    assert plain("serial", True, b"*IDN?\r\n") == "'*IDN?\\r\\n'"
    assert plain("serial", False, b"\x02\xff") == "02 ff"
    assert plain("tcp", False, bytes(100)) == "00 " * 48 + "... (100 bytes)"
