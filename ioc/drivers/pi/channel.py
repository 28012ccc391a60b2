"""What an axis asks of a PI controller, as its commands."""

from typing import TYPE_CHECKING

from ...axis.actions import (
    Action,
    ClearErrors,
    Enable,
    Home,
    MoveTo,
    Reading,
    SetLimits,
    SetPosition,
    Stop,
    StopHard,
)
from ...protocols.pi.codes import DISTANCE, Param, Trigger
from ..controller import Channel

if TYPE_CHECKING:
    from .driver import Pi


class PiChannel(Channel):
    """One axis of it."""

    def __init__(self, controller: "Pi", name: str) -> None:
        self._controller, self._name = controller, name
        self._stops = 0
        self.pulses = controller.options.trigger_output > 0
        self.pulse_error_s = controller.options.trigger_late_us * 1e-6

    async def compare(self, first: int, pitch: float, count: int) -> None:
        """See `Channel`; by the controller's trigger output, in the mode of equal ways."""
        output, scale = self._controller.options.trigger_output, self._controller.counts[self._name]
        if not output:
            await super().compare(first, pitch, count)
        if not count:
            await self._controller.order([f"TRO {output} 0"])
            return
        given = {
            Trigger.AXIS: self._name,
            Trigger.MODE: str(DISTANCE),
            Trigger.STEP: f"{abs(pitch) / scale:.9g}",
            Trigger.START: f"{first / scale:.9g}",
            # half a pitch on, so that rounding does not take the last one
            Trigger.STOP: f"{(first + (count - 0.5) * pitch) / scale:.9g}",
        }
        lines = [f"CTO {output} {int(parameter)} {value}" for parameter, value in given.items()]
        await self._controller.order([*lines, f"TRO {output} 1"])

    async def read(self) -> Reading:
        """See `Channel`."""
        return await self._controller.read(self._name)

    async def act(self, action: Action) -> None:
        """See `Channel`; Refused with the command and its error."""
        if isinstance(action, Stop | StopHard):
            await self.stop(hard=isinstance(action, StopHard))
            return
        stops = self._stops
        moves = isinstance(action, MoveTo | Home)
        await self._controller.order(self._spell(action), lambda: not moves or stops == self._stops)
        if isinstance(action, Enable | Home | ClearErrors):
            self._controller.switched(self._name, not isinstance(action, Enable) or action.on)

    async def stop(self, *, hard: bool = False) -> None:
        """See `Channel`; STP is for all axes, so it is only used where there is one."""
        self._stops += 1  # a move that waits is not sent any more
        alone = len(self._controller.options.axes) == 1
        await self._controller.order_now("STP" if hard and alone else f"HLT {self._name}")

    def _spell(self, action: Action) -> list[str]:
        axis, scale = self._name, self._controller.counts[self._name]
        match action:
            case MoveTo():
                return [
                    f"VEL {axis} {action.speed_hz / scale:.7g}",
                    *self._ramps(action.ramp_hz_s / scale),
                    f"MOV {axis} {action.steps / scale:.9g}",
                ]
            case Home():
                run = "FRF" if self._controller.options.homing == "switch" else "FNL"
                if run == "FNL" and action.direction > 0:
                    run = "FPL"
                return [
                    f"SVO {axis} 1",
                    f"SPA {axis} {int(Param.HOME_SPEED):#x} {action.speed_hz / scale:.7g}",
                    f"{run} {axis}",
                ]
            case SetPosition():
                return [f"RON {axis} 0", f"POS {axis} {action.steps / scale:.9g}", f"RON {axis} 1"]
            case SetLimits():
                return [
                    f"SPA {axis} {int(param):#x} {steps / scale:.9g}"
                    for param, steps in ((Param.LOW, action.low_steps), (Param.HIGH, action.high_steps))
                    if steps is not None  # its own stay
                ]
            case Enable():
                return [f"SVO {axis} {int(action.on)}"]
            case ClearErrors():
                return [f"SVO {axis} 1"]
        raise TypeError(f"unknown action {action!r}")

    def _ramps(self, ramp: float) -> list[str]:
        return [f"SPA {self._name} {int(p):#x} {ramp:.7g}" for p in (Param.ACCELERATION, Param.DECELERATION)]
