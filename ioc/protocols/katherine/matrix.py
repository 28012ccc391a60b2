"""The configuration of the 256 x 256 pixels: mask, threshold trim, test pulse; in files and on the wire.

Arrays are [y, x] as in every picture here: row 0 is the bottom one.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

SIDE = 256
BYTES = SIDE * SIDE
CHUNK = 1024
"""Bytes in a datagram of an upload."""
FORMATS = ("BMC", "BPC", "ASCII")
FileFormat = Literal["BMC", "BPC", "ASCII"]

_REVERSED = np.array([int(f"{trim:04b}"[::-1], 2) for trim in range(16)], np.uint8)
_X, _Y = np.meshgrid(np.arange(SIDE), np.arange(SIDE))
OFFSET: NDArray[np.intp] = 256 * _X + 4 * (63 - (_Y >> 2)) + (_Y & 3)
"""int[256, 256]: place of pixel [y, x] in the stream of an upload."""


def _zeros() -> NDArray[np.uint8]:
    return np.zeros((SIDE, SIDE), np.uint8)


@dataclass(frozen=True, eq=False)
class Pixels:
    """uint8[256, 256] each, [y, x]; nobody writes to them after it was made."""

    mask: NDArray[np.uint8] = field(default_factory=_zeros)
    """1: the pixel is off."""
    trim: NDArray[np.uint8] = field(default_factory=_zeros)
    """Threshold trim, 0 to 15, in natural order."""
    pulse: NDArray[np.uint8] = field(default_factory=_zeros)
    """1: the pixel takes test pulses."""

    def __post_init__(self) -> None:
        for name, part, high in (("mask", self.mask, 1), ("trim", self.trim, 15), ("pulse", self.pulse, 1)):
            if part.shape != (SIDE, SIDE) or part.dtype != np.uint8:
                raise ValueError(f"{name}: {part.dtype}{list(part.shape)}: must be uint8[{SIDE}, {SIDE}]")
            if np.any(part > high):
                y, x = np.argwhere(part > high)[0]
                raise ValueError(f"{name} of pixel {x}, {y}: {part[y, x]} must be 0 to {high}")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Pixels) and bool(np.array_equal(self.codes(), other.codes()))

    def codes(self) -> NDArray[np.uint8]:
        """The byte of each pixel in the chip's order of bits, uint8[256, 256]: the trim is reversed."""
        codes = self.mask | _REVERSED[self.trim] << 1 | self.pulse << 5
        return codes.astype(np.uint8)

    @classmethod
    def of_codes(cls, codes: NDArray[np.uint8]) -> "Pixels":
        """The inverse; raises ValueError for bits that no pixel has."""
        if codes.shape != (SIDE, SIDE):
            raise ValueError(f"pixel configuration of shape {codes.shape}: must be ({SIDE}, {SIDE})")
        if np.any(codes & 0xC0):
            y, x = np.argwhere(codes & 0xC0)[0]
            raise ValueError(f"pixel {x}, {y}: byte 0x{codes[y, x]:02x} has bits above 5, which must be 0")
        bits = (codes & 1, _REVERSED[codes >> 1 & 0xF], codes >> 5 & 1)
        return cls(*(part.astype(np.uint8) for part in bits))

    def upload(self) -> bytes:
        """The 65536 bytes that follow command 0x12."""
        stream = np.empty(BYTES, np.uint8)
        stream[OFFSET] = self.codes()
        return stream.tobytes()

    @classmethod
    def of_upload(cls, stream: bytes) -> "Pixels":
        """The inverse; raises ValueError for another number of bytes, or bits that no pixel has."""
        if len(stream) != BYTES:
            raise ValueError(f"pixel configuration of {len(stream)} bytes: must be {BYTES}")
        return cls.of_codes(np.frombuffer(stream, np.uint8)[OFFSET])


def format_of(path: Path) -> FileFormat:
    """Format by the suffix: .bmc, .bpc; anything else is ASCII."""
    suffix = path.suffix.lower()
    return "BMC" if suffix == ".bmc" else "BPC" if suffix == ".bpc" else "ASCII"


def read(path: Path, kind: FileFormat | None = None) -> Pixels:
    """Read a file; its format is `kind`, else by the suffix.

    BMC (BurdaMan): 65536 bytes as the chip has them, row by row. BPC (Pixet): the same with the trim in
    natural order. ASCII (Constellation): a line for each pixel with column, row, trim, mask, test pulse.
    ValueError names file, place and what would be right.
    """
    kind = kind or format_of(path)
    if kind == "ASCII":
        return _read_ascii(path)
    data = path.read_bytes()
    if len(data) != BYTES:
        raise ValueError(f"{path}: {len(data)} bytes, a {kind} file has {BYTES}: damaged, or another kind")
    codes = np.frombuffer(data, np.uint8).reshape(SIDE, SIDE)
    try:
        return Pixels.of_codes(codes if kind == "BMC" else _swap(codes))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def write(path: Path, pixels: Pixels, kind: FileFormat | None = None) -> None:
    """Write a file that `read` reads; it takes the place of an old one when it is whole."""
    kind = kind or format_of(path)
    part = path.with_name(f"{path.name}.part")
    if kind == "ASCII":
        rows = np.stack([_X, _Y, pixels.trim, pixels.mask, pixels.pulse], -1).reshape(-1, 5)
        with part.open("w", encoding="ascii") as file:
            np.savetxt(file, rows, "%d", header="column row trim mask pulse")
    else:
        part.write_bytes((pixels.codes() if kind == "BMC" else _swap(pixels.codes())).tobytes())
    part.replace(path)


def _swap(codes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Reverse the trim in the bytes of pixels."""
    swapped = codes & 0xE1 | _REVERSED[codes >> 1 & 0xF] << 1
    return swapped.astype(np.uint8)


def _read_ascii(path: Path) -> Pixels:
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.partition("#")[0].strip()]
    if len(lines) != BYTES:
        raise ValueError(f"{path}: {len(lines)} lines of numbers: must be {BYTES}, one for each pixel")
    try:
        rows = np.loadtxt(lines, np.int64, ndmin=2)
    except ValueError as error:
        raise ValueError(f"{path}: not lines of column, row, trim, mask, test pulse: {error}") from error
    if rows.shape[1] != 5:
        raise ValueError(f"{path}: {rows.shape[1]} numbers in a line: must be column, row, trim, mask, pulse")
    high = np.array([SIDE - 1, SIDE - 1, 15, 1, 1])
    if len(bad := np.argwhere((rows < 0) | (rows > high))):
        row, column = bad[0]
        name = ("column", "row", "trim", "mask", "test pulse")[column]
        raise ValueError(f"{path}: entry {row + 1}: {name} {rows[row, column]} must be 0 to {high[column]}")
    at = SIDE * rows[:, 1] + rows[:, 0]
    if len(different := np.unique(at)) != BYTES:
        raise ValueError(f"{path}: {len(different)} different pixels: must be all {BYTES}, each once")
    trim, mask, pulse = (np.empty(BYTES, np.uint8) for _ in range(3))
    trim[at], mask[at], pulse[at] = rows[:, 2], rows[:, 3], rows[:, 4]
    return Pixels(*(column.reshape(SIDE, SIDE) for column in (mask, trim, pulse)))
