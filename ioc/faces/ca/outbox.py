"""What one client has yet to be sent: updates, of which the newest win, and replies, which never drop.

Order is kept: a reply leaves after every update that was queued before it, so that a client whose put has
completed has also seen what the put changed. Each subscription holds at most its quota of updates; when one
more comes, the oldest of the same subscription goes and is counted. A client that does not read therefore
costs a bounded amount of memory and nobody else's time.
"""

import asyncio
from collections import OrderedDict, deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Outbox(Generic[T]):
    """A queue with a quota per subscription."""

    def __init__(self) -> None:
        self._items: OrderedDict[int, tuple[int | None, T]] = OrderedDict()
        self._queued: dict[int, deque[int]] = {}
        self._serial = 0
        self._ready = asyncio.Event()
        self.held = False
        """True while the client has turned events off (Channel Access' flow control)."""
        self.dropped = 0
        """Updates that a newer one of the same subscription has replaced before they were sent."""

    def __len__(self) -> int:
        return len(self._items)

    def event(self, subscription: int, quota: int, item: T) -> None:
        """Queue an update; while events are held only the newest of each subscription stays."""
        queued = self._queued.setdefault(subscription, deque())
        while len(queued) >= (1 if self.held else max(quota, 1)):
            del self._items[queued.popleft()]
            self.dropped += 1
        queued.append(self._serial)
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
        for serial in self._queued.pop(subscription, ()):
            del self._items[serial]

    def hold(self) -> None:
        """Send no updates until `release`; of those that wait, keep the newest of each subscription."""
        self.held = True
        for queued in self._queued.values():
            while len(queued) > 1:
                del self._items[queued.popleft()]
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
