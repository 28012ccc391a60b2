"""The sensor registers whose bits are public: general configuration (4) and PLL (3).

A write goes into an image in the readout; `Hw.FLUSH_REGISTERS` brings it to the chip.
"""

from dataclasses import dataclass
from enum import IntEnum

PLL, GENERAL = 3, 4
REGISTERS = (
    "test_pulse_period",
    "test_pulse_number",
    "output_block",
    "pll",
    "general",
    "slvs",
    "power_pulsing",
    "timer_low",
    "timer_mid",
    "timer_high",
    "sense_dac",
    "external_dac",
)
"""Names of registers 0 to 11."""


class Polarity(IntEnum):
    """Charge that the front end takes: bit 0 of the general configuration."""

    HOLES = 0
    ELECTRONS = 1


@dataclass(frozen=True, slots=True)
class General:
    """Register 4."""

    polarity: Polarity = Polarity.ELECTRONS
    mode: int = 0
    """Op_mode: 0 ToA+ToT, 1 ToA, 2 events + iToT."""
    gray: bool = True
    test_pulses: bool = False
    fast: bool = True
    rest: int = 0
    """Bits 7 and up, as they are."""

    def encode(self) -> int:
        """The register; 0x59 by default. Bit 4 (acknowledge) is always set."""
        return (
            self.polarity
            | self.mode << 1
            | self.gray << 3
            | 1 << 4
            | self.test_pulses << 5
            | self.fast << 6
            | self.rest << 7
        )

    @classmethod
    def decode(cls, value: int) -> "General":
        """Read the register."""
        return cls(
            Polarity(value & 1),
            value >> 1 & 3,
            bool(value >> 3 & 1),
            bool(value >> 5 & 1),
            bool(value >> 6 & 1),
            value >> 7,
        )


CLOCKS_MHZ = (20, 40, 80, 160)
PHASES = (1, 2, 4, 8, 16)


@dataclass(frozen=True, slots=True)
class Pll:
    """Register 3."""

    clock_mhz: int = 40
    phases: int = 1

    def __post_init__(self) -> None:
        if self.clock_mhz not in CLOCKS_MHZ:
            raise ValueError(f"pixel clock of {self.clock_mhz} MHz: must be one of {CLOCKS_MHZ}")
        if self.phases not in PHASES:
            raise ValueError(f"{self.phases} clock phases: must be one of {PHASES}")

    def encode(self) -> int:
        """The register; 0x281E by default: no bypass, no reset, control by DAC, dual edge, output 0x14."""
        return 0xE | CLOCKS_MHZ.index(self.clock_mhz) << 4 | PHASES.index(self.phases) << 6 | 0x14 << 9

    @classmethod
    def decode(cls, value: int) -> "Pll":
        """Read the register; a phase code without meaning counts as 16 phases."""
        return cls(CLOCKS_MHZ[value >> 4 & 3], PHASES[min(value >> 6 & 7, 4)])

    @property
    def phases_real(self) -> int:
        """Phases that the chip really makes, dual edge (libkatherine 2.0-dev)."""
        return max(1, self.phases // {20: 1, 40: 1, 80: 2, 160: 4}[self.clock_mhz])
