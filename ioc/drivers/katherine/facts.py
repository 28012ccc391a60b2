"""Facts of a setting for the run log: what a decoder must know, and what tells exposures apart (pure)."""

import hashlib
from typing import Any

from hitline.bus.formats.katherine_setup import Setup
from hitline.bus.formats.katherine_words import Mode

from ...protocols.katherine.dacs import DACS
from .setting import Setting

TICKS_PER_US = 640
"""Ticks of 1.5625 ns."""


def decode_facts(setting: Setting, generation: int) -> dict[str, Any]:
    """What the meaning of the words depends on."""
    return Setup(
        Mode(setting.mode),
        setting.fast,
        generation,
        TICKS_PER_US // setting.pll.clock_mhz,
        setting.pll.phases_real,
        not setting.data_driven,
    ).facts()


def chip_facts(setting: Setting) -> dict[str, Any]:
    """How the chip is set, with the pixels as a digest."""
    return {
        "polarity": setting.polarity.name.lower(),
        "dacs": {dac.name: code for dac, code in zip(DACS, setting.dacs, strict=True)},
        "pixels_digest": _digest(setting.pixels.codes().tobytes()),
        "pixels_masked": int(setting.pixels.mask.sum()),
        "digest": digest(setting),
    }


def digest(setting: Setting) -> str:
    """Of all that decides about hits: two exposures with the same one were taken alike."""
    parts = (setting.dacs, setting.mode, setting.fast, setting.polarity, setting.pll, setting.pulses)
    return _digest(repr(parts).encode() + setting.pixels.codes().tobytes())


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=8).hexdigest()
