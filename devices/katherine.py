"""A Katherine readout as an ophyd detector: its chip, bias, acquisition and test pulses."""

import difflib
from typing import Any

from ophyd import Component as Cpt

from .detector import HitDetector
from .settings import (
    ArraySetting,
    ChoiceSetting,
    FlagSetting,
    NumberSetting,
    Request,
    TextRequest,
    TextSetting,
)
from .signals import Array, Flag, Number, Text

SIDE = 256
RAMP_S = 900.0
"""A bias may be on its way for so long."""
UPLOAD_S = 30.0
"""A pixel configuration is there after so long, with repetitions."""
DACS = (
    "Ibias_Preamp_ON",
    "Ibias_Preamp_OFF",
    "VPreamp_NCAS",
    "Ibias_Ikrum",
    "Vfbk",
    "Vthreshold_fine",
    "Vthreshold_coarse",
    "Ibias_DiscS1_ON",
    "Ibias_DiscS1_OFF",
    "Ibias_DiscS2_ON",
    "Ibias_DiscS2_OFF",
    "Ibias_PixelDAC",
    "Ibias_TPbufferIn",
    "Ibias_TPbufferOut",
    "VTP_coarse",
    "VTP_fine",
    "Ibias_CP_PLL",
    "PLL_Vcntrl",
)
"""DACs of a Timepix3 by the names of its manual; the parts of the device are `dac_` and the name in small."""


def _dac(name: str) -> Cpt:
    pv = "Dac" + "".join(part[:1].upper() + part[1:] for part in name.split("_"))
    return Cpt(NumberSetting, pv, busy="configuring", kind="config")


class KatherineDetector(HitDetector):
    """A Timepix3 behind a Katherine.

    A set of the bias is done when the voltage has been reached, one of thresholds, DACs and pixels when the
    chip has them. What the record of a setting refuses fails with the reason.
    """

    threshold = Cpt(NumberSetting, "Threshold", busy="configuring", kind="config")
    voltage_set = Cpt(NumberSetting, "VSet", busy="ramping", longest_s=RAMP_S, kind="config")
    voltage_measured = Cpt(Number, "VMon_RBV", kind="config")
    current_measured = Cpt(Number, "IMon_RBV", kind="omitted")
    ramping = Cpt(Flag, "Ramping_RBV", kind="omitted")
    configuring = Cpt(Flag, "Configuring_RBV", kind="omitted")
    configured = Cpt(Flag, "Configured_RBV", kind="omitted")
    mode = Cpt(ChoiceSetting, "OperatingMode", kind="config")
    readout = Cpt(ChoiceSetting, "Readout", kind="config")
    fast = Cpt(FlagSetting, "FastOscillator", kind="config")
    polarity = Cpt(ChoiceSetting, "Polarity", kind="config")
    clock = Cpt(ChoiceSetting, "Clock", kind="config")
    phases = Cpt(ChoiceSetting, "Phases", kind="config")
    frames = Cpt(NumberSetting, "NumImages", kind="config")
    frame = Cpt(Number, "NumImagesCounter_RBV", kind="omitted")
    pulses = Cpt(ChoiceSetting, "Pulses", kind="config")
    pulse_count = Cpt(NumberSetting, "PulseCount", kind="config")
    pulse_period = Cpt(NumberSetting, "PulsePeriod", kind="config")
    pulse_phase = Cpt(NumberSetting, "PulsePhase", kind="config")
    pulse_amplitude = Cpt(Number, "PulseAmplitude_RBV", kind="config")
    pixel_file = Cpt(TextSetting, "PixelFile", busy="configuring", longest_s=UPLOAD_S, kind="config")
    pixel_format = Cpt(ChoiceSetting, "PixelFormat", kind="omitted")
    pixels = Cpt(
        ArraySetting,
        "Pixels",
        busy="configuring",
        longest_s=UPLOAD_S,
        full_shape=(SIDE, SIDE),
        dtype="u1",
        kind="omitted",
    )
    pixels_masked = Cpt(Number, "PixelsMasked_RBV", kind="config")
    pixels_pulsed = Cpt(Number, "PixelsPulsed_RBV", kind="config")
    start_edge = Cpt(ChoiceSetting, "StartEdge", kind="config")
    stop_edge = Cpt(ChoiceSetting, "StopEdge", kind="config")
    readout_temperature = Cpt(Number, "ReadoutTemperature_RBV", kind="config")
    sensor_temperature = Cpt(Number, "SensorTemperature_RBV", kind="config")
    monitor = Cpt(TextSetting, "Monitor", kind="omitted")
    monitor_voltage = Cpt(Number, "MonitorVoltage_RBV", kind="omitted")
    dac_voltages = Cpt(Array, "DacVoltages_RBV", full_shape=(22,), dtype="<f4", kind="omitted")
    chip_id = Cpt(Text, "ChipId_RBV", kind="config")
    hardware = Cpt(Text, "Hardware_RBV", kind="config")
    kernel_drops = Cpt(Number, "KernelDrops_RBV", kind="omitted")
    pixels_lost_inside = Cpt(Number, "PixelsLostInside_RBV", kind="omitted")
    cmd_configure = Cpt(Request, "Configure", longest_s=UPLOAD_S, kind="omitted")
    cmd_scan_dacs = Cpt(Request, "ScanDacs", kind="omitted")
    cmd_test_digital = Cpt(Request, "TestDigital", longest_s=UPLOAD_S, kind="omitted")
    cmd_save_pixels = Cpt(TextRequest, "SavePixels", kind="omitted")
    locals().update({f"dac_{name.lower()}": _dac(name) for name in DACS})

    def dac(self, name: str) -> Any:
        """Give the signal of a DAC by its name in the manual; raises KeyError, which names the nearest."""
        if name not in DACS:
            near = difflib.get_close_matches(name, DACS, 1, 0.0)[0]
            raise KeyError(f"{name}: no such DAC; the nearest is {near}")
        return getattr(self, f"dac_{name.lower()}")
