"""What a log asks of a disk. The only file here that knows the platform; tests put a failing one in.

A call that fails raises OSError and is never repeated on the same handle: after a failed sync the kernel may
have thrown the pages away and would report success the next time.
"""

import contextlib
import errno
import os
from pathlib import Path

from .block import Buffer

FULL = (errno.ENOSPC, errno.EDQUOT)
"""Errors of a disk that has no room."""

_datasync = getattr(os, "fdatasync", os.fsync)


class Handle:
    """One file being appended to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o644)

    def write(self, data: Buffer) -> None:
        """Append all of `data`."""
        view = memoryview(data)
        while view:
            view = view[os.write(self._fd, view) :]

    def sync(self) -> None:
        """Return when everything written so far is on the disk."""
        _datasync(self._fd)

    def close(self) -> None:
        """Give the descriptor back, whatever state the file is in."""
        with contextlib.suppress(OSError):
            os.close(self._fd)


class Disk:
    """A real disk."""

    def make_folder(self, path: Path) -> None:
        """Create a folder and its parents, lastingly."""
        missing = [p for p in (path, *path.parents) if not p.exists()]
        path.mkdir(parents=True, exist_ok=True)
        for folder in missing:
            self.sync_folder(folder.parent)

    def create(self, path: Path) -> Handle:
        """Create a file that must not exist yet, and make its name last."""
        handle = Handle(path)
        self.sync_folder(path.parent)
        return handle

    def sync_folder(self, path: Path) -> None:
        """Make names in a folder last; a no-op where folders cannot be opened."""
        if os.name != "posix":
            return
        fd = os.open(path, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def truncate(self, path: Path, size: int) -> None:
        """Cut a file that nobody writes any more, lastingly."""
        with path.open("r+b") as file:
            file.truncate(size)
            os.fsync(file.fileno())

    def reserve(self, path: Path, size: int) -> None:
        """Make sure that a file of so many bytes exists whose space can be had back by removing it."""
        if path.exists() and path.stat().st_size >= size:
            return
        try:
            with path.open("wb") as file:
                if hasattr(os, "posix_fallocate"):
                    os.posix_fallocate(file.fileno(), 0, size)
                else:
                    file.write(bytes(size))
        except OSError:
            path.unlink(missing_ok=True)
            raise

    def rename(self, old: Path, new: Path) -> None:
        """Put a file in the place of another at one stroke, lastingly."""
        old.replace(new)
        self.sync_folder(new.parent)

    def remove(self, path: Path) -> None:
        """Remove a file if it is there."""
        path.unlink(missing_ok=True)


class ReadFile:
    """One file read at positions, by one thread."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("rb", buffering=0)

    def read(self, at: int, size: int) -> bytes:
        """Return up to `size` bytes from position `at`; fewer only at the end of the file."""
        if hasattr(os, "pread"):
            return os.pread(self._file.fileno(), size, at)
        self._file.seek(at)
        return self._file.read(size)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
