"""What one client has yet to be sent: updates, of which the newest win, and replies, which never drop.

Order is kept: a reply leaves after every update that was queued before it, so that a client whose put has
completed has also seen what the put changed. Each subscription holds at most its quota of updates; when one
more comes, the oldest of the same subscription goes and is counted. A client that does not read therefore
costs a bounded amount of memory and nobody else's time.

Clients wait for the edges of a flag: of one, the last two levels stay always, so that whoever is behind still
sees that it has changed.
"""

import asyncio
from collections import OrderedDict, deque
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Outbox(Generic[T]):
    """A queue with a quota per subscription."""

    def __init__(self) -> None:
        self._items: OrderedDict[int, tuple[int | None, T]] = OrderedDict()
        self._queued: dict[int, deque[tuple[int, Any]]] = {}
        """Serial number and level, by subscription."""
        self._serial = 0
        self._ready = asyncio.Event()
        self.held = False
        """True while the client has turned events off (Channel Access' flow control)."""
        self.dropped = 0
        """Updates that a newer one of the same subscription has replaced before they were sent."""

    def __len__(self) -> int:
        return len(self._items)

    def event(self, subscription: int, quota: int, item: T, level: Any = None) -> None:
        """Queue an update; while events are held only the newest of each subscription stays.

        `level` is that of a flag, else None. Over its quota a flag is cut down to its last two levels.
        """
        queued = self._queued.setdefault(subscription, deque())
        if level is not None and queued and queued[-1][1] == level:
            self._drop(queued, len(queued) - 1, newest=True)
        stay = 1 if level is None else 2
        most = stay if self.held else max(quota, stay)
        if len(queued) >= most:
            self._drop(queued, most - 1 if level is None else 1)
        queued.append((self._serial, level))
        self._add(subscription, item)

    def reply(self, item: T) -> None:
        """Queue an answer behind the updates that are waiting."""
        self._add(None, item)

    def _add(self, subscription: int | None, item: T) -> None:
        self._items[self._serial] = (subscription, item)
        self._serial += 1
        if subscription is None or not self.held:
            self._ready.set()

    def forget(self, subscription: int) -> None:
        """Take out the updates of a subscription that has ended."""
        for serial, _ in self._queued.pop(subscription, ()):
            del self._items[serial]

    def hold(self) -> None:
        """Send no updates until `release`; of those that wait, keep the newest of each subscription."""
        self.held = True
        for queued in self._queued.values():
            self._drop(queued, 2 if queued and queued[-1][1] is not None else 1)

    def _drop(self, queued: "deque[tuple[int, Any]]", left: int, *, newest: bool = False) -> None:
        """Take out updates, the oldest first, until so many are left."""
        while len(queued) > left:
            serial, _ = queued.pop() if newest else queued.popleft()
            del self._items[serial]
            self.dropped += 1

    def release(self) -> None:
        """Send updates again."""
        self.held = False
        self._ready.set()

    async def wait(self) -> None:
        """Return when `pop` may have something."""
        await self._ready.wait()

    def pop(self) -> T | None:
        """Return the next item to send, or None when there is nothing to send now."""
        sendable = (n for n, (key, _) in self._items.items() if key is None or not self.held)
        serial = next(sendable, None)
        if serial is None:
            self._ready.clear()
            return None
        subscription, item = self._items.pop(serial)
        if subscription is not None:
            self._queued[subscription].popleft()
        return item
