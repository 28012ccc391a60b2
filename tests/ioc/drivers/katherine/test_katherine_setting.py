"""Settings as attributes, and the commands that lead from one to another."""

import numpy as np
import pytest
from hitline.ioc.drivers.katherine.dialect import Dialect
from hitline.ioc.drivers.katherine.options import KatherineOptions
from hitline.ioc.drivers.katherine.setting import SETTABLE, Setting, changed, pixels_shown, shown
from hitline.ioc.drivers.katherine.table import KATHERINE
from hitline.ioc.protocols.katherine.opcodes import Hw, Op
from hitline.ioc.protocols.katherine.profile import LIBKATHERINE_1
from hitline.ioc.protocols.katherine.registers import Polarity
from hitline.ioc.protocols.katherine.shutter import NO_LIMIT

OTHER = {
    "threshold": 1800,
    "mode": "ToA",
    "fast": False,
    "polarity": "Holes",
    "clock": "80",
    "phases": "4",
    "readout": "Sequential",
    "frames": 12,
    "acquire_time": 2.5,
    "start_edge": "Falling",
    "start_channel": 3,
    "start_delayed": True,
    "stop_edge": "Rising",
    "stop_channel": 2,
    "pulses": "Digital",
    "pulse_count": 100,
    "pulse_period": 129,
    "pulse_phase": 5,
}


def hexes(requests):
    return [request.encode().hex(" ") for request in requests]


@pytest.mark.parametrize("name", [name for name in SETTABLE if name != "pixels"])
def test_every_attribute_is_shown_as_it_was_written(name):
    """What is written to an attribute is what it shows, and nothing unrelated changes."""
    value = OTHER.get(name, 7)
    new = changed(Setting(), name, value)
    assert shown(new)[name] == value
    same = {"threshold", "dac_vthreshold_coarse", "dac_vthreshold_fine", "pulse_amplitude", name}
    before = {key: item for key, item in shown(Setting()).items() if key not in same}
    assert {key: item for key, item in shown(new).items() if key not in same} == before


def test_every_writable_attribute_of_the_chip_is_in_the_setting_or_has_a_setter_of_its_own():
    own = {"adc_channel", "monitor", "voltage_set", "pixel_file", "pixel_format"}
    assert {a.name for a in KATHERINE if a.writable} - own == set(SETTABLE) - {"acquire_time"}


def test_whole_set_up_in_the_order_of_libkatherine_and_never_the_bias():
    requests = Dialect().whole(Setting(acquire_s=1.0))
    assert hexes(requests)[:13] == [
        "05 00 00 00 00 00 07 00",
        "09 00 00 00 00 00 07 00",
        "00 e1 f5 05 00 00 01 00",
        "00 00 00 00 00 00 0a 00",
        "01 00 00 00 00 00 13 00",
        "00 00 00 00 05 00 21 00",
        "59 00 00 00 04 00 08 00",
        "1e 28 00 00 03 00 08 00",
        "0e 00 00 00 00 00 07 00",
        "00 00 00 00 00 00 07 00",
        "04 00 00 00 00 00 07 00",
        "80 00 00 00 00 00 04 00",
        "08 00 00 00 01 00 04 00",
    ]
    assert "dc 01 00 00 05 00 04 00" in hexes(requests) and len(requests) == 11 + 18 + 1
    assert requests[-1].op == Op.HW and requests[-1].value == Hw.UPDATE_DACS
    assert not any(request.op == Op.SET_BIAS for request in requests)
    pulsed = Dialect().whole(changed(Setting(), "pulses", "Analogue"))
    assert pulsed[-1].op == Op.TEST_PULSES


CHANGED = {
    "threshold": ["0a 00 00 00 06 00 04 00", "01 00 00 00 00 00 07 00"],
    "mode": [
        "5b 00 00 00 04 00 08 00",
        "00 00 00 00 00 00 07 00",
        "01 01 00 00 00 00 09 00",
        "00 00 00 00 00 00 07 00",
    ],
    "acquire_time": ["80 b2 e6 0e 00 00 01 00", "00 00 00 00 00 00 0a 00"],
    "frames": ["0c 00 00 00 00 00 13 00"],
    "start_channel": [],
    "start_edge": ["11 00 00 00 05 00 21 00"],
    "pulses": ["01 00 01 00 05 00 26 00"],
    "pulse_count": [],
    "readout": [],
    "polarity": ["58 00 00 00 04 00 08 00", "00 00 00 00 00 00 07 00"],
}


