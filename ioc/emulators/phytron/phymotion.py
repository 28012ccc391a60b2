"""An emulated phyMOTION: telegrams in, telegrams out (pure but for the clock that it is given).

Commands as in the manual and public drivers; what it does not know is answered with NAK, and sets the bit of
an invalid command where it names an axis.
"""

import re
from collections.abc import Callable, Mapping

from ...protocols.phytron.telegram import (
    BROADCAST,
    Field,
    Framer,
    TelegramError,
    decode_request,
    encode_reply,
)
from .motor import Motor

COMMAND = re.compile(r"^M(?P<axis>\d+\.\d+)(?P<rest>.*)$")
PARAMETER = re.compile(r"^P(?P<number>\d\d)(?:R|=(?P<value>[+-]?\d+))$")
MOVE = re.compile(r"^(?P<absolute>A?)(?P<value>[+-]?\d+)$")
REFERENCE = re.compile(r"^R(?P<side>[+-])(?P<centre>C?)$")
REGISTER = re.compile(r"^R(?P<number>\d{4})(?:R|=(?P<value>[+-]?\d+))$")
IDENTITY = "MCM01.01 V2.00"
FAR = 10**9
"""Goal of a free run."""
BOOT_S = 3.0
"""Deaf so long after a reset."""
OK, NO = Field(True, ""), Field(False, "")


class PhyMotion:
    """The controller; `motors` by their names, as in "1.1"."""

    def __init__(self, motors: Mapping[str, Motor], clock: Callable[[], float], address: str = "0") -> None:
        self.motors, self.address, self._clock = dict(motors), address, clock
        self._framer = Framer()
        self._registers: dict[int, int] = {}
        self.refuse = 0
        """Telegrams to come that are answered with NAK."""
        self.telegrams = 0
        self._deaf_until = 0.0

    def receive(self, data: bytes) -> list[bytes]:
        """Take bytes; give the replies."""
        if self._clock() < self._deaf_until:
            return []
        replies = []
        for frame in self._framer.feed(data):
            self.telegrams += 1
            try:
                address, text, checked = decode_request(frame)
            except TelegramError:
                replies.append(encode_reply([NO]))
                continue
            if address not in (self.address, BROADCAST):
                continue
            if not checked:  # the checksum is not optional here
                replies.append(encode_reply([NO]))
                continue
            fields = [self._answer(command) for command in text.split(" ")]
            if self.refuse:
                self.refuse -= 1
                fields = [NO for _ in fields]
            if address != BROADCAST and self._clock() >= self._deaf_until:
                replies.append(encode_reply(fields))
        return replies

    def reboot(self, seconds: float = BOOT_S) -> None:
        """Power off and on: motors stop where they are, references and registers are gone."""
        self._deaf_until = self._clock() + seconds
        self._registers.clear()
        for motor in self.motors.values():
            motor.stop(hard=True)
            motor.clear()
            motor.rail.look()
            motor.referenced = False

    def _answer(self, command: str) -> Field:
        if command.startswith("SEC") and (motor := self.motors.get(command[3:])):
            motor.clear()
            return OK
        if command.startswith("SE") and (motor := self.motors.get(command[2:])):
            return Field(True, str(motor.status()))
        if match := COMMAND.match(command):
            motor = self.motors.get(match["axis"])
            return self._axis(motor, match["rest"]) if motor else NO
        if match := REGISTER.match(command):
            number = int(match["number"])
            if match["value"] is not None:
                self._registers[number] = int(match["value"])
                return OK
            return Field(True, str(self._registers.get(number, 0)))
        return self._whole(command)

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
            number = int(match["number"])
            if match["value"] is None:
                value = motor.read(number)
                return NO if value is None else Field(True, str(value))
            return self._done(motor, motor.write(number, int(match["value"])))
        if match := MOVE.match(rest):
            value = int(match["value"]) + (0 if match["absolute"] else motor.rail.counter)
            return self._done(motor, motor.go(value))
        if match := REFERENCE.match(rest):
            return self._done(motor, motor.home(plus=match["side"] == "+", centre=bool(match["centre"])))
        if rest in ("L+", "L-"):
            return self._done(motor, motor.go(FAR if rest == "L+" else -FAR))
        if rest in ("S", "SN"):
            motor.stop(hard=rest == "SN")
            return OK
        if rest in ("MA", "MD"):
            motor.on = rest == "MA"
            return OK
        if rest == "==H":
            return Field(True, "N" if motor.moving else "E")
        return self._done(motor, False)

    def _done(self, motor: Motor, good: bool) -> Field:
        if not good:
            motor.invalid()
        return OK if good else NO
