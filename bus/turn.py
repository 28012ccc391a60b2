"""Whose turn it is at an instrument: a first-come-first-served lock that knows its holder."""

import asyncio
from collections.abc import Coroutine
from typing import Any


class Turn:
    """`async with turn:` waits for those who asked earlier; asyncio's lock is fair, the holder is ours."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._holder: asyncio.Task[Any] | None = None
        self.tasks: set[asyncio.Task[Any]] = set()
        """Work that has been started for this instrument and not ended."""

    @property
    def mine(self) -> bool:
        """True in the task that holds the turn: a setter that makes a transition cannot wait for itself."""
        return self._holder is not None and self._holder is asyncio.current_task()

    def begin(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run work as a task that `cancel` can end."""
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    def cancel(self) -> None:
        """End all work."""
        for task in tuple(self.tasks):
            task.cancel()

    async def __aenter__(self) -> None:
        await self._lock.acquire()
        self._holder = asyncio.current_task()

    async def __aexit__(self, *_: object) -> None:
        self._holder = None
        self._lock.release()
