"""Requests and their answers over one line, in their order, with a way ahead of all that waits.

Answers of such controllers carry no number: the first that comes belongs to the first request that waits.
After a missing answer none that comes can be told from it, so all that wait are given up then, and only
a stop is sent until the line has been quiet.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from hitline.bus.attribute import Attribute, Severity
from hitline.bus.instrument import Instrument

from ..stream import Stream
from ..trace import Trace

ANSWER_S = 0.5
"""An exchange takes some 10 ms; longer is silence."""
QUIET_S = 0.3
"""Nothing is asked so long after an answer that was missing or spoilt: one that comes late is no other's."""
A = TypeVar("A")

DIALOGUE = (
    Attribute("where", "str", "Address of the controller."),
    Attribute("answer_ms", "float", "Time of the last answer.", unit="ms", precision=2),
    Attribute("answers_missing", "int", "Requests that were not answered."),
    Attribute("answers_bad", "int", "Answers that could not be read."),
)


class Dialogue(Generic[A]):
    """The line of a controller; `cut` makes answers of bytes, a bad one is None.

    `owner` publishes the attributes of DIALOGUE.
    """

    def __init__(
        self,
        owner: Instrument,
        cut: Callable[[bytes], list[A | None]],
        broken: Callable[[str], None],
        *,
        where: str,
        baud: int,
        trace: Trace | None = None,
    ) -> None:
        self._owner, self._cut, self._lost = owner, cut, broken
        self.stream = Stream(where, self._received, self._broken, baud=baud, trace=trace)
        self._turn = asyncio.Lock()
        self._waiting: deque[asyncio.Future[A]] = deque()
        self.missing = self.bad = 0
        self._quiet_until = 0.0

    def start(self) -> None:
        """Begin to connect."""
        self._owner.publish("where", self.stream.where)
        self._owner.publish("answers_missing", 0)
        self._owner.publish("answers_bad", 0)
        self.stream.start()

    async def close(self) -> None:
        """Hang up."""
        await self.stream.close()

    async def ask(self, request: bytes, wanted: Callable[[], bool] = lambda: True) -> A | None:
        """Send a request in its turn; give its answer. None when it is not `wanted` any more by then."""
        async with self._turn:
            loop = asyncio.get_running_loop()
            while (left_s := self._quiet_until - loop.time()) > 0:
                await asyncio.sleep(left_s)
            return await self._send(request) if wanted() else None

    async def now(self, request: bytes) -> A:
        """The same before all that waits: a stop."""
        return await self._send(request)

    def say(self, request: bytes) -> None:
        """Send what is not answered, at once."""
        self.stream.write(request)

    def spoilt(self) -> None:
        """Count an answer that was none of what was asked."""
        self.bad += 1
        self._quiet_until = asyncio.get_running_loop().time() + QUIET_S
        text = "an answer that could not be read, or came late"
        self._owner.publish("answers_bad", self.bad, Severity.MINOR, text)

    async def _send(self, request: bytes) -> A:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[A] = loop.create_future()
        begun_s = loop.time()
        self.stream.write(request)
        self._waiting.append(answer)
        try:
            async with asyncio.timeout(ANSWER_S):
                found = await answer
        except TimeoutError:
            self.missing += 1
            self._owner.publish("answers_missing", self.missing)
            self.stream.reason = f"no answer within {ANSWER_S} s"
            self._forget()
            self._quiet_until = loop.time() + QUIET_S
            raise TimeoutError(f"{self.stream.where}: no answer within {ANSWER_S} s") from None
        finally:
            if answer in self._waiting:
                self._waiting.remove(answer)
        self._owner.publish("answer_ms", round((loop.time() - begun_s) * 1e3, 2))
        return found

    def _received(self, data: bytes) -> None:
        for answer in self._cut(data):
            if answer is None or not self._waiting:
                self.spoilt()
                continue
            waiting = self._waiting.popleft()
            if not waiting.done():
                waiting.set_result(answer)

    def _broken(self, reason: str) -> None:
        self._forget()
        self._lost(reason)

    def _forget(self) -> None:
        for answer in self._waiting:
            if not answer.done():
                answer.set_exception(ConnectionError(f"{self.stream.where}: {self.stream.reason}"))
        self._waiting.clear()
