"""The puts of one client: each is a task of its own, so that none holds up another, a read, or a stop.

Until the instrument has answered a put, reads of the same PV by the same client wait for it; then they see
what was set. So do reads of other fields of a motor record, whose limits belong to its value. Reads of other
PVs never wait.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import caproto as ca
from hitline.bus.attribute import Refused

from .channel import Channel
from .put import Client, Put, Putter

MAX_PUTS = 256
"""Puts of one client under way; more are refused. A put that moves a motor counts until the motor stands."""

READ_AFTER_WRITE_S = 2.0
"""How long a read waits for the acceptance of a put: as long as an instrument may take to answer."""

log = logging.getLogger("hitline.ca")


class Writes:
    """Starts puts and answers them through `reply`."""

    def __init__(self, putter: Putter, client: Client, reply: Callable[[Any], None]) -> None:
        self._putter, self._client, self._reply = putter, client, reply
        self._tasks: set[asyncio.Task[None]] = set()
        self._unaccepted: dict[Any, set[asyncio.Future[None]]] = {}

    def cancel(self) -> None:
        """Forget the client; what was sent to an instrument goes on there, only nobody waits for its end."""
        for task in tuple(self._tasks):
            task.cancel()

    def start(self, command: Any, cid: int, channel: Channel) -> None:
        """Begin a put; `command` is caproto's WriteRequest or WriteNotifyRequest."""
        answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        family = channel.family
        waiting = self._unaccepted.setdefault(family, set())
        waiting.add(answered)

        def accepted() -> None:
            if not answered.done():
                answered.set_result(None)
                waiting.discard(answered)
                if not waiting and self._unaccepted.get(family) is waiting:
                    del self._unaccepted[family]

        waits = isinstance(command, ca.WriteNotifyRequest)
        put = Put(channel, command.data, command.data_type, self._client, waits, accepted)
        self._spawn(self._carry_out(put, command, cid))

    def read(self, channel: Channel, answer: Callable[[], Awaitable[None]]) -> bool:
        """Call `answer` when the puts to `channel` are accepted; False when there are none to wait for."""
        waiting = self._unaccepted.get(channel.family)
        if not waiting:
            return False
        self._spawn(self._read(tuple(waiting), answer))
        return True

    async def _read(
        self, waiting: tuple[asyncio.Future[None], ...], answer: Callable[[], Awaitable[None]]
    ) -> None:
        await asyncio.wait(waiting, timeout=READ_AFTER_WRITE_S)
        await answer()

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry_out(self, put: Put, command: Any, cid: int) -> None:
        status, text = ca.CAStatus.ECA_NORMAL, ""
        try:
            if len(self._tasks) > MAX_PUTS:
                raise Refused("busy", f"this client has {MAX_PUTS} puts under way: wait for one to end")
            await self._putter(put)
        except Refused as refused:
            denied = refused.code == "access"
            status = ca.CAStatus.ECA_NOWTACCESS if denied else ca.CAStatus.ECA_PUTFAIL
            text = refused.text
        except Exception as error:
            log.exception("put to %s failed", put.channel.name)
            status, text = ca.CAStatus.ECA_INTERNAL, repr(error)
        finally:
            put.accepted()
        if put.waits:
            kind, count = command.data_type, command.data_count
            self._reply(ca.WriteNotifyResponse(kind, count, status, command.ioid))
        elif text:
            self._reply(ca.ErrorResponse(command, cid, status, text[:200]))
