"""What an axis asks of a phyMOTION, as its commands."""

from typing import TYPE_CHECKING

from hitline.bus.attribute import Refused

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
from ...protocols.phytron.status import RAMPS, SPEED_MAX
from ..controller import Channel

if TYPE_CHECKING:
    from .driver import PhyMotion


class PhyMotionChannel(Channel):
    """One axis of it."""

    fastest_hz = float(SPEED_MAX["phymotion"])

    def __init__(self, controller: "PhyMotion", name: str) -> None:
        self._controller, self._name = controller, name

    async def read(self) -> Reading:
        """See `Channel`."""
        return await self._controller.read(self._name)

    async def act(self, action: Action) -> None:
        """See `Channel`; Refused with the command that was answered with NAK."""
        if isinstance(action, Stop | StopHard):
            await self.stop(hard=isinstance(action, StopHard))
            return
        stops = self._controller.stops
        commands = self._commands(action)
        if not commands:
            return
        for command, field_ in zip(
            commands, await self._controller.exchange(commands, stops=stops), strict=False
        ):
            if not field_.ok:
                raise Refused("failed", f"{self._name}: the controller does not take {command!r}")

    async def stop(self, *, hard: bool = False) -> None:
        """See `Channel`."""
        await self._controller.now([f"M{self._name}{'SN' if hard else 'S'}"])

    def _commands(self, action: Action) -> list[str]:
        axis = f"M{self._name}"
        match action:
            case MoveTo():
                return [f"SEC{self._name}", *self._speeds(action), f"{axis}A{action.steps:+d}"]
            case Home():
                side, centre = "+-"[action.direction < 0], self._controller.options.homing == "centre"
                return [
                    f"SEC{self._name}",
                    f"{axis}P08={self._speed(action.speed_hz)}",
                    f"{axis}P09={_ramp(action.ramp_hz_s)}",
                    f"{axis}P10={self._speed(action.creep_hz)}",
                    f"{axis}R{side}{'C' if centre else ''}",
                ]
            case SetPosition():
                return [f"{axis}P20={action.steps}", f"{axis}P22={action.encoder}"]
            case SetLimits():
                # 0 is none, so a limit at 0 is given one step further out.
                low = 0 if action.low_steps is None else action.low_steps or -1
                high = 0 if action.high_steps is None else action.high_steps or 1
                return [f"{axis}P24={low}", f"{axis}P23={high}"]
            case Enable():
                return [f"{axis}{'MA' if action.on else 'MD'}"]
            case ClearErrors():
                return [f"SEC{self._name}"]
        raise TypeError(f"unknown action {action!r}")

    def _speeds(self, move: MoveTo) -> list[str]:
        axis = f"M{self._name}"
        return [
            f"{axis}P14={self._speed(move.speed_hz)}",
            f"{axis}P04={self._speed(move.start_hz)}",
            f"{axis}P15={_ramp(move.ramp_hz_s)}",
        ]

    def _speed(self, hz: float) -> int:
        return int(min(max(round(hz), 1), SPEED_MAX["phymotion"]))


def _ramp(hz_s: float) -> int:
    return int(min(max(hz_s, RAMPS[0]), RAMPS[1]))
