"""An emulated MCC-2 (pure but for the clock that it is given): one command in a telegram.

Order of the status words: the axes in theirs. Soft limits, switches and reference runs are those of `Motor`.
"""

import re

from ...protocols.phytron.status import SPEED_MAX, MccStatus, P, Status
from ...protocols.phytron.telegram import Field
from .device import NO, OK, Device, done, parameter, switched
from .motor import Motor

COMMAND = re.compile(r"^(?P<axis>[XYZW1-8])(?P<rest>.*)$")
PARAMETER = re.compile(r"^P(?P<number>\d\d)(?:R|S(?P<value>[+-]?\d+))$")
MOVE = re.compile(r"^(?P<kind>[AE]?)(?P<value>[+-]\d+)$")
REFERENCE = re.compile(r"^0(?P<side>[+-])$")
VERSIONS = {"IAR": "MCC-2", "IVR": "MINILOG-COMM V2.9"}
SIGNS = {(False, False): "0", (True, False): "+", (False, True): "-", (True, True): "2"}


class Mcc(Device):
    """The controller; `motors` by their names, as in "X"."""

    CHECKED = False

    def answers(self, text: str) -> list[Field]:
        """One command only."""
        return [self._answer(text)]

    def _answer(self, command: str) -> Field:
        if (found := self.register(command)) is not None:
            return found
        if command == "SE":
            return Field(True, "".join(f"{word(motor):04X}" for motor in self.motors.values()))
        if command == "SUI":
            rails = (motor.rail for motor in self.motors.values())
            return Field(
                True, "I=" + "".join(SIGNS[rail.pressed(True), rail.pressed(False)] for rail in rails)
            )
        if command in VERSIONS:
            return Field(True, VERSIONS[command])
        if command == "CR":
            self.reboot()
            return OK
        match = COMMAND.match(command)
        motor = self.motors.get(match["axis"]) if match else None
        return self._axis(motor, match["rest"]) if motor and match else NO

    def _axis(self, motor: Motor, rest: str) -> Field:
        if match := PARAMETER.match(rest):
            number, value = int(match["number"]), match["value"]
            if value is not None and number == P.SPEED and int(value) > SPEED_MAX["mcc"]:
                return NO
            return parameter(motor, number, value)
        if match := MOVE.match(rest):
            # mechanical and electrical zero are one place here
            value = int(match["value"]) + (0 if match["kind"] else motor.rail.counter)
            return done(motor, motor.go(value))
        if match := REFERENCE.match(rest):
            return done(motor, motor.home(plus=match["side"] == "+"))
        if rest in ("=H", "=E"):
            no = motor.moving if rest == "=H" else not motor.stage_error
            return Field(True, "N" if no else "E")
        if rest == "C":
            motor.stop(hard=True)
            motor.clear()
            return OK
        return switched(motor, rest) or NO


def word(motor: Motor) -> int:
    """SE of one axis."""
    bits, found = motor.status(), 0
    for on, bit in (
        (bits & Status.STAGE, MccStatus.STAGE),
        (motor.on, MccStatus.STAGE_ON),
        (bits & Status.LIMIT_MINUS, MccStatus.LIMIT_MINUS),
        (bits & Status.LIMIT_PLUS, MccStatus.LIMIT_PLUS),
        (bits & Status.STEP_LOSS, MccStatus.STEP_LOSS),
        (not bits & Status.RUNNING, MccStatus.STANDSTILL),
        (bits & Status.INITIALISED, MccStatus.REFERENCED),
    ):
        found |= int(bit) if on else 0
    return found
