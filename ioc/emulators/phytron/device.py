"""What emulated phyMOTION and MCC have in common: telegrams in, telegrams out, registers, restarts (pure)."""

import re
from abc import ABC, abstractmethod
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

FAR = 10**9
"""Goal of a free run."""
BOOT_S = 3.0
"""Deaf so long after a reset."""
OK, NO = Field(True, ""), Field(False, "")
REGISTER = re.compile(r"^R(?P<number>\d{4})(?:R|[=S](?P<value>[+-]?\d+))$")


class Device(ABC):
    """A controller; `motors` by their names."""

    CHECKED: bool
    """It does not take a telegram without a checksum."""

    def __init__(self, motors: Mapping[str, Motor], clock: Callable[[], float], address: str = "0") -> None:
        self.motors, self.address, self._clock = dict(motors), address, clock
        self._framer = Framer()
        self._registers: dict[int, int] = {}
        self.refuse = 0
        """Telegrams to come that are answered with NAK."""
        self.telegrams = 0
        self._deaf_until = 0.0

    @abstractmethod
    def answers(self, text: str) -> list[Field]:
        """Carry out what a telegram says."""

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
            if self.CHECKED and not checked:
                replies.append(encode_reply([NO]))
                continue
            fields = self.answers(text)
            if self.refuse:
                self.refuse -= 1
                fields = [NO for _ in fields]
            if address != BROADCAST and self._clock() >= self._deaf_until:
                replies.append(encode_reply(fields, checked=checked))
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

    def register(self, command: str) -> Field | None:
        """Read or write a register; None when the command is not about one."""
        if not (match := REGISTER.match(command)):
            return None
        number = int(match["number"])
        if match["value"] is not None:
            self._registers[number] = int(match["value"])
            return OK
        return Field(True, str(self._registers.get(number, 0)))


def switched(motor: Motor, rest: str) -> Field | None:
    """Stop and power stage, the same in both; None when it is another command."""
    if rest in ("S", "SN"):
        motor.stop(hard=rest == "SN")
        return OK
    if rest in ("MA", "MD"):
        motor.on = rest == "MA"
        return OK
    if rest in ("L+", "L-"):
        return done(motor, motor.go(FAR if rest == "L+" else -FAR))
    return None


def parameter(motor: Motor, number: int, value: str | None) -> Field:
    """Read a parameter, or write it."""
    if value is not None:
        return done(motor, motor.write(number, int(value)))
    found = motor.read(number)
    return NO if found is None else Field(True, str(found))


def done(motor: Motor, good: bool) -> Field:
    """ACK; or NAK, and the axis remembers that its last command was none."""
    if not good:
        motor.invalid()
    return OK if good else NO
