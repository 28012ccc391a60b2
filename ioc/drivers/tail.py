"""A file that another program is still writing: what comes after now is played as it comes."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from hitline.bus.formats.chunks import is_header
from hitline.bus.formats.loss import Loss
from hitline.bus.log.block import Format

from .piece import Piece
from .section import section

READ_BYTES = 2**20
WAIT_S = 0.01
"""Between looks at a file that does not grow."""


class Tail:
    """The end of a `.tpx3` file. Not for two threads at once."""

    run = None
    format = Format.TPX3_CHUNKS

    def __init__(self, path: Path) -> None:
        """The file need not be there before an exposure begins."""
        self.path = path
        self.note = self.missing = ""
        self.played_bytes = self.played_hits = 0
        self._loss = Loss()

    at_end = False
    """There is always more to come."""

    @property
    def position(self) -> float:
        """Percent of the bytes of the file that lie behind."""
        return 100.0

    @property
    def packets_lost(self) -> int | None:
        """Packets missing in what was played, by their counters; None without counters."""
        return int(self._loss.lost(final=False).sum()) if self._loss.counted else None

    def rewind(self) -> None:
        """Nothing to do: each exposure begins where the file ends."""

    def facts(self) -> dict[str, Any]:
        """See `Tape`."""
        return {}

    def follow(self, halt: threading.Event) -> Iterator[Piece]:
        """Give what is written from now until `halt` is set, and then what had been written by then.

        Raises FileNotFoundError.
        """
        return self._pieces(self.path.stat().st_size // 8 * 8, halt)

    def _pieces(self, at: int, halt: threading.Event) -> Iterator[Piece]:
        self._loss = Loss()  # what came in between is not missing
        carry, found_header = np.zeros(0, np.uint64), False
        with self.path.open("rb") as file:
            while True:
                last = halt.is_set()
                data, at = self._read(file, at)
                words = np.concatenate((carry, np.frombuffer(data, "<u8")))
                if not found_header and len(words):
                    starts = np.flatnonzero(is_header(words))
                    words, found_header = words[starts[0] :] if len(starts) else words[:0], bool(len(starts))
                part, used = section(words, chunked=True)
                carry = words[used:]
                if used:
                    self._loss.advance(*part.packet_ids())
                    self.played_hits += part.hit_count
                    self.played_bytes += part.words.nbytes
                    yield Piece(part.words.astype("<u8").tobytes(), used, part.hit_count, 0)
                if not data:
                    if last:
                        self._check(file)
                        return
                    halt.wait(WAIT_S)

    def _check(self, file: BinaryIO) -> None:
        """Raise ValueError where the file that was followed is not the one of this name any more."""
        if not self.path.exists() or not os.path.samestat(self.path.stat(), os.fstat(file.fileno())):
            raise ValueError(f"{self.path}: was removed or replaced while it was followed")

    def _read(self, file: BinaryIO, at: int) -> tuple[bytes, int]:
        """Read whole words from `at` on; return them and where they end."""
        size = os.fstat(file.fileno()).st_size
        if size < at:
            raise ValueError(f"{self.path}: has shrunk from {at} to {size} bytes: its writer began anew")
        file.seek(at)
        data = file.read(min((size - at) // 8 * 8, READ_BYTES))
        return data, at + len(data)
