"""An emulated PI controller as an instrument."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from hitline.bus.attribute import Attribute

from ..motion import MotionEmulator, MotionEmulatorOptions
from ..rail import Rail
from .axis import Axis
from .device import MODELS, Device


@dataclass(frozen=True, kw_only=True)
class PiEmulatorOptions(MotionEmulatorOptions):
    """Options of an emulated PI controller."""

    port: int = field(default=50000, metadata={"low": 0, "high": 65535})
    """TCP port; 0: any."""
    model: str = field(default="C-863", metadata={"choices": tuple(MODELS)})
    """Which controller."""
    number: int = field(default=1, metadata={"low": 1, "high": 16})
    """Its address in a chain."""
    counts_per_unit: float = field(default=1000.0, metadata={"low": 1e-3})
    """Counts of the encoder for each unit."""
    travel: float = 0.0
    """Half of the travel range, in units; 0: all of the rail."""
    referenced: bool = False
    """As if a reference run had been made, with the servo on."""


class PiEmulator(MotionEmulator):
    """A PI controller and its rails; steps are counts."""

    ATTRIBUTES: ClassVar[tuple[Attribute, ...]] = (
        *MotionEmulator.ATTRIBUTES,
        Attribute("motion_error", "bool", "Position errors are too large.", access="rw"),
    )
    Options: ClassVar[type | None] = PiEmulatorOptions

    def make(self, rails: dict[str, Rail], clock_s: Callable[[], float]) -> Any:
        """See `MotionEmulator`."""
        o = self.options
        travel = o.travel or o.rail_steps / o.counts_per_unit
        axes = {
            name: Axis(rail, o.counts_per_unit, travel, servo=o.referenced, referenced=o.referenced)
            for name, rail in rails.items()
        }
        return Device(axes, clock_s, o.model, o.number, self.compare)

    async def set_motion_error(self, value: bool) -> bool:
        """Let the position error be too large: the servo goes off."""
        return self.fault(self.motor, "motion_error", value)
