"""What did not come by itself is asked for: updates that were lost on the way, or are slower than a reply."""

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from .attribute import Refused, Update
from .constellation.pack import Malformed

if TYPE_CHECKING:
    from .session import Session

SETTLE_S = 0.2
FOLLOW_S = 0.5
"""Updates come some 0.1 ms before or after the reply to what caused them, behind an array up to this late."""


class Audit:
    """Of one session."""

    def __init__(self, session: "Session") -> None:
        self._session, self._stream = session, session.stream

    async def look(self, name: str) -> None:
        """See that no update of an attribute was lost; shown with what belongs to it. Raises Refused."""
        update = await self._session.get(name)
        if not self._stream.described or self._stream.has(name, update):
            return
        try:
            await self.everything()
        except Malformed as error:
            raise Refused("failed", f"{self._session.proxy.name}: {error}") from None

    async def follow(self, mark: Any) -> None:
        """Wait until what was published before a reply is shown; updates come on another connection.

        `mark` is the newest: its name, number and epoch. One that does not come was lost, and is read.
        """
        match mark:
            case [str(name), int(seq), int(epoch)] if self._stream.described:
                update = Update(None, 0, seq=seq, epoch=epoch)
            case _:
                return
        try:
            async with asyncio.timeout(FOLLOW_S):
                while not self._stream.has(name, update) and not self._session.closed:
                    await self._session.proxy.news.wait()
        except TimeoutError:
            with contextlib.suppress(Refused):  # it has answered: whoever asked has a reply
                await self.look(name)

    async def everything(self) -> None:
        """Read everything, and show together what did not come by itself; raises Refused, Malformed."""
        read = await self._session.read_all()
        await asyncio.sleep(SETTLE_S)  # what is only under way comes by itself, and in order
        if self._stream.waits:
            return
        for name, update in read.items():
            if not self._stream.has(name, update):
                self._session.proxy.gaps += 1
                self._stream.take(name, update, again=True)
