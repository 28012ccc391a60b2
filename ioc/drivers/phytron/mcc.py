"""Phytron MCC-1 and MCC-2: a controller of up to eight steppers on a serial line; one command in a telegram.

It has no latched errors to clear and no reference run to a centre switch. By its default (P01 = 0) an axis
ignores its limit switches; the driver makes it linear together with the soft limits, unless told not to.
"""

from dataclasses import dataclass, field
from typing import ClassVar

from ...axis.actions import Action, ClearErrors, Enable, Home, MoveTo, Reading, SetLimits, SetPosition
from ...protocols.phytron.status import MCC_PROBLEMS, NO_STAGE, SPEED_MAX, MccStatus, mcc_words
from ...protocols.phytron.telegram import Field, encode
from ..line_controller import LineOptions
from .controller import PhytronController, Wanted, always, ramp, speed

NAMES = "XYZW"
"""Axes of an MCC-2 by letter; others are numbers from 1."""


@dataclass(frozen=True, kw_only=True)
class MccOptions(LineOptions):
    """Options of an MCC."""

    baud: int = field(default=57600, metadata={"low": 300, "high": 4_000_000})
    """Of a serial port."""
    address: str = field(default="0", metadata={"pattern": "[0-9A-F]"})
    """Setting of its address switch."""
    axes: tuple[str, ...] = ("X",)
    """Axes that exist: X Y Z W, or 1 to 8."""
    linear: bool = True
    """Limit switches are watched (P01 = 1); off: rotary, they are ignored."""
    checksum: bool = True
    """Telegrams have a checksum; it takes them without, too."""


class Mcc(PhytronController):
    """The controller."""

    Options: ClassVar[type | None] = MccOptions
    TYPE: ClassVar[str] = "mcc"
    SETS: ClassVar[str] = "S"
    IDENTITY: ClassVar[str] = "IVR"
    FASTEST_HZ: ClassVar[float] = float(SPEED_MAX["mcc"])

    def encode(self, commands: list[str]) -> bytes:
        """With a checksum or without, by the option."""
        return encode(commands, self.options.address, checked=self.options.checksum)

    async def exchange(self, commands: list[str], wanted: Wanted = always) -> list[Field]:
        """Send one after the other; a move is not begun after a NAK, nor when it is not wanted any more."""
        answers: list[Field] = []
        for command in commands:
            answer = await self.telegram([command], wanted)
            answers += answer
            if not answer or (wanted is not always and not answer[0].ok):
                break
        return answers

    async def readings(self, names: list[str]) -> list[Reading]:
        """See `LineController`."""
        fields = await self.asked_marked(["SE", *(f"{n}P{p}R" for n in names for p in (20, 22))])
        words = mcc_words(fields[0].text) if fields[0].ok else []
        return [self._reading(words, name, fields[1 + 2 * n : 3 + 2 * n]) for n, name in enumerate(names)]

    def _reading(self, words: list[int], axis: str, fields: list[Field]) -> Reading:
        number = NAMES.index(axis) if axis in NAMES else int(axis) - 1
        if number >= len(words) or not all(field.ok for field in fields):
            raise ValueError(f"axis {axis} is not there: the controller has {len(words)}")
        bits, (steps, encoder) = words[number], (int(field.text) for field in fields)
        problems = [text for bit, text in MCC_PROBLEMS.items() if bits & bit]
        return Reading(
            steps,
            encoder,
            moving=not bits & MccStatus.STANDSTILL,
            limit_plus=bool(bits & MccStatus.LIMIT_PLUS),
            limit_minus=bool(bits & MccStatus.LIMIT_MINUS),
            homed=bool(bits & MccStatus.REFERENCED),
            enabled=bool(bits & MccStatus.STAGE_ON),
            problem="no power stage" if bits & NO_STAGE == NO_STAGE else ", ".join(problems),
            slip=bool(bits & MccStatus.STEP_LOSS),
            boots=self.boots,
        )

    def stop_command(self, axis: str, *, hard: bool) -> str:
        """See `PhytronController`."""
        return f"{axis}{'SN' if hard else 'S'}"

    def spell(self, axis: str, action: Action) -> list[str]:
        """See `PhytronController`."""
        match action:
            case MoveTo():
                return [
                    f"{axis}P14S{speed(action.speed_hz, self.FASTEST_HZ)}",
                    f"{axis}P04S{speed(action.start_hz, self.FASTEST_HZ)}",
                    f"{axis}P15S{ramp(action.ramp_hz_s)}",
                    f"{axis}A{action.steps:+d}",
                ]
            case Home():
                return [
                    f"{axis}P08S{speed(action.speed_hz, self.FASTEST_HZ)}",
                    f"{axis}P09S{ramp(action.ramp_hz_s)}",
                    f"{axis}P10S{speed(action.creep_hz, self.FASTEST_HZ)}",
                    f"{axis}0{'+-'[action.direction < 0]}",
                ]
            case SetPosition():
                return [f"{axis}P20S{action.steps}", f"{axis}P22S{action.encoder}"]
            case SetLimits():
                # 0 is none, so a limit at 0 is given one step further out.
                low = 0 if action.low_steps is None else action.low_steps or -1
                high = 0 if action.high_steps is None else action.high_steps or 1
                return [f"{axis}P01S{int(self.options.linear)}", f"{axis}P24S{low}", f"{axis}P23S{high}"]
            case Enable():
                return [f"{axis}{'MA' if action.on else 'MD'}"]
            case ClearErrors():
                return []
        raise TypeError(f"unknown action {action!r}")
