"""Emulated phyMOTION and MCC as instruments."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from hitline.bus.attribute import Attribute

from ...protocols.phytron.status import DEFAULTS, MCC_DEFAULTS
from ..motion import MotionEmulator, MotionEmulatorOptions
from ..rail import Rail
from .device import Device
from .mcc import Mcc
from .motor import Motor
from .phymotion import PhyMotion


@dataclass(frozen=True, kw_only=True)
class PhyMotionEmulatorOptions(MotionEmulatorOptions):
    """Options of an emulated phyMOTION."""

    port: int = field(default=22222, metadata={"low": 0, "high": 65535})
    """TCP port; 0: any."""
    axes: tuple[str, ...] = ("1.1",)
    """Axes that exist, as module.axis."""


@dataclass(frozen=True, kw_only=True)
class MccEmulatorOptions(MotionEmulatorOptions):
    """Options of an emulated MCC."""

    axes: tuple[str, ...] = ("X",)
    """Axes that exist: X Y Z W, or 1 to 8."""


class PhyMotionEmulator(MotionEmulator):
    """A phyMOTION and its rails."""

    ATTRIBUTES: ClassVar[tuple[Attribute, ...]] = (
        *MotionEmulator.ATTRIBUTES,
        Attribute("stage_error", "bool", "The power stage has failed.", access="rw"),
        Attribute("step_loss", "bool", "The controller sees lost steps.", access="rw"),
    )
    Options: ClassVar[type | None] = PhyMotionEmulatorOptions
    DEVICE: ClassVar[type[Device]] = PhyMotion
    DEFAULTS: ClassVar[dict[int, int]] = DEFAULTS

    def make(self, rails: dict[str, Rail], clock_s: Callable[[], float]) -> Any:
        """See `MotionEmulator`."""
        motors = {
            name: Motor(rail, encoder=self.options.encoder, parameters=dict(self.DEFAULTS))
            for name, rail in rails.items()
        }
        return self.DEVICE(motors, clock_s)

    async def set_stage_error(self, value: bool) -> bool:
        """Let the power stage fail."""
        return self.fault(self.motor, "stage_error", value)

    async def set_step_loss(self, value: bool) -> bool:
        """Let the controller see lost steps."""
        return self.fault(self.motor, "step_loss", value)


class MccEmulator(PhyMotionEmulator):
    """An MCC and its rails."""

    Options: ClassVar[type | None] = MccEmulatorOptions
    DEVICE: ClassVar[type[Device]] = Mcc
    DEFAULTS: ClassVar[dict[int, int]] = MCC_DEFAULTS
