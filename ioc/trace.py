"""The trace recorder: writes down what a driver sent and received, for a look at it or to replay it.

A driver holds a `Trace | None` and says `sent` and `received`; a thread of its own writes, so that neither
the event loop nor a receiving thread waits for a disk. It is bounded: a file has a largest size, no channel
takes more than three quarters of it (so that commands are still seen when a data stream has filled its
share), and the queue to the disk has a largest size. What is not written is counted, and the file says so.
"""

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from hitline.bus.instrument import Instrument

from .trace_file import Header, Record, Skipped

FOLDER = "HITLINE_TRACE"
"""Environment variable: folder in which every driver that can writes a trace; `hitline up --trace`."""
LIMIT_BYTES = 64 << 20
"""Largest file: 40 MB of data, or a day of commands at a few in a second."""
QUEUE_BYTES = 32 << 20
"""What may wait for the disk: a third of a second of a readout at its full rate."""

Buffer = bytes | bytearray | memoryview

log = logging.getLogger(__name__)


def trace_of(instrument: Instrument, type: str) -> "Trace | None":
    """Open the trace of an instrument where its option `trace` or HITLINE_TRACE names a folder, else None.

    The folder is made; a relative one in the option is relative to the station file. Each call begins a new
    file, named by instrument and time. To be called in `connect`, closed in `disconnect`.
    """
    folder = getattr(instrument.options, "trace", None) or os.environ.get(FOLDER, "")
    if not folder:
        return None
    base = instrument.station.file.parent if instrument.station else Path()
    now = datetime.now(UTC)
    (base / folder).mkdir(parents=True, exist_ok=True)
    path = base / folder / f"{instrument.name}-{now:%Y%m%d-%H%M%S-%f}.trace"
    options = _options(instrument.options)
    header = Header(instrument.name, type, metadata.version("hitline"), now.isoformat(), options)
    return Trace(path, header)


class Trace:
    """One open trace file. `sent`, `received` and `close` may be called from any thread."""

    def __init__(
        self,
        path: Path,
        header: Header,
        *,
        limit_bytes: int = LIMIT_BYTES,
        queue_bytes: int = QUEUE_BYTES,
        clock_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.path = path
        self._limit, self._queue_limit = limit_bytes, queue_bytes
        self._clock_ns, self._zero_ns = clock_ns, clock_ns()
        self._queue: deque[tuple[int, bool, str, bytes, Sequence[int]]] = deque()
        self._waiting = 0
        self._share: dict[str, int] = {}
        self.skipped: dict[str, Skipped] = {}
        """By channel: what was not written."""
        self._news = threading.Condition()
        self._closing = False
        self._file = path.open("x", encoding="utf-8")
        self._written = self._file.write(header.line())
        self._file.flush()  # a file that is there is a trace
        self._thread = threading.Thread(target=self._run, name=f"trace {header.instrument}", daemon=True)
        self._thread.start()

    def sent(self, channel: str, data: Buffer) -> None:
        """Note a datagram or telegram that the driver sent."""
        self._put(True, channel, data, ())

    def received(self, channel: str, data: Buffer, sizes: Sequence[int] = ()) -> None:
        """Note a datagram that came, or several that lie one behind the other: then `sizes` in bytes."""
        self._put(False, channel, data, sizes)

    def close(self) -> None:
        """Write what waits, then what was skipped; at most 5 s."""
        with self._news:
            self._closing = True
            self._news.notify()
        self._thread.join(5.0)

    def _put(self, sent: bool, channel: str, data: Buffer, sizes: Sequence[int]) -> None:
        t_ns = self._clock_ns() - self._zero_ns
        with self._news:
            if self._closing:
                return
            if self._waiting + len(data) > self._queue_limit:
                self._skip(t_ns, channel, len(sizes) or 1, len(data), "the disk was too slow")
                return
            self._queue.append((t_ns, sent, channel, bytes(data), sizes))
            self._waiting += len(data)
            self._news.notify()

    def _skip(self, t_ns: int, channel: str, records: int, size: int, why: str) -> None:
        last = self.skipped.get(channel) or Skipped(t_ns, channel, 0, 0, why)
        self.skipped[channel] = Skipped(
            last.t_ns, channel, last.records + records, last.bytes + size, last.why
        )

    def _run(self) -> None:
        try:
            with self._file:
                while item := self._next():
                    for record in _records(*item):
                        self._write(record)
                for skipped in self.skipped.values():
                    self._file.write(skipped.line())
        except OSError as error:
            log.error("trace %s ends here: %s", self.path, error)
            self._closing = True

    def _next(self) -> tuple[int, bool, str, bytes, Sequence[int]] | None:
        if not self._queue:  # looked at again below; who adds meanwhile does not wait for a disk
            self._file.flush()
        with self._news:
            self._news.wait_for(lambda: self._queue or self._closing)
            if not self._queue:
                return None
            item = self._queue.popleft()
            self._waiting -= len(item[3])
            return item

    def _write(self, record: Record) -> None:
        line = record.line()
        share = self._share.get(record.channel, 0) + len(line)
        if self._written + len(line) > self._limit or share > self._limit * 3 // 4:
            with self._news:
                why = f"the file has its {self._limit} bytes, or the channel its three quarters of them"
                self._skip(record.t_ns, record.channel, 1, len(record.data), why)
            return
        self._written += self._file.write(line)
        self._share[record.channel] = share


def _options(options: Any) -> dict[str, Any]:
    return asdict(options) if is_dataclass(options) and not isinstance(options, type) else {}


def _records(t_ns: int, sent: bool, channel: str, data: bytes, sizes: Sequence[int]) -> list[Record]:
    records, at = [], 0
    for size in sizes or (len(data),):
        records.append(Record(t_ns, sent, channel, data[at : at + size]))
        at += size
    return records
