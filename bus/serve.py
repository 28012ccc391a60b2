"""The answering side of a satellite: a ROUTER socket, one task per request that may take time.

A ROUTER looks to a stock REQ peer like the REP it expects, and can answer one request while another is still
being carried out. Every request whose envelope can be read gets an answer, or a REQ peer would hang for good;
none takes longer than ANSWER_S.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import zmq

from .asker import TAG, asking
from .attribute import Refused
from .constellation import cscp
from .constellation.cscp import Message, Type
from .constellation.pack import Malformed
from .turn import Turn
from .wire import Context, Wire

log = logging.getLogger(__name__)

ANSWER_S = 1.8
"""Below the 2 s after which our callers, and the 5 s after which stock ones, give up."""
MOST_REQUESTS = 1000
"""Requests of one satellite under way at once; those above are refused as busy."""
LARGEST_REQUEST = (8 << 20) + (64 << 10)
"""Bytes: the largest array and its surroundings. A peer that sends more is disconnected by ZeroMQ."""

Result = tuple[str, Any, dict[str, Any]]
"""Text, payload and tags of a reply."""
Handler = Callable[[Message], Result | Awaitable[Result]]

TYPES = {"limit": Type.INCOMPLETE, "type": Type.INCOMPLETE, "unknown": Type.INCOMPLETE}
"""Reply type of each refusal code; INVALID for all others."""


class Server:
    """Reads requests and answers them by the table `verbs`; `mark` gives tags for every reply."""

    def __init__(
        self,
        context: Context,
        bind: str,
        sender: str,
        verbs: Mapping[str, Handler],
        clock_ns: Callable[[], int],
        mark: Callable[[], dict[str, Any]] = dict,
    ) -> None:
        socket = context.socket(zmq.ROUTER)
        socket.setsockopt(zmq.MAXMSGSIZE, LARGEST_REQUEST)
        socket.setsockopt(zmq.LINGER, 200)
        self.port = socket.bind_to_random_port(bind)
        self.sender, self.verbs, self.clock_ns, self.mark = sender, verbs, clock_ns, mark
        self.malformed = 0
        self.tasks: set[asyncio.Task[None]] = set()
        self.wire = Wire(socket, self._receive)

    def close(self) -> None:
        """Give up what is under way and close."""
        for task in self.tasks:
            task.cancel()
        self.wire.close()

    def _receive(self, frames: list[bytes]) -> None:
        # The envelope ends with the first empty frame; what stands before it is the peer's own affair and
        # goes back.
        if b"" not in frames:
            raise Malformed("request without an envelope")
        split = frames.index(b"") + 1
        envelope = frames[:split]
        try:
            request = cscp.decode(frames[split:])
            if request.type is not Type.REQUEST:
                raise Malformed(f"message of type {request.type.name} instead of a request")
        except Malformed as error:
            self.malformed += 1
            self._reply(envelope, Type.ERROR, str(error), None, {})
            return
        try:
            handler = self.verbs.get(request.text.lower())
            if handler is None:
                text = f"{self.sender} has no command {request.text[:80]!r}"
                self._reply(envelope, Type.UNKNOWN, text, None, {"code": "unknown"})
                return
            check_deadline(request, self.clock_ns())
            if len(self.tasks) >= MOST_REQUESTS:
                raise Refused("busy", f"{len(self.tasks)} requests are under way already")
            with asking(str(request.tags.get(TAG) or request.sender)):
                result = handler(request)
                if isinstance(result, tuple):
                    self._reply(envelope, Type.SUCCESS, *result)
                    return
                task = asyncio.ensure_future(self._finish(envelope, request, result))
        except Exception as error:
            self._refuse(envelope, request, error)
            return
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _finish(self, envelope: list[bytes], request: Message, result: Awaitable[Result]) -> None:
        try:
            self._reply(envelope, Type.SUCCESS, *await result)
        except Exception as error:
            self._refuse(envelope, request, error)

    def _refuse(self, envelope: list[bytes], request: Message, error: Exception) -> None:
        if not isinstance(error, Refused):
            log.warning("%s: %s failed", self.sender, request.text, exc_info=error)
            error = Refused("failed", f"{request.text} failed: {error or type(error).__name__}")
        kind = TYPES.get(error.code, Type.INVALID)
        self._reply(envelope, kind, error.text, None, {"code": error.code})

    def _reply(
        self, envelope: list[bytes], kind: Type, text: str, payload: Any, tags: dict[str, Any]
    ) -> None:
        tags = tags | self.mark()
        try:
            frames = cscp.encode(Message(self.sender, self.clock_ns(), kind, text, payload, tags))
        except (TypeError, ValueError, OverflowError) as error:
            frames = cscp.encode(
                Message(
                    self.sender,
                    self.clock_ns(),
                    Type.INVALID,
                    f"the answer cannot be sent: {error}",
                    None,
                    {"code": "failed"},
                )
            )
        self.wire.send(envelope + frames)


def check_deadline(request: Message, now_ns: int) -> None:
    """Refuse a request that its caller has given up on; stock callers set no deadline."""
    deadline_ns = request.tags.get("deadline")
    if isinstance(deadline_ns, int) and now_ns > deadline_ns:
        late_ms = (now_ns - deadline_ns) / 1e6
        raise Refused("late", f"{request.text} came {late_ms:.0f} ms after its deadline: not done")


async def in_turn(
    turn: Turn, work: Callable[[], Awaitable[Result]], what: str, *, overtakes: bool = False
) -> Result:
    """Do the work when its turn has come, or at once if it overtakes; return its result, within ANSWER_S.

    Past that, work that waits is dropped and refused as busy; work that has begun goes on, and its outcome
    shows in the readbacks.
    """
    begun = overtakes

    async def run() -> Result:
        nonlocal begun
        if overtakes:
            return await work()
        async with turn:
            begun = True
            return await work()

    task = turn.begin(run())
    try:
        await asyncio.wait({task}, timeout=ANSWER_S)
        if task.done():
            return task.result()
        if begun:
            task.add_done_callback(lambda t: t.cancelled() or t.exception())
            raise Refused("late", f"{what} takes longer than {ANSWER_S} s: outcome unknown, read back")
        raise Refused("busy", f"{what} waited {ANSWER_S} s for earlier requests: not done, try again")
    finally:
        if not begun:
            task.cancel()
