"""Appending to the segments of one run, and what to do when the disk fails.

* Marks: everything below `written` is in the files; everything below `durable` survives a power cut.
* A failed sync or write ends the segment and taints the run. The next segment begins at `durable` and takes
  over what was written since then, read back from the old file, so that `durable` keeps its promise; nothing
  is tried again on the old descriptor.
* A full disk ends the run: the reserve file is removed, and its space takes the CLOSE block.

No clock in here; the writer's thread is the only caller.
"""

import errno
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from .block import (
    HEADER_BYTES,
    PREVIEW,
    Buffer,
    Condition,
    Format,
    Header,
    Kind,
    crc,
    digest,
    encode_facts,
    pack,
)
from .disk import FULL, Disk, Handle, ReadFile
from .identity import Identity
from .segment import segment_name
from .syncing import Syncing

RESERVE_BYTES = 8 * 2**20
"""The end of an exposure, a CLOSE block, a file and its folder entry need a few hundred KiB at most; but what
else writes to a full disk takes of the room in the instant in which it is given back."""


class DiskFull(OSError):
    """No space is left: the run has to end."""


class Store:
    """The growing end of one run."""

    def __init__(
        self,
        identity: Identity,
        disk: Disk,
        segment_bytes: int,
        *,
        offset: int = 0,
        seq: int = 0,
        condition: Condition = Condition.GOOD,
    ) -> None:
        self.identity = identity
        self.disk = disk
        self.segment_bytes = segment_bytes
        self.condition = condition
        self.written = self.durable = offset
        self.seq = seq
        self.failures: list[str] = []
        self._run, self._source = digest(identity.run), digest(identity.source)
        self.synced = offset
        """How far the last sync reaches, begun or done."""
        self._start = offset
        self._syncing: Syncing | None = None
        self._doubtful = False
        # True when something below `written` may be gone: `durable` stays where it is.
        self._handle: Handle | None = None

    def open(self) -> None:
        """Create the folder and the first segment."""
        self.disk.make_folder(self.identity.root)
        try:
            self.disk.reserve(self.identity.reserve, RESERVE_BYTES)
        except OSError as error:
            what = f"no room in {self.identity.root} for the {RESERVE_BYTES // 2**20} MiB that end a run"
            raise OSError(error.errno, f"{error.strerror}: {what}: make room") from error
        self.disk.make_folder(self.identity.folder)
        self._begin(self.written)

    def resume(self) -> None:
        """Begin a segment at the end of a run whose folder is there."""
        self._begin(self.written)

    @property
    def syncing(self) -> bool:
        """True while a sync that was begun has not been settled."""
        return self._syncing is not None

    @property
    def rolls(self) -> bool:
        """True when the segment has its size and the next block goes into a new one."""
        return self.written - self._start >= self.segment_bytes

    @property
    def room(self) -> int:
        """Bytes until a new segment is due, or in that segment when it is due now."""
        return self.segment_bytes if self.rolls else self.segment_bytes - (self.written - self._start)

    def stamp(self, header: Header, at: int, index: int) -> Header:
        """Give a header its place: `at` bytes and `index` blocks after the end of the run."""
        flags = int(self.condition) | (PREVIEW if self.identity.preview else 0)
        return replace(
            header,
            run=self._run,
            source=self._source,
            ordinal=self.identity.ordinal,
            flags=flags,
            offset=self.written + at,
            seq=self.seq + index,
            durable=self.durable,
        )

    def append(self, memory: memoryview, headers: Sequence[Header]) -> None:
        """Write blocks that lie one after the other in `memory`, headers and padding to be filled in.

        Raises DiskFull, or OSError when a new segment fails as well.
        """
        at = 0
        for index, header in enumerate(headers):
            payload = memory[at + HEADER_BYTES : at + HEADER_BYTES + header.payload]
            stamped = replace(self.stamp(header, at, index), payload_crc=crc(payload))
            memory[at : at + HEADER_BYTES] = pack(stamped)
            pad = at + HEADER_BYTES + header.payload
            memory[pad : at + header.size] = bytes(at + header.size - pad)
            at += header.size
        self._write(memory[:at])
        self.written += at
        self.seq += len(headers)

    def mark(self, kind: Kind, facts: dict[str, Any], mono_ns: int, wall_ns: int, exposure: int = 0) -> None:
        """Write one block of facts."""
        payload = encode_facts(facts)
        header = Header(
            kind,
            Format.JSON,
            exposure=exposure,
            payload=len(payload),
            mono_first_ns=mono_ns,
            mono_last_ns=mono_ns,
            wall_first_ns=wall_ns,
            wall_last_ns=wall_ns,
        )
        memory = memoryview(bytearray(header.size))
        memory[HEADER_BYTES : HEADER_BYTES + len(payload)] = payload
        self.append(memory, [header])

    def roll(self) -> None:
        """Go on in a new segment; what is written so far becomes durable first."""
        self.sync()
        if self._start != self.written:
            self._begin(self.written)

    def start_sync(self, done: Callable[[], None]) -> None:
        """Begin to make durable what is written so far, in a thread; `done` is called there at the end."""
        if self._syncing is None and self._handle and self.synced < self.written:
            self.synced = self.written
            self._syncing = Syncing(self._handle, self.written, done)
            self._syncing.start()

    def settle(self, wait: bool = True) -> bool:
        """Take the result of the sync that was begun; False when there is none (yet)."""
        syncing = self._syncing
        if syncing is None or not (wait or syncing.finished.is_set()):
            return False
        syncing.join()
        self._syncing = None
        if syncing.error:
            self._replace(syncing.error)
        elif not self._doubtful:
            self.durable = syncing.upto
        return True

    def sync(self) -> None:
        """Make what is written durable before returning; a failure moves it to a new segment."""
        self.settle()
        if self.durable == self.written or self._handle is None:
            return
        try:
            self._handle.sync()
        except OSError as error:
            self._replace(error)
        self.synced = self.written
        if not self._doubtful:
            self.durable = self.written

    def emergency(self) -> None:
        """Free the reserve and begin a segment in the space that this gives; OSError when it cannot."""
        self.disk.remove(self.identity.reserve)
        try:
            self.sync()
        except OSError:
            self._doubtful = True
        self._begin(self.written)

    def close(self) -> None:
        """Let go of the file; whether it is durable was settled before."""
        if self._syncing:
            self._syncing.join()
            self._syncing = None
        if self._handle:
            self._handle.close()
            self._handle = None

    def _write(self, data: Buffer) -> None:
        if self._handle is None:
            raise OSError(errno.EBADF, "the run is closed")
        try:
            self._handle.write(data)
        except OSError as error:
            if error.errno in FULL:
                raise DiskFull(error.errno, error.strerror) from error
            self._replace(error)
            self._handle.write(data)

    def _begin(self, start: int, tail: Buffer = b"") -> None:
        """Take a new segment that begins at logical offset `start` with the bytes `tail`."""
        self.close()
        path = self.identity.folder / segment_name(start)
        if tail or path.exists():
            # Readers see the old file or the whole new one, whatever happens in between.
            new = path.with_suffix(".new")
            self.disk.remove(new)
            self._handle = self.disk.create(new)
            self._handle.write(tail)
            self._handle.sync()
            self.disk.rename(new, path)
        else:
            self._handle = self.disk.create(path)
        self._start = start

    def _replace(self, error: OSError) -> None:
        """End a failed segment and carry what is not durable over to a new one; OSError if that fails."""
        self.condition |= Condition.TAINTED
        self.failures.append(f"{segment_name(self._start)}: {error}")
        if self._doubtful:
            raise error
        size = self.written - self.durable
        file = ReadFile(self.identity.folder / segment_name(self._start))
        try:
            tail = file.read(self.durable - self._start, size)
        finally:
            file.close()
        if len(tail) < size:
            raise OSError(errno.EIO, f"{size - len(tail)} bytes cannot be read back after: {error}")
        self._begin(self.durable, tail)
        self.durable = self.synced = self.written
