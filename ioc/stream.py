"""A stream of bytes to an instrument, over TCP or a serial line, that comes back by itself.

`tcp://host:port`, or the name of a serial port. All on the event loop; whatever comes is handed on as it is.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

from .trace import Trace

RETRY_S = 0.5
"""Between attempts to connect."""
CONNECT_S = 3.0


class Stream:
    """The link; `received` is called with every piece that comes, `broken` when the link is lost."""

    def __init__(
        self,
        where: str,
        received: Callable[[bytes], None],
        broken: Callable[[str], None],
        *,
        baud: int = 115200,
        trace: Trace | None = None,
    ) -> None:
        self.where, self.baud, self.trace = where, baud, trace
        self._received, self._broken = received, broken
        self.reason = "not connected yet"
        """Why it is not open."""
        self._writer: asyncio.StreamWriter | None = None
        self._serial: Any = None
        self._task: asyncio.Task[None] | None = None
        self._opened = asyncio.Event()

    @property
    def is_open(self) -> bool:
        """True while there is a link."""
        return self._writer is not None or self._serial is not None

    def start(self) -> None:
        """Connect, and again whenever it breaks."""
        self._task = asyncio.create_task(self._keep())

    async def close(self) -> None:
        """Hang up."""
        if self._task:
            self._task.cancel()
            await asyncio.wait({self._task})
        self._drop()

    def write(self, data: bytes) -> None:
        """Send; OSError when there is no link."""
        if self.trace:
            self.trace.sent("stream", data)
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(data)
        elif self._serial is not None:
            self._serial.write(data)
        else:
            raise ConnectionError(f"{self.where}: {self.reason}")

    async def _keep(self) -> None:
        while True:
            try:
                if self.where.startswith("tcp://"):
                    await self._tcp()
                else:
                    await self._line()
            except (OSError, ValueError, TimeoutError) as error:
                self.reason = f"{error}" or type(error).__name__
            self._drop()
            self._broken(self.reason)
            await asyncio.sleep(RETRY_S)

    async def _tcp(self) -> None:
        host, _, port = self.where.removeprefix("tcp://").rpartition(":")
        async with asyncio.timeout(CONNECT_S):
            reader, self._writer = await asyncio.open_connection(host, int(port))
        while data := await reader.read(65536):
            self._take(data)
        self.reason = "the far side has hung up"

    async def _line(self) -> None:
        import serial

        loop, lost = asyncio.get_running_loop(), asyncio.Event()
        port = serial.Serial(self.where, self.baud, timeout=0, write_timeout=0, exclusive=True)

        def read() -> None:
            try:
                if data := port.read(65536):
                    self._take(data)
            except (OSError, serial.SerialException) as error:
                self.reason = str(error)
                lost.set()

        self._serial = port
        loop.add_reader(port.fileno(), read)
        try:
            await lost.wait()
        finally:
            loop.remove_reader(port.fileno())

    def _take(self, data: bytes) -> None:
        if self.trace:
            self.trace.received("stream", data)
        self._received(data)

    def _drop(self) -> None:
        if self._writer is not None:
            self._writer.transport.abort()
            self._writer = None
        if self._serial is not None:
            with contextlib.suppress(OSError):
                self._serial.close()
            self._serial = None
