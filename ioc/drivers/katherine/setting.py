"""What a Katherine is to be set to, as one value; attributes are its faces (pure).

`changed` gives the setting that a write to an attribute leads to, `shown` the attributes of a setting.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ...protocols.katherine.dacs import (
    DACS,
    THRESHOLD_COARSE,
    THRESHOLD_FINE,
    VTP_COARSE,
    VTP_FINE,
    pulse_mv,
    threshold_codes,
    threshold_of,
)
from ...protocols.katherine.matrix import SIDE, Pixels
from ...protocols.katherine.registers import General, Pll, Polarity
from ...protocols.katherine.shutter import NO_LIMIT, Edge, TestPulses, encode_time
from .table import EDGES, MODES, POLARITIES, PULSES, READOUTS, dac_attribute


@dataclass(frozen=True)
class Setting:
    """A whole setting but the bias, which has its own rules."""

    dacs: tuple[int, ...] = tuple(dac.start for dac in DACS)
    pixels: Pixels = field(default_factory=Pixels)
    mode: int = 0
    fast: bool = True
    polarity: Polarity = Polarity.ELECTRONS
    pll: Pll = field(default_factory=Pll)
    data_driven: bool = True
    frames: int = 1
    acquire_s: float = 0.0
    """0: no limit."""
    start: Edge = field(default_factory=Edge)
    stop: Edge = field(default_factory=Edge)
    pulses: TestPulses = field(default_factory=TestPulses)

    def general(self, *, pulse_bit: bool) -> General:
        """The general configuration register that belongs to it."""
        return General(
            self.polarity, self.mode, test_pulses=pulse_bit and self.pulses.enabled, fast=self.fast
        )

    @property
    def time_steps(self) -> int:
        """Acquisition time in steps of 10 ns."""
        return encode_time(self.acquire_s) if self.acquire_s else NO_LIMIT

    def problem(self) -> str:
        """Why no exposure can be taken with it; empty when one can."""
        if self.data_driven and self.frames != 1:
            return f"data-driven read-out takes 1 frame, frames is {self.frames}: set frames to 1, or readout"
        if self.fast and self.pll.clock_mhz != 40:
            return (
                f"the fast oscillator needs a clock of 40 MHz, clock is {self.pll.clock_mhz} MHz: "
                "set clock to 40, or fast to false"
            )
        return ""


def changed(setting: Setting, name: str, value: Any) -> Setting:
    """Return the setting after a write; ValueError says what is wrong with the value."""
    if name in _DAC_INDEX:
        return replace(setting, dacs=_with(setting.dacs, {_DAC_INDEX[name]: value}))
    return CHANGES[name](setting, value)


def _with(codes: tuple[int, ...], new: dict[int, int]) -> tuple[int, ...]:
    return tuple(new.get(index, code) for index, code in enumerate(codes))


def _threshold(setting: Setting, value: int) -> Setting:
    coarse, fine = threshold_codes(value)
    return replace(setting, dacs=_with(setting.dacs, {THRESHOLD_COARSE: coarse, THRESHOLD_FINE: fine}))


def _edge(edge: Edge, choice: str) -> Edge:
    return replace(edge, enabled=choice != "Off", falling=choice == "Falling")


def _pulses(pulses: TestPulses, choice: str) -> TestPulses:
    return replace(
        pulses, enabled=choice != "Off", digital=choice == "Digital", external=choice == "External"
    )


def _pixels(setting: Setting, value: Any) -> Setting:
    codes = np.asarray(value, np.uint8)
    if codes.size != SIDE * SIDE:
        raise ValueError(f"{codes.size} pixels: must be {SIDE} x {SIDE}")
    return replace(setting, pixels=Pixels.of_codes(codes.reshape(SIDE, SIDE)))


CHANGES: dict[str, Callable[[Setting, Any], Setting]] = {
    "threshold": _threshold,
    "pixels": _pixels,
    "mode": lambda s, value: replace(s, mode=MODES.index(value)),
    "fast": lambda s, value: replace(s, fast=value),
    "polarity": lambda s, value: replace(s, polarity=Polarity(POLARITIES.index(value))),
    "clock": lambda s, value: replace(s, pll=replace(s.pll, clock_mhz=int(value))),
    "phases": lambda s, value: replace(s, pll=replace(s.pll, phases=int(value))),
    "readout": lambda s, value: replace(s, data_driven=value == READOUTS[0]),
    "frames": lambda s, value: replace(s, frames=value),
    "acquire_time": lambda s, value: replace(s, acquire_s=value),
    "start_edge": lambda s, value: replace(s, start=_edge(s.start, value)),
    "start_channel": lambda s, value: replace(s, start=replace(s.start, channel=value)),
    "start_delayed": lambda s, value: replace(s, start=replace(s.start, delayed=value)),
    "stop_edge": lambda s, value: replace(s, stop=_edge(s.stop, value)),
    "stop_channel": lambda s, value: replace(s, stop=replace(s.stop, channel=value)),
    "pulses": lambda s, value: replace(s, pulses=_pulses(s.pulses, value)),
    "pulse_count": lambda s, value: replace(s, pulses=replace(s.pulses, count=value)),
    "pulse_period": lambda s, value: replace(s, pulses=replace(s.pulses, period=value)),
    "pulse_phase": lambda s, value: replace(s, pulses=replace(s.pulses, phase=value)),
}
"""By attribute: the setting after a write."""
_DAC_INDEX = {dac_attribute(dac.name): index for index, dac in enumerate(DACS)}
SETTABLE = (*CHANGES, *_DAC_INDEX)
"""Attributes that are part of the setting."""


def shown(setting: Setting) -> dict[str, Any]:
    """Give the values of all attributes of a setting, but of `pixels` and what is counted from them."""
    dacs, pulses = setting.dacs, setting.pulses
    kind = "External" if pulses.external else "Digital" if pulses.digital else "Analogue"
    return {
        "threshold": threshold_of(dacs[THRESHOLD_COARSE], dacs[THRESHOLD_FINE]),
        **{name: dacs[index] for name, index in _DAC_INDEX.items()},
        "mode": MODES[setting.mode],
        "readout": READOUTS[not setting.data_driven],
        "fast": setting.fast,
        "polarity": POLARITIES[setting.polarity],
        "frames": setting.frames,
        "acquire_time": setting.acquire_s,
        "clock": str(setting.pll.clock_mhz),
        "phases": str(setting.pll.phases),
        "start_edge": _choice(setting.start),
        "start_channel": setting.start.channel,
        "start_delayed": setting.start.delayed,
        "stop_edge": _choice(setting.stop),
        "stop_channel": setting.stop.channel,
        "pulses": kind if pulses.enabled else PULSES[0],
        "pulse_count": pulses.count,
        "pulse_period": pulses.period,
        "pulse_phase": pulses.phase,
        "pulse_amplitude": pulse_mv(dacs[VTP_COARSE], dacs[VTP_FINE]),
    }


def _choice(edge: Edge) -> str:
    return EDGES[0] if not edge.enabled else EDGES[1 + edge.falling]


def pixels_shown(pixels: Pixels) -> dict[str, Any]:
    """Give the values of the attributes that show the pixels."""
    return {
        "pixels": pixels.codes(),
        "pixels_masked": int(pixels.mask.sum()),
        "pixels_pulsed": int((pixels.pulse & ~pixels.mask & 1).sum()),
    }