@pytest.mark.parametrize("name", CHANGED)
def test_only_what_has_changed_is_sent(name):
    old = Setting()
    wanted = CHANGED[name]
    new = changed(old, name, 10 * 160 + 476 if name == "threshold" else OTHER[name])
    if name == "start_channel":
        assert hexes(Dialect().change(old, new)) == ["00 00 00 00 05 00 21 00"], "no trigger is no trigger"
    else:
        assert hexes(Dialect().change(old, new)) == wanted or name == "pulses"
    if name == "pulses":
        assert [request.op for request in Dialect().change(old, new)] == [Op.TEST_PULSES]


def test_a_clock_is_written_with_all_registers_and_the_mode():
    requests = Dialect().change(Setting(), changed(Setting(), "clock", "160"))
    assert [request.op for request in requests] == [Op.SET_REGISTER] * 2 + [Op.HW] * 3 + [Op.ACQ_MODE, Op.HW]


def test_what_the_chip_cannot_do_is_said():
    for name, value, text in (
        ("pulse_period", 100, "1 [+] n"),
        ("pixels", np.full((256, 256), 0x40), "bits above 5"),
        ("pixels", np.zeros(12), "256 x 256"),
        ("acquire_time", 1e-10, "10 ns"),
    ):
        with pytest.raises(ValueError, match=text):
            new = changed(changed(Setting(), "pulses", "Analogue"), name, value)
            Dialect().change(Setting(), new)
    with pytest.raises(ValueError, match="channel 9"):
        Dialect().change(Setting(), changed(changed(Setting(), "start_edge", "Rising"), "start_channel", 9))
    Dialect(generation=2).change(
        Setting(), changed(changed(Setting(), "start_edge", "Rising"), "start_channel", 9)
    )


def test_settings_with_which_no_exposure_can_be_taken():
    assert Setting().problem() == ""
    assert "frames is 3: set frames to 1" in changed(Setting(), "frames", 3).problem()
    assert changed(changed(Setting(), "frames", 3), "readout", "Sequential").problem() == ""
    assert "40 MHz, clock is 20 MHz" in changed(Setting(), "clock", "20").problem()
    assert changed(changed(Setting(), "clock", "20"), "fast", False).problem() == ""


def test_no_limit_is_the_longest_time_that_can_be_sent():
    assert Setting().time_steps == NO_LIMIT and Setting(acquire_s=1.0).time_steps == 10**8


def test_the_image_tells_a_readout_that_has_restarted():
    setting = changed(changed(Setting(), "mode", "Events+iToT"), "fast", False)
    assert Dialect().image(setting) == ((4, 0x1D, 0x5F), (3, 0x281E, 0xFFFF))
    old_client = Dialect(LIBKATHERINE_1).image(setting)
    assert old_client[0] == (4, 0x19, 0x19), "how hardware reads that client's mode is not compared"


def test_test_pulse_bit_by_profile():
    setting = changed(Setting(), "pulses", "Analogue")
    assert setting.general(pulse_bit=True).encode() == 0x79
    assert setting.general(pulse_bit=False).encode() == 0x59


def test_pixels_are_counted():
    codes = np.zeros((256, 256), np.uint8)
    codes[3, 5] = 1
    codes[4] = 0x20
    codes[4, 0] = 0x21
    values = pixels_shown(changed(Setting(), "pixels", codes).pixels)
    assert values["pixels_masked"] == 2 and values["pixels_pulsed"] == 255
    assert np.array_equal(values["pixels"], codes)


def test_options_are_checked():
    assert KatherineOptions(address="a").bias_high == 0.0
    for more, text in (
        ({"bias_low": 5.0}, "bias_low of 5.0 V is above bias_high of 0.0 V"),
        ({"dacs": {"Vfbkk": 3}}, "'Vfbkk' is no DAC"),
        ({"dacs": {"Vfbk": 300}}, "must be 0 to 255"),
        ({"chip_id": "x"}, "as in K7-W0005"),
    ):
        with pytest.raises(ValueError, match=text):
            KatherineOptions(address="a", **more)
    assert Setting(polarity=Polarity.HOLES).general(pulse_bit=False).encode() == 0x58
