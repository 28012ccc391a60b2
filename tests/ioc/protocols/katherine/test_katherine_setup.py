"""DACs, sensor registers, the two encodings of the mode, triggers, times, test pulses, identity."""

import math

import pytest
from hitline.ioc.protocols.katherine import commands
from hitline.ioc.protocols.katherine.dacs import (
    DACS,
    INDEX,
    MONITORS,
    THRESHOLD_MAX,
    pulse_mv,
    threshold_codes,
    threshold_of,
)
from hitline.ioc.protocols.katherine.profile import (
    HARDWARE,
    LIBKATHERINE_1,
    PROFILES,
    ModeEncoding,
    decode_mode,
    encode_mode,
)
from hitline.ioc.protocols.katherine.registers import CLOCKS_MHZ, PHASES, REGISTERS, General, Pll, Polarity
from hypothesis import given
from hypothesis import strategies as st

DAC_TABLE = """
Ibias_Preamp_ON 255 128 128
Ibias_Preamp_OFF 15 8 8
VPreamp_NCAS 255 128 128
Ibias_Ikrum 255 128 15
Vfbk 255 128 164
Vthreshold_fine 511 256 476
Vthreshold_coarse 15 8 8
Ibias_DiscS1_ON 255 128 100
Ibias_DiscS1_OFF 15 8 8
Ibias_DiscS2_ON 255 128 128
Ibias_DiscS2_OFF 15 8 8
Ibias_PixelDAC 255 128 128
Ibias_TPbufferIn 255 128 128
Ibias_TPbufferOut 255 128 128
VTP_coarse 255 128 128
VTP_fine 511 256 256
Ibias_CP_PLL 255 128 128
PLL_Vcntrl 255 128 128
"""
"""Name, largest code, code after a reset, code of libkatherine's example: by the reference."""


def test_dacs_by_the_table() -> None:
    ours = [f"{dac.name} {dac.max} {dac.default} {dac.start}" for dac in DACS]
    assert ours == DAC_TABLE.split("\n")[1:-1]
    assert [INDEX[dac.name] for dac in DACS] == list(range(18))


def test_monitors() -> None:
    assert [code for code, _ in MONITORS] == [*range(1, 19), 28, 29, 30, 31]
    assert [name for _, name in MONITORS[:18]] == [dac.name for dac in DACS]
    assert [n for _, n in MONITORS[18:]] == ["BandGap", "BandGap_Temp", "Ibias_dac", "Ibias_dac_cas"]


def test_each_threshold_has_codes_of_its_own_that_add_up_to_it() -> None:
    codes = [threshold_codes(threshold) for threshold in range(THRESHOLD_MAX + 1)]
    assert THRESHOLD_MAX == 2911
    assert len(set(codes)) == 2912
    assert all(0 <= coarse <= 15 and 0 <= fine <= 511 for coarse, fine in codes)
    assert [threshold_of(*pair) for pair in codes] == list(range(2912))


@pytest.mark.parametrize(
    ("threshold", "codes"),
    [(0, (0, 0)), (511, (0, 511)), (512, (1, 352)), (671, (1, 511)), (672, (2, 352)), (2911, (15, 511))],
)
def test_threshold_codes_by_hand(threshold: int, codes: tuple[int, int]) -> None:
    assert threshold_codes(threshold) == codes


@pytest.mark.parametrize("threshold", [-1, 2912])
def test_thresholds_that_no_codes_give(threshold: int) -> None:
    with pytest.raises(ValueError, match=f"threshold of {threshold} steps: must be 0 to 2911"):
        threshold_codes(threshold)


@pytest.mark.parametrize(
    ("coarse", "fine", "mv"), [(128, 256, 0), (64, 0, 320), (0, 100, 250), (128, 100, 390)]
)
def test_pulse_amplitude(coarse: int, fine: int, mv: float) -> None:
    assert pulse_mv(coarse, fine) == mv


