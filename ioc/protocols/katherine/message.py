"""Command and answer: exactly 8 bytes each, little-endian.

byte 0..3 payload   4 sub-index   5 chip   6 opcode   7 opcode, high byte (always 0)
"""

import struct
from dataclasses import dataclass

BYTES = 8
FLOAT_MAX = (2 - 2**-23) * 2.0**127
"""Largest binary32."""
_REQUEST = struct.Struct("<4sBBH")
_ANSWER = struct.Struct("<6sH")


@dataclass(frozen=True, slots=True)
class Request:
    """A command to the readout."""

    op: int
    payload: bytes = bytes(4)
    """4 bytes."""
    index: int = 0
    """Sub-index, byte 4."""
    chip: int = 0
    """Chip of a readout with several, byte 5."""

    def __post_init__(self) -> None:
        if len(self.payload) != 4:
            raise ValueError(f"command 0x{self.op:02x}: payload of {len(self.payload)} bytes: must be 4")
        for name, value, bits in (("number", self.op, 16), ("index", self.index, 8), ("chip", self.chip, 8)):
            if not 0 <= value < 1 << bits:
                raise ValueError(
                    f"command 0x{self.op:02x}: {name} of {value}: must be 0 to {(1 << bits) - 1}"
                )

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
    """Up to 6 bytes, filled up with zeros; all zero in a plain acknowledgement."""

    def __post_init__(self) -> None:
        if len(self.data) > 6:
            raise ValueError(f"answer 0x{self.op:02x}: {len(self.data)} bytes of data: must be at most 6")

    def encode(self) -> bytes:
        """The datagram."""
        return _ANSWER.pack(self.data, self.op)

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
        raise ValueError(f"{value} does not fit a command: must be 0 to {(1 << 32) - 1}")
    return value.to_bytes(4, "little")


def binary32(value: float) -> bytes:
    """Payload of one float; raises ValueError when it is not finite or too large."""
    if not abs(value) <= FLOAT_MAX:
        raise ValueError(f"{value} does not fit a command: must be finite, at most {FLOAT_MAX:.3g}")
    return struct.pack("<f", value)
