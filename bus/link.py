"""The asking side of CSCP: a DEALER socket with one future per request.

Any REP or ROUTER returns what stands before the empty delimiter, so an id frame there tells the replies
apart, and many requests can be under way at once, with stock satellites too. Nothing is ever sent twice:
whoever gets no answer does not know whether it was carried out, and reads back.
"""

import asyncio
import itertools
import time
from contextlib import nullcontext
from typing import Any

import zmq

from .attribute import Refused
from .constellation import cscp
from .constellation.cscp import Message, Type
from .wire import Context, Wire

LARGEST_REPLY = (8 << 20) + (64 << 10)
RETRY_S = 0.01
CODES = {
    Type.NOTIMPLEMENTED: "unknown",
    Type.INCOMPLETE: "type",
    Type.INVALID: "state",
    Type.UNKNOWN: "unknown",
    Type.ERROR: "failed",
}
"""Refusal code of a reply without the tag `code`, as stock satellites send it."""


def accepted(reply: Message) -> Message:
    """Return the reply if it is a successful one; raises Refused with the peer's code."""
    if reply.type is not Type.SUCCESS:
        code = reply.tags.get("code")
        raise Refused(code if isinstance(code, str) else CODES.get(reply.type, "failed"), reply.text)
    return reply


class Link:
    """Requests to one satellite; `one_by_one` for stock ones, which block while they work."""

    def __init__(self, context: Context, address: str, sender: str, peer: str) -> None:
        socket = context.socket(zmq.DEALER)
        # Requests queue for a living connection only: one that waits for a dead peer would be carried out on
        # its return.
        socket.setsockopt(zmq.IMMEDIATE, 1)
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.MAXMSGSIZE, LARGEST_REPLY)
        self.sender, self.peer = sender, peer
        self.one_by_one = False
        self._turn = asyncio.Lock()
        self._ids = itertools.count(1)
        self._waiting: dict[bytes, asyncio.Future[Message]] = {}
        self._loop = asyncio.get_running_loop()
        self._closed = ""
        self._wire = Wire(socket, self._receive)
        socket.connect(address)

    async def ask(
        self,
        verb: str,
        payload: Any = None,
        *,
        timeout_s: float = 2.0,
        tags: dict[str, Any] | None = None,
        patient: bool = False,
    ) -> Message:
        """Return the successful reply; raises Refused with the peer's code, or "link" or "late" of our own.

        `patient` waits for the connection to be made within the time; only for requests that change nothing.
        """
        return accepted(await self.exchange(verb, payload, timeout_s=timeout_s, tags=tags, patient=patient))

    async def exchange(
        self,
        verb: str,
        payload: Any = None,
        *,
        timeout_s: float,
        tags: dict[str, Any] | None = None,
        patient: bool = False,
    ) -> Message:
        """Return whatever the peer answers; raises Refused "link" or "late"."""
        end_s = self._loop.time() + timeout_s
        async with self._turn if self.one_by_one else nullcontext():
            key = next(self._ids).to_bytes(8, "big")
            now_ns = time.time_ns()
            tags = {"deadline": now_ns + int(timeout_s * 1e9)} | (tags or {})
            frames = cscp.encode(Message(self.sender, now_ns, Type.REQUEST, verb, payload, tags))
            while not (self._closed or self._wire.send([key, b"", *frames])):
                if not patient or self._loop.time() > end_s:
                    raise Refused("link", f"{self.peer}: no connection, {verb} was not sent")
                await asyncio.sleep(RETRY_S)
            if self._closed:
                raise Refused("link", f"{self.peer}: {self._closed}, {verb} was not sent")
            future = self._waiting[key] = self._loop.create_future()
            try:
                async with asyncio.timeout_at(end_s):
                    reply = await future
            except TimeoutError:
                raise Refused(
                    "late",
                    f"{self.peer}: no answer to {verb} within {timeout_s:g} s, outcome unknown, read back",
                ) from None
            finally:
                del self._waiting[key]
        return reply

    def close(self, reason: str) -> None:
        """Fail what is under way and close; no request can be asked any more."""
        if self._waiting:
            self._wire.drain()  # a goodbye by datagram may overtake an answer that is here already
        self._closed = self._closed or reason
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(Refused("link", f"{self.peer}: {reason}, outcome unknown, read back"))
        self._wire.close()

    def _receive(self, frames: list[bytes]) -> None:
        future = self._waiting.get(frames[0])
        if future is not None and not future.done() and frames[1:2] == [b""]:
            future.set_result(cscp.decode(frames[2:]))
