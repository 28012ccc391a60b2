"""The trigger output of an emulated PI controller: CTO sets it up, TRO switches it."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ...protocols.pi.codes import DISTANCE, Code, Trigger
from ..compare import Compare
from .axis import GcsError, number

if TYPE_CHECKING:
    from .device import Device

OUTPUTS = ("1", "2", "3", "4")
WIRED = "1"
"""The output with a cable to the detectors; the others can be set up as well."""


class Triggers:
    """Parameters and switches of the outputs."""

    def __init__(self, compare: Compare) -> None:
        self.compare = compare
        self.reset()

    def reset(self) -> None:
        """As after power on."""
        first: dict[int, str] = {**dict.fromkeys(Trigger, "0"), Trigger.STEP: "0.1", Trigger.AXIS: "1"}
        self.parameters = {name: dict(first) for name in OUTPUTS}
        self.on = dict.fromkeys(OUTPUTS, False)
        self.compare.disarm()

    def switch(self, device: "Device") -> None:
        """Do as the wired output says."""
        p = self.parameters[WIRED]
        axis = device.motors.get(p[Trigger.AXIS])
        if not self.on[WIRED] or axis is None or int(p[Trigger.MODE]) != DISTANCE:
            self.compare.disarm()
            return
        start, stop = (float(p[name]) * axis.counts for name in (Trigger.START, Trigger.STOP))
        step = float(p[Trigger.STEP]) * axis.counts * (1 if stop >= start else -1)
        self.compare.rail = axis.rail
        self.compare.arm(start, step, stop)


def configure(device: "Device", words: list[str]) -> Iterable[str]:
    """CTO output parameter value, several of them."""
    if not words or len(words) % 3:
        raise GcsError(Code.COUNT if words else Code.MISSING)
    found = list(zip(words[::3], words[1::3], words[2::3], strict=True))
    for output, parameter, value in found:
        _output(output)
        if not parameter.isdigit() or int(parameter) not in set(Trigger):
            raise GcsError(Code.PARAMETER)
        if int(parameter) == Trigger.AXIS:
            device.named([value])
        elif number(value) <= 0 and int(parameter) == Trigger.STEP:
            raise GcsError(Code.RANGE)
    for output, parameter, value in found:
        device.triggers.parameters[output][int(parameter)] = value
    device.triggers.switch(device)
    return ()


def switch(device: "Device", words: list[str]) -> Iterable[str]:
    """TRO output 0 or 1."""
    if not words or len(words) % 2:
        raise GcsError(Code.COUNT if words else Code.MISSING)
    for output, on in zip(words[::2], words[1::2], strict=True):
        device.triggers.on[_output(output)] = bool(number(on))
    device.triggers.switch(device)
    return ()


def configured(device: "Device", words: list[str]) -> Iterable[str]:
    """CTO? output parameter."""
    pairs = list(zip(words[::2], words[1::2], strict=False))
    known = device.triggers.parameters
    if any(not p.isdigit() or int(p) not in known[_output(output)] for output, p in pairs):
        raise GcsError(Code.PARAMETER)
    pairs = pairs or [(output, str(int(p))) for output in OUTPUTS for p in Trigger]
    return [f"{output} {p}={known[output][int(p)]}" for output, p in pairs]


def switched(device: "Device", words: list[str]) -> Iterable[str]:
    """TRO? output."""
    return [f"{output}={int(device.triggers.on[_output(output)])}" for output in words or OUTPUTS]


def _output(word: str) -> str:
    if word not in OUTPUTS:
        raise GcsError(Code.RANGE)
    return word
