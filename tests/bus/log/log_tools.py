"""Disks that fail on purpose, and short ways to write a log and to read it back."""

import errno
import os
import random
from pathlib import Path

from hitline.bus.log.block import Buffer, Format, LossMethod
from hitline.bus.log.disk import Disk, Handle
from hitline.bus.log.reader import open_run
from hitline.bus.log.writer import LogWriter


class PowerCut(BaseException):
    """Nothing catches this: the machine is off."""


class CutHandle(Handle):
    def __init__(self, path: Path, disk: "CutDisk") -> None:
        super().__init__(path)
        self.disk = disk
        disk.synced[path] = 0

    def write(self, data: Buffer) -> None:
        if self.disk.burn():
            super().write(memoryview(data)[: self.disk.rng.randrange(len(data) + 1)])
            raise PowerCut
        super().write(data)

    def sync(self) -> None:
        if self.disk.burn():
            raise PowerCut
        super().sync()
        self.disk.synced[self.path] = self.path.stat().st_size


class CutDisk(Disk):
    """Loses its power at the `fuse`-th thing it is asked to do; what was not synced is then torn."""

    def __init__(self, fuse: int, seed: int) -> None:
        self.fuse, self.rng = fuse, random.Random(seed)
        self.synced: dict[Path, int] = {}

    def burn(self) -> bool:
        self.fuse -= 1
        return self.fuse <= 0

    def create(self, path: Path) -> Handle:
        if self.burn():
            if self.rng.random() < 0.5:
                path.touch()
            raise PowerCut
        return CutHandle(path, self)

    def rename(self, old: Path, new: Path) -> None:
        if self.burn():
            if self.rng.random() < 0.5:
                old.replace(new)
                self.synced[new] = self.synced.pop(old)
            raise PowerCut
        super().rename(old, new)
        self.synced[new] = self.synced.pop(old)

    def crash(self) -> None:
        """Tear what was not synced: any sector may have got to the disk or not, then a cut anywhere."""
        for path, safe in self.synced.items():
            if not path.exists():
                continue
            data = bytearray(path.read_bytes())
            for at in range(safe, len(data), 512):
                if self.rng.random() < 0.4:
                    size = min(512, len(data) - at)
                    data[at : at + size] = bytes(size) if self.rng.random() < 0.5 else os.urandom(size)
            if self.rng.random() < 0.7 and len(data) > safe:
                del data[self.rng.randrange(safe, len(data) + 1) :]
            path.write_bytes(data)


class SickHandle(Handle):
    def __init__(self, path: Path, disk: "SickDisk") -> None:
        super().__init__(path)
        self.disk = disk

    def write(self, data: Buffer) -> None:
        if self.disk.fail_write:
            error = self.disk.fail_write.pop(0)
            if error:
                super().write(memoryview(data)[: len(data) // 2])
                raise OSError(error, os.strerror(error))
        if self.disk.quota is not None:
            left = self.disk.quota - self.disk.used()
            if len(data) > left:
                super().write(memoryview(data)[: max(0, left)])
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        super().write(data)

    def sync(self) -> None:
        self.disk.syncs.append(self.path.name)
        if self.disk.fail_sync:
            error = self.disk.fail_sync.pop(0)
            if error:
                raise OSError(error, os.strerror(error))
        super().sync()


class SickDisk(Disk):
    """Fails the next writes and syncs as told (0: succeeds), and has at most `quota` bytes."""

    def __init__(self, root: Path, quota: int | None = None) -> None:
        self.root, self.quota = root, quota
        self.fail_write: list[int] = []
        self.fail_sync: list[int] = []
        self.syncs: list[str] = []

    def used(self) -> int:
        return sum(path.stat().st_size for path in self.root.rglob("*") if path.is_file())

    def create(self, path: Path) -> Handle:
        return SickHandle(path, self)

    def reserve(self, path: Path, size: int) -> None:
        if self.quota is not None and not path.exists() and self.used() + size > self.quota:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        super().reserve(path, size)


def contents(folder: Path) -> list[tuple[int, int, bytes]]:
    """(kind, seq, payload) of every good block."""
    return [(header.kind, header.seq, bytes(payload)) for header, payload in open_run(folder)]


def fill(writer: LogWriter, payloads: list[bytes]) -> None:
    """Take payloads as hits, waiting for room."""
    for payload in payloads:
        while not writer.data(
            payload,
            words=len(payload) // 8,
            hits=len(payload) // 8,
            format=Format.TPX3_WORDS,
            method=LossMethod.SOURCE,
            drop=False,
        ):
            writer.wait_room(1.0)
