"""A recording that is played forwards, a slice at a time: `.tpx3` file, bare words, or a run log."""

import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from hitline.bus.formats.loss import Loss
from hitline.bus.formats.packets import KNOWN, types_of
from hitline.bus.formats.splitter import UNIX_NS_TOP
from hitline.bus.log.block import Format, Kind
from hitline.bus.log.reader import Run, open_run
from hitline.bus.log.segment import segments

from .katherine_tape import KatherineTape
from .piece import Piece, Slice
from .section import Section, Timer, section

READ_BYTES = 2**18
"""Read at once. Larger: a stop takes longer and more memory is used; smaller: slower."""
STEP = 400_000
"""Steps of 25 ns (10 ms) of detector time in one piece, when time matters."""
NS_PER_STEP = 25
BARE = (".raw", ".bin")
"""Endings of files of bare 64-bit words."""


def open_tape(path: Path) -> "Tape | KatherineTape":
    """Open a recording; raises FileNotFoundError or ValueError when it cannot be played."""
    if path.is_dir():
        run = open_run(path)
        if next((header.format for header, _ in run if header.kind == Kind.DATA), None) == Format.KATHERINE:
            return KatherineTape(path)
    return Tape(path)


class Tape:
    """One recording and the place in it. Not for two threads at once."""

    def __init__(self, path: Path) -> None:
        """Open it; raises FileNotFoundError or ValueError with one clear line when it cannot be played."""
        self.path = path
        self.run: Run | None = None
        self.note = ""
        """What is not quite right with it, for people; known at the end."""
        self.missing = ""
        """What should have come and did not, for people; known at the end."""
        if path.is_dir():
            self.run = open_run(path)
            self.format, self.bytes = _run_format(self.run)
        else:
            self.format, self.bytes = _file_format(path)
        self.chunked = self.format == Format.TPX3_CHUNKS
        self.rewind()

    def rewind(self) -> None:
        """Go back to the beginning; OSError, with nothing changed, when it is not there any more."""
        self.missing = ""
        parts = self._run_parts(self.run) if self.run else self._file_parts()
        begin = next(parts, None)
        self.played_bytes = self.played_hits = 0
        self._timer, self._loss = Timer(), Loss()
        self._parts, self._next = parts, begin  # read ahead: the end is known before it is played
        self._carry = np.zeros(0, np.uint64)
        self._rest: Section | None = None
        self._playing = False

    @property
    def at_end(self) -> bool:
        """True when nothing is left to play."""
        return self._next is None and self._rest is None and not len(self._carry) and not self._playing

    @property
    def packets_lost(self) -> int | None:
        """Packets that were missing when it was recorded, by their counters so far; None without counters."""
        return int(self._loss.lost(final=self.at_end).sum()) if self._loss.counted else None

    @property
    def position(self) -> float:
        """Percent of the bytes that were played."""
        return 100.0 if self.at_end else 100.0 * self.played_bytes / max(self.bytes, 1)

    def facts(self) -> dict[str, Any]:
        """What a decoder must know beyond the words: nothing."""
        return {}

    def play(self, until: Slice, *, timed: bool = False) -> Generator[Piece, None, None]:
        """Give the next slice, piece by piece; `timed` gives times and pieces of at most 10 ms.

        A piece is played when the next one is asked for; the one at which the caller stops, and closes the
        generator, comes again next time.
        """
        left, deadline = until.hits, None
        while left != 0 and (part := self._read(timed or until.seconds is not None)) is not None:
            if left is not None:
                if part.hit_count >= left:
                    part = self._keep(part, part.after_hits(left))
                left -= part.hit_count
            if until.seconds is not None and len(part.times):
                if deadline is None:
                    deadline = int(part.times[0]) + round(until.seconds * 1e9 / NS_PER_STEP)
                group = int(np.searchsorted(part.times, deadline))
                if group < len(part.times):
                    if group:
                        yield from self._pieces(self._keep(part, int(part.starts[group])), timed)
                    else:
                        self._rest = part
                    return
            if len(part.words):
                yield from self._pieces(part, timed)
            if until.mark and part.mark:
                return
        if until.hits is not None:
            yield from self._hitless(timed)

    def _hitless(self, timed: bool) -> Generator[Piece, None, None]:
        """Play what follows without a hit: at the end of a recording it would make an empty exposure."""
        while (part := self._read(timed)) is not None:
            if part.hit_count:
                self._rest = part
                return
            yield from self._pieces(part, timed)

    def _keep(self, part: Section, at: int) -> Section:
        """Put back what lies behind word `at`; return what lies before it."""
        if at >= len(part.words):
            return part
        part, self._rest = part.cut(at)
        return part

    def _pieces(self, part: Section, timed: bool) -> Generator[Piece, None, None]:
        """Play a section in steps of time; the piece that its caller stops at is put back."""
        behind: Section | None = self._rest
        rest: Section | None = part
        while rest is not None:
            part, rest = rest, None
            if timed and len(part.times):
                group = int(np.searchsorted(part.times, int(part.times[0]) + STEP))
                if group < len(part.times):
                    part, rest = part.cut(int(part.starts[group]))
            hits = part.hit_count
            time_ns = int(part.times[0]) * NS_PER_STEP if timed and len(part.times) else 0
            self._playing = True
            try:
                yield Piece(part.words.astype("<u8", copy=False).tobytes(), len(part.words), hits, time_ns)
            except GeneratorExit:
                self._playing, self._rest = False, _joined(part, _joined(rest, behind))
                raise
            self._playing = False
            self.played_hits += hits
            self.played_bytes += part.words.nbytes

    def _read(self, timed: bool) -> Section | None:
        """The next section: what was put back, or new words."""
        part, self._rest = self._rest, None
        while part is None and not self.at_end:
            part = self._load()
        if part is None:
            return None
        if not timed:
            self._timer.skip()
            return part
        return part if len(part.times) else self._timer.times(part)

    def _load(self) -> Section | None:
        """Make a section of the next bytes; None when they do not end a chunk yet."""
        last = self._next is None
        data, mark = self._next or (b"", False)
        self._next = next(self._parts, None)
        words = np.concatenate((self._carry, np.frombuffer(data, "<u8", len(data) // 8)))
        if last:
            self.note = f"{self.path}: ends within a chunk, its last {len(words)} words are played as such"
        part, used = section(words, chunked=self.chunked, mark=mark, whole=last or mark)
        self._carry = words[used:]
        self._loss.advance(*part.packet_ids())
        return part if used or mark else None

    def _file_parts(self) -> Iterator[tuple[bytes, bool]]:
        with self.path.open("rb") as file:
            tail = b""
            while data := file.read(READ_BYTES):
                data = tail + data
                tail = data[len(data) // 8 * 8 :]
                yield data[: len(data) // 8 * 8], False
            if file.tell() < self.bytes:
                size = os.fstat(file.fileno()).st_size
                self.missing = f"{self.path} had {self.bytes} bytes and has {size} now"
        if tail:
            self.note = f"{self.path}: {len(tail)} bytes after the last whole word are left out"

    def _run_parts(self, run: Run) -> Iterator[tuple[bytes, bool]]:
        held = b""
        for header, payload in run:
            if header.kind == Kind.DATA:
                if header.format != self.format:
                    raise ValueError(
                        f"{self.path}: block {header.seq} has format {header.format}, "
                        f"those before have {int(self.format)}"
                    )
                if held:
                    yield held, False
                held = bytes(payload)
            elif header.kind == Kind.END:
                yield held, True
                held = b""
        if held:
            yield held, False
        if run.flaws.damaged:
            self.note = f"{self.path}: a damaged run, not everything could be played (hitline runs verify)"
            self.missing = self.note


def _joined(first: Section | None, second: Section | None) -> Section | None:
    """Two stretches one after the other as one."""
    if first is None or second is None:
        return second if first is None else first
    return Section(
        np.concatenate((first.words, second.words)),
        np.concatenate((first.starts, second.starts + len(first.words))),
        np.concatenate((first.hits, second.hits)),
        first.chunked,
        np.concatenate((first.times, second.times)),
        second.mark,
    )


def _file_format(path: Path) -> tuple[Format, int]:
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file or run folder")
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(2**16)
    if size < 8:
        raise ValueError(f"{path}: has {size} bytes, not even one word of 8: nothing to play")
    if head[:4] == b"TPX3":
        return Format.TPX3_CHUNKS, size
    if path.suffix.lower() not in BARE:
        raise ValueError(
            f"{path}: begins with {head[:8].hex()}, not with a TPX3 chunk; a file of bare words "
            f"must be named {' or '.join(BARE)}"
        )
    words = np.frombuffer(head, "<u8", len(head) // 8)
    if int(words[0]) >> 56 in UNIX_NS_TOP:
        words = words[1:]
    if not len(words) or np.mean(KNOWN[types_of(words)]) < 0.5:
        raise ValueError(f"{path}: most of its first {len(words)} words are no Timepix3 packets")
    return Format.TPX3_WORDS, size


def _run_format(run: Run) -> tuple[Format, int]:
    """Format of the first data of a run, and the bytes of its files."""
    format = next((header.format for header, _ in run if header.kind == Kind.DATA), None)
    if format not in (Format.TPX3_CHUNKS, Format.TPX3_WORDS):
        what = "no data" if format is None else f"data of format {int(format)}"
        raise ValueError(
            f"{run.logged.folder}: holds {what}; TPX3 chunks and words and Katherine words can be replayed"
        )
    return Format(format), sum(file.path.stat().st_size for file in segments(run.logged.folder))
