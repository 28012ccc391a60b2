"""Command and answer: exactly 8 bytes each, little-endian.

byte 0..3 payload   4 sub-index   5 chip   6 opcode   7 opcode, high byte (always 0)
"""

import struct
from dataclasses import dataclass

BYTES = 8
_REQUEST = struct.Struct("<4sBBH")
_ANSWER = struct.Struct("<6sH")


@dataclass(frozen=True, slots=True)
class Request:
    """A command to the readout."""

    op: int
    payload: bytes = bytes(4)
    """4 bytes."""
    index: int = 0
    chip: int = 0

    def encode(self) -> bytes:
        """The datagram."""
        return _REQUEST.pack(self.payload, self.index, self.chip, self.op)

    @classmethod
    def decode(cls, data: bytes) -> "Request | None":
        """Read a datagram as the readout does: of a longer one the first 8 bytes; None for a shorter one."""
        if len(data) < BYTES:
            return None
        payload, index, chip, op = _REQUEST.unpack_from(data)
        return cls(op, payload, index, chip)

    @property
    def value(self) -> int:
        """The payload as uint32."""
        return int.from_bytes(self.payload, "little")

    @property
    def number(self) -> float:
        """The payload as binary32."""
        return float(struct.unpack("<f", self.payload)[0])


@dataclass(frozen=True, slots=True)
class Answer:
    """A datagram from the readout's control port."""

    op: int
    data: bytes = bytes(6)
    """6 bytes; all zero in a plain acknowledgement."""

    def encode(self) -> bytes:
        """The datagram."""
        return _ANSWER.pack(self.data.ljust(6, b"\0"), self.op)

    @classmethod
    def decode(cls, data: bytes) -> "Answer | None":
        """Read a datagram; None when it has not exactly 8 bytes, which no readout sends."""
        if len(data) != BYTES:
            return None
        payload, op = _ANSWER.unpack(data)
        return cls(op, payload)

    @property
    def value(self) -> int:
        """Bytes 0 to 3 as uint32."""
        return int.from_bytes(self.data[:4], "little")

    @property
    def number(self) -> float:
        """Bytes 0 to 3 as binary32."""
        return float(struct.unpack("<f", self.data[:4])[0])


def word(value: int) -> bytes:
    """Payload of one uint32; raises ValueError when it does not fit."""
    if not 0 <= value < 1 << 32:
        raise ValueError(f"{value} does not fit 32 bits without sign")
    return value.to_bytes(4, "little")


def binary32(value: float) -> bytes:
    """Payload of one float."""
    return struct.pack("<f", value)
