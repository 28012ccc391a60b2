"""Where clients, firmwares and manuals differ: the choices, each with its source.

Nothing here is known of a given readout by its answers alone; the station file says which profile holds, and
the defaults are what was measured on hardware by the authors of libkatherine 2.0-dev.
"""

from dataclasses import dataclass
from enum import StrEnum


class ModeEncoding(StrEnum):
    """How command 0x09 carries the acquisition mode."""

    HARDWARE = "hardware"
    """Mode in byte 0, fast oscillator in bit 0 of byte 1 (libkatherine 2.0-dev, measured)."""
    LIBKATHERINE_1 = "libkatherine-1"
    """Mode in bits 5:0 and fast oscillator in bit 7 of byte 0 (libkatherine 1.0.1 and its emulator)."""


@dataclass(frozen=True, slots=True)
class Profile:
    """One set of choices."""

    mode_encoding: ModeEncoding = ModeEncoding.HARDWARE
    flush_after_mode: bool = True
    """Send 0x07/0 after 0x09: without it the mode stays in the readout's register image (2.0-dev)."""
    rate_unit_mbps: float = 8.0
    """Mb/s per unit of the rate in the communication status: 8 by 2.0-dev (a readout of 1280 Mb/s says 160),
    5 by the manual and 1.0.1."""
    check_answers: bool = True
    """Take an answer only when its number fits (2.0-dev); 1.0.1 takes any 8 bytes."""
    pulse_bit: bool = False
    """Set the test pulse bit of the general configuration with test pulses: 1.0.1 does, 2.0-dev never."""


HARDWARE = Profile()
LIBKATHERINE_1 = Profile(
    ModeEncoding.LIBKATHERINE_1, flush_after_mode=False, rate_unit_mbps=5.0, pulse_bit=True
)
PROFILES = {"hardware": HARDWARE, "libkatherine-1": LIBKATHERINE_1}


def encode_mode(mode: int, fast: bool, encoding: ModeEncoding) -> bytes:
    """Payload of command 0x09. mode: 0 ToA+ToT, 1 ToA, 2 events + iToT."""
    if not 0 <= mode <= 2:
        raise ValueError(f"mode {mode} is none of 0 (ToA+ToT), 1 (ToA), 2 (events + iToT)")
    if encoding is ModeEncoding.LIBKATHERINE_1:
        return bytes((mode | fast << 7, 0, 0, 0))
    return bytes((mode, int(fast), 0, 0))


def decode_mode(payload: bytes) -> tuple[int, bool]:
    """Read command 0x09 as an obliging readout: fast oscillator from either place: (mode, fast)."""
    return payload[0] & 0x3F, bool(payload[0] & 0x80 or payload[1] & 1)
