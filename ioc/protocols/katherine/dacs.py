"""The DACs of a Timepix3 behind a Katherine, and what can be measured on its monitor output."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Dac:
    """One DAC; its number on the chip is the index here plus 1."""

    name: str
    max: int
    default: int
    """After a reset of the chip."""
    start: int
    """What the example of libkatherine sets; sensible to begin with for a hole-collecting sensor."""


DACS = (
    Dac("Ibias_Preamp_ON", 255, 128, 128),
    Dac("Ibias_Preamp_OFF", 15, 8, 8),
    Dac("VPreamp_NCAS", 255, 128, 128),
    Dac("Ibias_Ikrum", 255, 128, 15),
    Dac("Vfbk", 255, 128, 164),
    Dac("Vthreshold_fine", 511, 256, 476),
    Dac("Vthreshold_coarse", 15, 8, 8),
    Dac("Ibias_DiscS1_ON", 255, 128, 100),
    Dac("Ibias_DiscS1_OFF", 15, 8, 8),
    Dac("Ibias_DiscS2_ON", 255, 128, 128),
    Dac("Ibias_DiscS2_OFF", 15, 8, 8),
    Dac("Ibias_PixelDAC", 255, 128, 128),
    Dac("Ibias_TPbufferIn", 255, 128, 128),
    Dac("Ibias_TPbufferOut", 255, 128, 128),
    Dac("VTP_coarse", 255, 128, 128),
    Dac("VTP_fine", 511, 256, 256),
    Dac("Ibias_CP_PLL", 255, 128, 128),
    Dac("PLL_Vcntrl", 255, 128, 128),
)
INDEX = {dac.name: index for index, dac in enumerate(DACS)}
THRESHOLD_FINE, THRESHOLD_COARSE = INDEX["Vthreshold_fine"], INDEX["Vthreshold_coarse"]
VTP_COARSE, VTP_FINE = INDEX["VTP_coarse"], INDEX["VTP_fine"]

MONITORS = (
    *((index + 1, dac.name) for index, dac in enumerate(DACS)),
    (28, "BandGap"),
    (29, "BandGap_Temp"),
    (30, "Ibias_dac"),
    (31, "Ibias_dac_cas"),
)
"""(code of 0x0F, name) of the monitor voltages, in the order in which 0x14 sends them."""

COARSE_STEP = 160
"""Fine steps in one coarse step of the threshold, nearly: the rule of the threshold scans of tpx3-daq."""
FINE_FIRST = 352
"""Fine code from which on a coarse step is used, so that each threshold has one setting."""
THRESHOLD_MAX = 511 + 15 * COARSE_STEP
"""Fine steps."""


def threshold_codes(threshold: int) -> tuple[int, int]:
    """(coarse, fine) of a combined threshold, 0 to 2911 fine steps, by the rule of tpx3-daq.

    Coarse 0 up to 511, above that fine codes 352 to 511 only: the sum 160 * coarse + fine is the threshold.
    """
    if not 0 <= threshold <= THRESHOLD_MAX:
        raise ValueError(f"threshold of {threshold} steps: must be 0 to {THRESHOLD_MAX}")
    if threshold <= 511:
        return 0, threshold
    coarse, rest = divmod(threshold - 512, COARSE_STEP)
    return coarse + 1, rest + FINE_FIRST


def threshold_of(coarse: int, fine: int) -> int:
    """Combined threshold of two codes, fine steps."""
    return COARSE_STEP * coarse + fine


def pulse_mv(coarse: int, fine: int) -> float:
    """Amplitude of an analogue test pulse, mV: |VTP_coarse * 5 mV - VTP_fine * 2.5 mV|."""
    return abs(coarse * 5.0 - fine * 2.5)
