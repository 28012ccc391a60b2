"""Acquisition time, trigger bytes of both generations, test pulses."""

import math

import pytest
from hitline.ioc.protocols.katherine import commands
from hitline.ioc.protocols.katherine.shutter import NO_LIMIT, Edge, TestPulses, encode_time
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("seconds", "steps"),
    [
        (1.0, 0x05F5E100),
        (1e-8, 1),
        (0.29, 29_000_000),
        (0.1, 10_000_000),
        (43.0, 4_300_000_000),
        (1.49e-8, 1),
    ],
)
def test_acquisition_time(seconds: float, steps: int) -> None:
    assert encode_time(seconds) == steps


@given(st.integers(1, 10**15))
def test_every_whole_step_of_ten_days_is_met(steps: int) -> None:
    assert encode_time(steps / 1e8) == steps


@pytest.mark.parametrize("seconds", [0.0, -1.0, 9e-9, 2e11, math.inf, math.nan])
def test_times_that_no_readout_can_do(seconds: float) -> None:
    with pytest.raises(
        ValueError, match=rf"acquisition time of {seconds} s: must be 1e-8 \(10 ns\) to 1.8e11 s"
    ):
        encode_time(seconds)


def test_no_limit_fills_both_commands() -> None:
    assert [request.payload for request in commands.acquisition_time(NO_LIMIT)] == [b"\xff" * 4] * 2


@pytest.mark.parametrize(
    ("edge", "first", "second"),
    [
        (Edge(), 0, 0),
        (Edge(True), 0b0000001, 0b0000001),
        (Edge(True, 1), 0b0000011, 0b0000011),
        (Edge(True, 7), 0b0001111, 0b0001111),
        (Edge(True, 0, falling=True), 0b0010001, 0b0100001),
        (Edge(True, 0, delayed=True), 0b0100001, 0b1000001),
        (Edge(True, 1, falling=True, delayed=True), 0x33, 0b1100011),
        (Edge(False, 5, True, True), 0, 0),
    ],
)
def test_trigger_bytes_of_both_generations(edge: Edge, first: int, second: int) -> None:
    assert (edge.encode(1), edge.encode(2)) == (first, second)


def test_the_second_generation_has_more_channels() -> None:
    assert Edge(True, 15).encode(2) == 0b0011111
    with pytest.raises(ValueError, match="trigger channel 8: must be 0 to 7 in generation 1"):
        Edge(True, 8).encode(1)
    with pytest.raises(ValueError, match="trigger channel 16: must be 0 to 15 in generation 2"):
        Edge(True, 16).encode(2)
    with pytest.raises(ValueError, match="trigger channel -1: must be 0 to 7"):
        Edge(True, -1).encode()


@given(st.sampled_from([1, 2]), st.integers(0, 7), st.booleans(), st.booleans())
def test_edges_there_and_back(generation: int, channel: int, falling: bool, delayed: bool) -> None:
    edge = Edge(True, channel, falling, delayed)
    assert Edge.decode(edge.encode(generation), generation) == edge


def test_trigger_command_of_the_second_generation() -> None:
    request = commands.triggers(Edge(True, 9, falling=True, delayed=True), Edge(True, 2), generation=2)
    assert request.encode() == bytes((0b1110011, 0b00101, 0, 0, 5, 0, 0x21, 0))


@pytest.mark.parametrize(
    ("setting", "golden"),
    [
        (TestPulses(), "00 00 00 00 00 00 26 00"),
        (TestPulses(True), "01 00 01 00 04 00 26 00"),
        (TestPulses(True, 1000, 65 + 64 * 9, 3), "e8 03 0a 03 04 00 26 00"),
        (TestPulses(True, 65535, 16321, 15, digital=True), "ff ff ff 0f 05 00 26 00"),
        (TestPulses(True, 7, 129, 1, external=True), "00 00 00 00 06 00 26 00"),
    ],
)
def test_pulse_command(setting: TestPulses, golden: str) -> None:
    assert commands.pulses(setting).encode() == bytes.fromhex(golden)


@given(st.integers(1, 65535), st.integers(1, 255), st.integers(0, 15), st.booleans())
def test_pulses_there_and_back(count: int, steps: int, phase: int, digital: bool) -> None:
    setting = TestPulses(True, count, 1 + 64 * steps, phase, digital)
    assert TestPulses.decode(*setting.encode()) == setting


def test_pulses_that_are_off() -> None:
    assert TestPulses.decode(b"\xff\xff\xff\x0f", 0b011) == TestPulses()


@pytest.mark.parametrize(
    ("setting", "error"),
    [
        (TestPulses(True, 0), "0 test pulses: must be 1 to 65535"),
        (TestPulses(True, 65536), "65536 test pulses: must be 1 to 65535"),
        (TestPulses(True, 1, 1), r"test pulse period of 1 clocks: must be 65 to 16321, 1 \+ n \* 64"),
        (TestPulses(True, 1, 66), "test pulse period of 66 clocks: must be 65 to 16321"),
        (TestPulses(True, 1, 16385), "test pulse period of 16385 clocks: must be 65 to 16321"),
        (TestPulses(True, 1, 65, 16), "test pulse phase 16: must be 0 to 15"),
    ],
)
def test_pulses_that_the_chip_cannot_do(setting: TestPulses, error: str) -> None:
    with pytest.raises(ValueError, match=error):
        setting.encode()
