"""Phytron phyMOTION: a controller of several steppers, over TCP or a serial line.

Readings that are asked for together go into one telegram. Stop goes out at once, before all that waits, and a
move that was waiting is then not sent any more. Start-up writes the soft limits, which an axis programs once
it has read where it is, and a mark in a register that moves nothing.
"""

from dataclasses import dataclass, field
from typing import ClassVar

from ...axis.actions import Action, ClearErrors, Enable, Home, MoveTo, Reading, SetLimits, SetPosition
from ...protocols.phytron.status import BUSY_BITS, PROBLEMS, SPEED_MAX, Status
from ...protocols.phytron.telegram import Field
from ..line_controller import LineOptions
from .controller import PhytronController, Wanted, always, ramp, speed


@dataclass(frozen=True, kw_only=True)
class PhyMotionOptions(LineOptions):
    """Options of a phyMOTION."""

    address: str = field(default="0", metadata={"pattern": "[0-9A-F]"})
    """Address in the telegrams."""
    axes: tuple[str, ...] = ("1.1",)
    """Axes that exist, as module.axis."""
    homing: str = field(default="limit", metadata={"choices": ("limit", "centre")})
    """What a reference run looks for."""


class PhyMotion(PhytronController):
    """The controller."""

    Options: ClassVar[type | None] = PhyMotionOptions
    TYPE: ClassVar[str] = "phymotion"
    IDENTITY: ClassVar[str] = "IM0"
    FASTEST_HZ: ClassVar[float] = float(SPEED_MAX["phymotion"])

    async def exchange(self, commands: list[str], wanted: Wanted = always) -> list[Field]:
        """Send them in one telegram."""
        return await self.telegram(commands, wanted)

    async def readings(self, names: list[str]) -> list[Reading]:
        """See `LineController`."""
        asked = [c for name in names for c in (f"SE{name}", f"M{name}P20R", f"M{name}P22R")]
        fields = await self.asked_marked(asked)
        return [self._reading(fields[n : n + 3]) for n in range(0, len(fields), 3)]

    def _reading(self, fields: list[Field]) -> Reading:
        if not all(field.ok for field in fields):
            raise ValueError("the axis is not there: check the modules of the controller")
        bits, steps, encoder = (int(field.text) for field in fields)
        return Reading(
            steps,
            encoder,
            moving=bool(bits & BUSY_BITS),
            limit_plus=bool(bits & Status.LIMIT_PLUS),
            limit_minus=bool(bits & Status.LIMIT_MINUS),
            home_switch=bool(bits & Status.CENTRE),
            homed=bool(bits & Status.INITIALISED),
            problem=", ".join(text for bit, text in PROBLEMS.items() if bits & bit),
            slip=bool(bits & Status.STEP_LOSS),
            boots=self.boots,
        )

    def stop_command(self, axis: str, *, hard: bool) -> str:
        """See `PhytronController`."""
        return f"M{axis}{'SN' if hard else 'S'}"

    def spell(self, axis: str, action: Action) -> list[str]:
        """See `PhytronController`."""
        m = f"M{axis}"
        match action:
            case MoveTo():
                return [
                    f"SEC{axis}",
                    f"{m}P14={speed(action.speed_hz, self.FASTEST_HZ)}",
                    f"{m}P04={speed(action.start_hz, self.FASTEST_HZ)}",
                    f"{m}P15={ramp(action.ramp_hz_s)}",
                    f"{m}A{action.steps:+d}",
                ]
            case Home():
                side, centre = "+-"[action.direction < 0], self.options.homing == "centre"
                return [
                    f"SEC{axis}",
                    f"{m}P08={speed(action.speed_hz, self.FASTEST_HZ)}",
                    f"{m}P09={ramp(action.ramp_hz_s)}",
                    f"{m}P10={speed(action.creep_hz, self.FASTEST_HZ)}",
                    f"{m}R{side}{'C' if centre else ''}",
                ]
            case SetPosition():
                return [f"{m}P20={action.steps}", f"{m}P22={action.encoder}"]
            case SetLimits():
                # 0 is none, so a limit at 0 is given one step further out.
                low = 0 if action.low_steps is None else action.low_steps or -1
                high = 0 if action.high_steps is None else action.high_steps or 1
                return [f"{m}P24={low}", f"{m}P23={high}"]
            case Enable():
                return [f"{m}{'MA' if action.on else 'MD'}"]
            case ClearErrors():
                return [f"SEC{axis}"]
        raise TypeError(f"unknown action {action!r}")