@pytest.mark.parametrize(
    ("general", "value"),
    [
        (General(), 0x59),
        (General(gray=False), 0x51),
        (General(Polarity.HOLES), 0x58),
        (General(test_pulses=True), 0x79),
        (General(Polarity.HOLES, mode=1), 0x5A),
        (General(Polarity.HOLES, mode=2), 0x5C),
        (General(fast=False), 0x19),
        (General(rest=1), 0xD9),
    ],
)
def test_general_register(general: General, value: int) -> None:
    assert general.encode() == value
    assert General.decode(value) == general


@given(
    st.sampled_from(Polarity),
    st.integers(0, 3),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.integers(0, 31),
)
def test_general_there_and_back(
    polarity: Polarity, mode: int, gray: bool, pulses: bool, fast: bool, rest: int
) -> None:
    general = General(polarity, mode, gray, pulses, fast, rest)
    assert General.decode(general.encode()) == general
    assert general.encode() >> 4 & 1, "the acknowledge bit is always set"


def test_pll_register() -> None:
    assert Pll().encode() == 0x281E
    assert Pll(20, 1).encode() == 0x280E
    assert Pll(160, 16).encode() == 0x2800 | 4 << 6 | 3 << 4 | 0xE
    for clock in CLOCKS_MHZ:
        for phases in PHASES:
            assert Pll.decode(Pll(clock, phases).encode()) == Pll(clock, phases)


@pytest.mark.parametrize(
    ("clock", "made"),
    [(20, [1, 2, 4, 8, 16]), (40, [1, 2, 4, 8, 16]), (80, [1, 1, 2, 4, 8]), (160, [1, 1, 1, 2, 4])],
)
def test_phases_that_the_chip_really_makes(clock: int, made: list[int]) -> None:
    assert [Pll(clock, phases).phases_real for phases in (1, 2, 4, 8, 16)] == made


def test_wrong_clocks() -> None:
    with pytest.raises(ValueError, match=r"pixel clock of 50 MHz: must be one of \(20, 40, 80, 160\)"):
        Pll(50)
    with pytest.raises(ValueError, match=r"3 clock phases: must be one of \(1, 2, 4, 8, 16\)"):
        Pll(40, 3)


def test_register_numbers() -> None:
    numbers = {
        "test_pulse_period": 0,
        "test_pulse_number": 1,
        "output_block": 2,
        "pll": 3,
        "general": 4,
        "slvs": 5,
    }
    assert {name: REGISTERS.index(name) for name in numbers} == numbers
    assert REGISTERS[6:] == (
        "power_pulsing",
        "timer_low",
        "timer_mid",
        "timer_high",
        "sense_dac",
        "external_dac",
    )


@pytest.mark.parametrize("mode", [0, 1, 2])
@pytest.mark.parametrize("fast", [False, True])
def test_mode_in_both_encodings(mode: int, fast: bool) -> None:
    assert encode_mode(mode, fast, ModeEncoding.HARDWARE) == bytes((mode, fast, 0, 0))
    assert encode_mode(mode, fast, ModeEncoding.LIBKATHERINE_1) == bytes((mode + 0x80 * fast, 0, 0, 0))
    for encoding in ModeEncoding:
        assert decode_mode(encode_mode(mode, fast, encoding)) == (mode, fast)
        request = commands.mode(mode, fast, encoding)
        assert (request.op, request.payload) == (0x09, encode_mode(mode, fast, encoding))


@pytest.mark.parametrize("mode", [-1, 3])
def test_wrong_modes(mode: int) -> None:
    with pytest.raises(
        ValueError, match=rf"mode {mode} is none of 0 \(ToA\+ToT\), 1 \(ToA\), 2 \(events \+ iToT\)"
    ):
        encode_mode(mode, True, ModeEncoding.HARDWARE)


def test_profiles() -> None:
    assert {"hardware": HARDWARE, "libkatherine-1": LIBKATHERINE_1} == PROFILES
    assert (HARDWARE.rate_unit_mbps * 160, LIBKATHERINE_1.rate_unit_mbps) == (1280.0, 5.0)
    assert HARDWARE.flush_after_mode and not LIBKATHERINE_1.flush_after_mode


def test_leakage_current() -> None:
    assert commands.leakage_ua(2.024) == 0.0
    assert commands.leakage_ua(2.018) == pytest.approx(1.0)
    assert math.isclose(commands.leakage_ua(1.424), 100.0)
