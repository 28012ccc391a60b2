"""Lines that come on standard input while something else goes on."""

import asyncio
import contextlib
import sys
from collections.abc import Awaitable, Callable
from types import TracebackType

CHUNK = 1 << 16


class Typed:
    """Hands each line to `take`, on the event loop; the end of the input ends nothing."""

    def __init__(self, take: Callable[[str], Awaitable[None]]) -> None:
        self._take, self._loop = take, asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._left = b""

    async def __aenter__(self) -> None:
        # A file cannot be waited for, and there may be no input at all: then nothing will be typed.
        with contextlib.suppress(ValueError, OSError):
            self._loop.add_reader(sys.stdin.fileno(), self._read)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _end(self) -> None:
        with contextlib.suppress(ValueError, OSError):
            self._loop.remove_reader(sys.stdin.fileno())

    def _read(self) -> None:
        data = sys.stdin.buffer.raw.read(CHUNK)  # type: ignore[union-attr]  # unbuffered: no line waits
        if not data:
            self._end()
            return
        *lines, self._left = (self._left + data).split(b"\n")
        for line in lines:
            if text := line.decode(errors="replace").strip():
                task = self._loop.create_task(self._each(text))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _each(self, text: str) -> None:
        await self._take(text)
