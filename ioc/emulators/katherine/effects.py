"""What follows of a datagram to an emulated Katherine: answers, and the beginning and end of acquisitions."""

from dataclasses import dataclass

from ...protocols.katherine.message import Answer, binary32, word


@dataclass(frozen=True)
class Reply:
    """A datagram for whoever sent the command, so long after it."""

    data: bytes
    after_s: float = 0.0


@dataclass(frozen=True)
class Begin:
    """An acquisition begins."""

    data_driven: bool


@dataclass(frozen=True)
class Stop:
    """The acquisition is told to stop."""


Effect = Reply | Begin | Stop


def ack(op: int, after_s: float = 0.0) -> list[Effect]:
    """Acknowledge plainly."""
    return [Reply(Answer(op).encode(), after_s)]


def octets(op: int, data: bytes, after_s: float = 0.0) -> list[Effect]:
    """Answer with bytes."""
    return [Reply(Answer(op, data).encode(), after_s)]


def number(op: int, value: float, after_s: float = 0.0) -> list[Effect]:
    """Answer with a binary32."""
    return octets(op, binary32(value), after_s)


def integer(op: int, value: int) -> list[Effect]:
    """Answer with a uint32."""
    return octets(op, word(value))
