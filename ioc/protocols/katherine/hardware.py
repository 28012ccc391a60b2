"""What a readout says of itself: hardware type, revision, serial number, firmware, chip id, links."""

import struct
from dataclasses import dataclass

from .message import Answer


@dataclass(frozen=True, slots=True)
class Hardware:
    """A type of readout."""

    name: str
    chip: str
    generation: int
    """Decides the layout of the data words; by the type, not by the firmware (libkatherine 2.0-dev)."""
    max_chips: int
    bias_supplies: int | None
    """None: not public."""


TYPES = {
    0x01: Hardware("Katherine for Timepix3", "Timepix3", 1, 1, 1),
    0x02: Hardware("Katherine for Timepix2", "Timepix2", 1, 1, None),
    0x03: Hardware("Katherine for Timepix3, second generation", "Timepix3", 2, 8, 2),
    0x0A: Hardware("Katherine for Timepix4", "Timepix4", 1, 1, None),
    0x20: Hardware("HardPix Timepix3", "Timepix3", 1, 2, None),
    0x21: Hardware("HardPix Timepix2", "Timepix2", 1, 2, None),
    0x24: Hardware("HardPix Timepix2-Lite", "Timepix2", 1, 1, None),
    0x25: Hardware("Monique", "Timepix3", 1, 1, None),
    0x26: Hardware("RFPix", "Timepix2", 1, 1, None),
    0x27: Hardware("HardPix2 Timepix2", "Timepix2", 2, 2, None),
}
"""By byte 0 of the status; from libkatherine 2.0-dev. Only those with a Timepix3 are driven."""

_STATUS = struct.Struct("<BBHH")


@dataclass(frozen=True, slots=True)
class Status:
    """Answer to 0x17."""

    type: int
    revision: int
    serial: int
    firmware: int

    @classmethod
    def of(cls, answer: Answer) -> "Status":
        """Read an answer."""
        return cls(*_STATUS.unpack(answer.data))

    def encode(self) -> bytes:
        """Bytes 0 to 5 of the answer."""
        return _STATUS.pack(self.type, self.revision, self.serial, self.firmware)

    @property
    def hardware(self) -> Hardware | None:
        """What is known of this type; None for one that is not."""
        return TYPES.get(self.type)


@dataclass(frozen=True, slots=True)
class CommStatus:
    """Answer to 0x18."""

    lines: int
    """Mask of active links to the chip."""
    rate: int
    """Raw; the unit is disputed, see `Profile.rate_unit_mbps`."""
    chips: int
    """A count when idle, 0 or 1 while measuring (libkatherine 2.0-dev)."""
    measuring: int

    @classmethod
    def of(cls, answer: Answer) -> "CommStatus":
        """Read an answer."""
        return cls(*answer.data[:4])

    def encode(self) -> bytes:
        """Bytes 0 to 5 of the answer."""
        return bytes((self.lines, self.rate, self.chips, self.measuring, 0, 0))


@dataclass(frozen=True, slots=True)
class ChipId:
    """Answer to 0x0B: column letter, row and wafer, as in K7-W0005."""

    word: int

    @property
    def text(self) -> str:
        """Letter, row, -W, wafer in four digits (libkatherine 2.0-dev; 1.0.1 writes W000 before it)."""
        column = self.word & 0xF
        letter = chr(ord("A") + column - 1) if column else "?"
        return f"{letter}{self.word >> 4 & 0xF}-W{self.word >> 8 & 0xFFF:04d}"

    @property
    def valid(self) -> bool:
        """Word 0 is no chip: it is what a command echoed back looks like."""
        return self.word != 0

    @classmethod
    def parse(cls, text: str) -> "ChipId":
        """Read the text form; ValueError when it is none."""
        head, dash, wafer = text.partition("-W")
        row, digits = head[1:], "0123456789"
        if not (dash and row and wafer and "A" <= head[0] <= "O" and not (row + wafer).strip(digits)):
            raise ValueError(f"chip id {text!r}: must be column A to O, row, -W, wafer, as in K7-W0005")
        if int(row) > 15 or int(wafer) > 4095:
            raise ValueError(f"chip id {text!r}: the row must be at most 15, the wafer at most 4095")
        return cls(ord(head[0]) - ord("A") + 1 | int(row) << 4 | int(wafer) << 8)
