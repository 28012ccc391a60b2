"""An emulated phyMOTION (pure but for the clock that it is given).

Commands as in the manual and public drivers; what it does not know is answered with NAK, and sets the bit of
an invalid command where it names an axis.
"""

import re

from ...protocols.phytron.telegram import Field
from .device import NO, OK, Device, done, parameter, switched
from .motor import Motor

COMMAND = re.compile(r"^M(?P<axis>\d+\.\d+)(?P<rest>.*)$")
PARAMETER = re.compile(r"^P(?P<number>\d\d)(?:R|=(?P<value>[+-]?\d+))$")
MOVE = re.compile(r"^(?P<absolute>A?)(?P<value>[+-]?\d+)$")
REFERENCE = re.compile(r"^R(?P<side>[+-])(?P<centre>C?)$")
IDENTITY = "MCM01.01 V2.00"


class PhyMotion(Device):
    """The controller; `motors` by their names, as in "1.1"."""

    CHECKED = True

    def answers(self, text: str) -> list[Field]:
        """Several commands, separated by one space."""
        return [self._answer(command) for command in text.split(" ")]

    def _answer(self, command: str) -> Field:
        if command.startswith("SEC") and (motor := self.motors.get(command[3:])):
            motor.clear()
            return OK
        if command.startswith("SE") and (motor := self.motors.get(command[2:])):
            return Field(True, str(motor.status()))
        if match := COMMAND.match(command):
            motor = self.motors.get(match["axis"])
            return self._axis(motor, match["rest"]) if motor else NO
        return self.register(command) or self._whole(command)

    def _whole(self, command: str) -> Field:
        if command == "IM0":
            return Field(True, IDENTITY)
        if command == "S":
            return Field(True, str(len(self.motors)))
        if command == "SH":
            return Field(True, "N" if any(motor.moving for motor in self.motors.values()) else "E")
        if command in ("ST", "STC"):
            return Field(True, "0" if command == "ST" else "")
        if command == "CR":
            self.reboot()
            return OK
        return NO

    def _axis(self, motor: Motor, rest: str) -> Field:
        if match := PARAMETER.match(rest):
            return parameter(motor, int(match["number"]), match["value"])
        if match := MOVE.match(rest):
            value = int(match["value"]) + (0 if match["absolute"] else motor.rail.counter)
            return done(motor, motor.go(value))
        if match := REFERENCE.match(rest):
            return done(motor, motor.home(plus=match["side"] == "+", centre=bool(match["centre"])))
        if rest == "==H":
            return Field(True, "N" if motor.moving else "E")
        return switched(motor, rest) or done(motor, False)
