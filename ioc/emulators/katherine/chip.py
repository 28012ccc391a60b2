"""The chip behind an emulated readout: what was written, what has reached the chip, and since when it counts.

Registers and DACs are written into an image in the readout and reach the chip by commands of their own; the
pixel configuration likewise. `Setting` is what the chip does at one moment; nobody changes it afterwards, so
it goes from the control side to the data side without a lock.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from math import isfinite

from ...protocols.katherine.dacs import (
    DACS,
    INDEX,
    THRESHOLD_COARSE,
    THRESHOLD_FINE,
    VTP_COARSE,
    VTP_FINE,
    pulse_mv,
    threshold_of,
)
from ...protocols.katherine.matrix import Pixels
from ...protocols.katherine.registers import GENERAL, PLL, REGISTERS, General, Pll
from ...protocols.katherine.shutter import Edge, TestPulses

TIMER_LOW, TIMER_HIGH = REGISTERS.index("timer_low"), REGISTERS.index("timer_high")
BIAS_STEP_V, BIAS_REST_V = 0.505, -0.21
"""The 12-bit converter of the bias: its step, and what it shows at rest."""
BIAS_CODE_MAX = 4095
SUPPLIES = 2
MODES = ("ToA+ToT", "ToA", "events + iToT", "unknown")
COARSE_TICKS = {20: 32, 40: 16, 80: 8, 160: 4}
"""Ticks of 1.5625 ns in a step of ToA, by the pixel clock in MHz."""


def ticks_of(ns: int) -> int:
    """Ticks of 1.5625 ns in a time."""
    return ns * 16 // 25


def ns_of(ticks: int) -> int:
    """Time of a number of ticks, rounded up."""
    return -(-ticks * 25 // 16)


@dataclass(frozen=True)
class Setting:
    """How the chip and the shutter stand."""

    general: General = field(default_factory=lambda: General.decode(0))
    pll: Pll = field(default_factory=Pll)
    dacs: tuple[int, ...] = tuple(dac.default for dac in DACS)
    pixels: Pixels = field(default_factory=Pixels)
    bias_v: float = 0.0
    pulses: TestPulses = field(default_factory=TestPulses)
    time_10ns: int = 0
    """Acquisition time of a frame."""
    frames: int = 1
    """Frames of a sequential acquisition; 1 at power-up is a choice made here."""
    start: Edge = field(default_factory=Edge)
    stop: Edge = field(default_factory=Edge)

    @property
    def mode_text(self) -> str:
        """Mode and oscillator for the eye."""
        return f"{MODES[self.general.mode]}, {'fast' if self.general.fast else 'slow'}"

    @property
    def threshold(self) -> int:
        """Combined threshold, steps."""
        return threshold_of(self.dacs[THRESHOLD_COARSE], self.dacs[THRESHOLD_FINE])

    @property
    def pixel_dac(self) -> int:
        """Code that sets the step of the trims."""
        return self.dacs[INDEX["Ibias_PixelDAC"]]

    @property
    def pulse_mv(self) -> float:
        """Amplitude of analogue test pulses."""
        return pulse_mv(self.dacs[VTP_COARSE], self.dacs[VTP_FINE])

    @property
    def coarse_ticks(self) -> int:
        """Ticks of 1.5625 ns in a step of ToA."""
        return COARSE_TICKS[self.pll.clock_mhz]

    @property
    def frame_ticks(self) -> int:
        """Acquisition time of a frame, ticks of 1.5625 ns."""
        return ticks_of(10 * self.time_10ns)


class Chip:
    """Images, what was brought to the chip, and its timer; `clock_ns` only ever goes forward."""

    def __init__(self, clock_ns: Callable[[], int]) -> None:
        self._clock_ns = clock_ns
        self.power_up()

    def power_up(self) -> None:
        """Forget everything, as after a power cut: registers 0, DACs as the chip has them after a reset."""
        self.image = [0] * len(REGISTERS)
        self.registers = [0] * len(REGISTERS)
        self.dacs = [dac.default for dac in DACS]
        self.upload = Pixels()
        self.bias_v = [0.0] * SUPPLIES
        self.setting = Setting()
        self.zero = self.now

    @property
    def now(self) -> int:
        """The clock, ticks of 1.5625 ns, which the world goes by as well."""
        return ticks_of(self._clock_ns())

    @property
    def timer(self) -> int:
        """The timer, ticks of 1.5625 ns; it was 0 at `zero` on the clock."""
        return self.now - self.zero

    def change(self, **fields: object) -> None:
        """Have the next moment differ in some fields of `Setting`."""
        self.setting = replace(self.setting, **fields)  # type: ignore[arg-type]  # names of fields

    def flush(self) -> None:
        """Bring the image of the registers to the chip."""
        self.registers = list(self.image)
        self.change(general=General.decode(self.registers[GENERAL]), pll=Pll.decode(self.registers[PLL]))

    def set_mode(self, mode: int, fast: bool, *, at_once: bool) -> None:
        """Write the mode into the image; `at_once`: into the chip as well, but nothing else."""
        for registers in (self.image, self.registers) if at_once else (self.image,):
            general = replace(General.decode(registers[GENERAL]), mode=mode, fast=fast)
            # Bit 4 is as it was: `encode` always sets it.
            registers[GENERAL] = general.encode() & ~(1 << 4) | registers[GENERAL] & 1 << 4
        if at_once:
            self.change(general=General.decode(self.registers[GENERAL]))

    def update_dacs(self) -> None:
        """Bring the DACs to the chip, which keeps as many bits of each as it has."""
        self.change(dacs=self._truncated())

    def _truncated(self) -> tuple[int, ...]:
        return tuple(code & dac.max for code, dac in zip(self.dacs, DACS, strict=True))

    def load_pixels(self) -> None:
        """Bring the uploaded pixel configuration to the chip."""
        self.change(pixels=self.upload)

    @property
    def as_written(self) -> bool:
        """Whether the chip has the pixels that were uploaded and the DACs that were written."""
        return self._truncated() == self.setting.dacs and self.setting.pixels == self.upload

    def set_bias(self, volts: float, supply: int) -> None:
        """Set one supply; the first one is on the sensor."""
        if supply < SUPPLIES:
            self.bias_v[supply] = volts if isfinite(volts) else 0.0
            self.change(bias_v=self.bias_v[0])

    def measured_bias_v(self, supply: int) -> float:
        """What the converter makes of it."""
        code = round(self.bias_v[supply % SUPPLIES] / BIAS_STEP_V)
        return max(-BIAS_CODE_MAX, min(code, BIAS_CODE_MAX)) * BIAS_STEP_V + BIAS_REST_V

    def leakage_ua(self, supply: int) -> float:
        """Current of one supply; an ohmic sensor of 1 GOhm, with an offset."""
        return 0.02 + 1e-3 * abs(self.bias_v[supply % SUPPLIES])

    def set_timer(self) -> None:
        """Start the timer anew from registers 7 to 9, 16 bits of 25 ns each."""
        words = self.image[TIMER_LOW : TIMER_HIGH + 1]
        steps = sum((word & 0xFFFF) << 16 * place for place, word in enumerate(words))
        self.zero = self.now - (steps << 4)

    def read_timer(self) -> None:
        """Put the timer into the images of registers 7 to 9; where a readout puts it is not public."""
        steps = self.timer >> 4
        self.image[TIMER_LOW : TIMER_HIGH + 1] = [steps >> 16 * place & 0xFFFF for place in range(3)]
