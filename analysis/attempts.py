"""Which block is being worked on, noted in a small file, so that a death tells what it died of.

Two writes of a few bytes into the page cache per block: a killed process leaves the note behind, a power cut
may lose it. A block that was under way in three deaths in a row is to be set aside. Deaths by other causes
hit another block each time and never add up.
"""

import struct
from pathlib import Path

from ..bus.log.block import digest

LIMIT = 3
"""Deaths at one block after which it is left out."""
_NOTE = struct.Struct("<16sq16sqq")
_NOWHERE = bytes(16), -1


class Attempts:
    """The note of one worker."""

    def __init__(self, path: Path) -> None:
        """Open or create the file; a block that was under way when the process died has one death more."""
        path.touch()
        self._file = path.open("r+b", buffering=0)
        raw = self._file.read(_NOTE.size)
        self._now: tuple[bytes, int] = _NOWHERE
        self._suspect: tuple[bytes, int] = _NOWHERE
        self.deaths = 0
        """How often the suspect was under way at a death."""
        if len(raw) == _NOTE.size:
            *places, self.deaths = _NOTE.unpack(raw)
            self._now, self._suspect = (places[0], places[1]), (places[2], places[3])
        self.died()

    def died(self) -> None:
        """Take note that the work on the current block, if any, came to a bad end."""
        if self._now != _NOWHERE:
            self.deaths = self.deaths + 1 if self._now == self._suspect else 1
            self._suspect, self._now = self._now, _NOWHERE
        self._write()

    def begin(self, run: str, offset: int) -> bool:
        """Note that this block comes next; False when it is to be set aside."""
        place = digest(run), offset
        if place == self._suspect and self.deaths >= LIMIT:
            return False
        self._now = place
        self._write()
        return True

    def done(self) -> None:
        """Note that the block was survived."""
        if self._now == self._suspect:
            self._suspect, self.deaths = _NOWHERE, 0
        self._now = _NOWHERE
        self._write()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _write(self) -> None:
        self._file.seek(0)
        self._file.write(_NOTE.pack(*self._now, *self._suspect, self.deaths))
