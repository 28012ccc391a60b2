"""One client of the CA server: caproto's circuit with what must not happen to an IOC taken out.

This module and `server` are the only ones that touch private parts of caproto 1.3. What is replaced here:

* Updates wait in a bounded `Outbox`. Caproto keeps them in a queue whose filling blocks all clients.
* One task owns a client's reader, commands and sender; whatever fails ends that client only. Caproto leaves a
  client that broke the protocol connected and unserved.
* Channels that end take their subscriptions along. Caproto forgets to, and keeps channels that never began.
* A put is a task of its own; its answer leaves through the outbox, behind the updates that it caused, with a
  status that says whether it was refused. Caproto answers a refused put with an error that carries no request
  number: one client waits for its timeout, another reads success.
* A read waits for a put of the same client to the same PV, and for no other; it holds nothing up meanwhile.
* Sizes are bounded before memory is taken, commands in a row before the loop gives way.
"""

import asyncio
import contextlib
import itertools
import logging
from collections.abc import Callable
from functools import partial
from typing import Any

import caproto as ca
from caproto.asyncio import server as stock
from caproto.asyncio.utils import _TransportWrapper
from caproto.server.common import DisconnectedCircuit

from .batch import EDGES
from .event import Event
from .outbox import Outbox
from .put import Client
from .writes import Writes

MAX_REQUEST_BYTES = 1 << 20
"""Largest message from a client; what it could set is far smaller. More lets a stranger take memory."""

MAX_CHANNELS = 20_000
"""Channels of one client; a client that wants more is closed."""

COMMANDS_IN_A_ROW = 16
"""Commands of one client before the loop gives way: lower costs throughput, higher delays all others."""

BATCH_BYTES = 1 << 16
"""Updates are sent in pieces of about this size: more per write is cheaper, and takes longer to give way."""

SEND_TIMEOUT_S = 30.0
"""How long a client may not read while data wait; then it is closed. Less drops clients that only pause."""

log = logging.getLogger("hitline.ca")


class _NoWait(stock.AsyncioEvent):
    """Stands where caproto makes every read wait for any put; here those of the same PV do (`Writes`)."""

    async def wait(self, timeout: float | None = None) -> bool:
        return True


class _EventsOn(asyncio.Event):
    """The client's flow control, wired to its outbox."""

    def __init__(self, outbox: Outbox[Any]) -> None:
        super().__init__()
        self._outbox = outbox

    def set(self) -> None:
        super().set()
        self._outbox.release()

    def clear(self) -> None:
        super().clear()
        self._outbox.hold()


class Circuit(stock.VirtualCircuit):
    """One client."""

    context: Any
    connected: bool

    def __init__(self, circuit: Any, client: _TransportWrapper, context: Any) -> None:
        address, here = client.getpeername()[0], client.getsockname()[0]
        self.who = Client(address, local=address == here or address.startswith("127."))
        super().__init__(circuit, client, context)
        self.outbox: Outbox[Any] = Outbox()
        self.events_on = _EventsOn(self.outbox)
        self.write_event = _NoWait()
        # a full one stops reading, and TCP slows the client down
        self.command_queue: asyncio.Queue[Any] = asyncio.Queue(64)
        self.writes = Writes(context.putter, self.who, self.outbox.reply)
        self.sent: dict[int, float] = {}
        """Last value of each subscription with a deadband."""

    # caproto hands client_hostname, a claim, to check_access; we hand over who it really is.
    @property
    def client_hostname(self) -> Client:
        """Who is asking."""
        return self.who

    @client_hostname.setter
    def client_hostname(self, name: str | None) -> None:
        self.who.host = name or ""

    @property
    def client_username(self) -> str:
        """The name that the client claims."""
        return self.who.user

    @client_username.setter
    def client_username(self, name: str | None) -> None:
        self.who.user = name or ""

    async def serve(self) -> None:
        """Serve the client until it leaves or fails."""
        tasks = [
            asyncio.create_task(loop())
            for loop in (self._receive_loop, self.command_queue_loop, self.subscription_queue_loop)
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            for ended in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(ended, Exception) and not isinstance(ended, DisconnectedCircuit):
                    self.log.warning("client dropped: %r", ended, extra={"peer": self.who.address})
            await self._on_disconnect()

    async def _on_disconnect(self) -> None:
        if not self.connected:
            return
        self.connected = False
        self.writes.cancel()
        await self._cull_subscriptions(None, lambda sub: True)
        self.client.writer.transport.abort()
        self.context.forget(self)

    async def _receive_loop(self) -> None:
        while True:
            data = await self.client.recv(4096)
            if not data:
                raise DisconnectedCircuit
            commands, needed = self.circuit.recv(data)  # raises anything on malformed bytes
            if needed > MAX_REQUEST_BYTES or len(self.circuit.channels) > MAX_CHANNELS:
                raise ca.RemoteProtocolError(
                    f"client announces a message of {needed} more bytes or has "
                    f"{len(self.circuit.channels)} channels"
                )
            for command in commands:
                await self.command_queue.put(command)

    async def command_queue_loop(self) -> None:
        """Carry out commands in order."""
        for count in itertools.count(1):
            await self._carry_out(await self.command_queue.get())
            if count % COMMANDS_IN_A_ROW == 0:
                await asyncio.sleep(0)

    async def _carry_out(self, command: Any) -> None:
        try:
            self.circuit.process_command(command)
        except ca.RemoteProtocolError:
            raise
        except ca.CaprotoError:  # a channel name whose filter is no filter: there is no such channel
            if not isinstance(command, ca.CreateChanRequest):
                raise
            await self._send_buffers(bytes(ca.CreateChFailResponse(command.cid)))
            return
        responses = await self._answers(command)
        await self.send(*responses)
        for response in responses:
            if isinstance(response, ca.CreateChFailResponse):  # caproto keeps failed channels for ever
                self.circuit.channels.pop(response.cid, None)

    async def _answers(self, command: Any) -> list[Any]:
        try:
            return await self._process_command(command)
        except (ca.CaprotoError, ValueError, TypeError, KeyError) as error:
            cid, _ = self._get_ids_from_command(command)
            return [ca.ErrorResponse(command, cid, ca.CAStatus.ECA_BADTYPE, str(error)[:80])]

    async def _process_command(self, command: Any) -> list[Any]:
        if isinstance(command, ca.WriteRequest | ca.WriteNotifyRequest):
            channel, entry = self._get_db_entry_from_command(command)
            self.writes.start(command, channel.cid, entry)
            return []
        if isinstance(command, ca.ReadNotifyRequest):
            _, entry = self._get_db_entry_from_command(command)
            if self.writes.read(entry, partial(self._answer_late, command)):
                return []
        if isinstance(command, ca.ClearChannelRequest):
            # caproto compares a channel with a number here and leaves the subscriptions behind
            channel = self.circuit.channels_sid[command.sid]
            await self._cull_subscriptions(None, lambda sub: sub.channel is channel)
            return [channel.clear()]
        responses: list[Any] = await super()._process_command(command)
        return responses

    async def _answer_late(self, command: Any) -> None:
        with contextlib.suppress(DisconnectedCircuit, ca.CaprotoError):
            await self.send(*await self._answers(command))

    async def _cull_subscriptions(self, db_entry: Any, func: Callable[[Any], bool]) -> Any:
        removed = await super()._cull_subscriptions(db_entry, func)
        for spec, sub in removed:
            self.outbox.forget(sub.subscriptionid)
            self.sent.pop(sub.subscriptionid, None)
            if not self.subscriptions[spec]:
                del self.subscriptions[spec]
            if not self.context.subscriptions[spec]:
                del self.context.subscriptions[spec]
        return removed

    def update(self, sub: Any, event: Event) -> None:
        """Queue a value for one subscription."""
        band = sub.channel_filter.dbnd
        if band is None or self._outside(sub.subscriptionid, band, event.values):
            channel = sub.db_entry
            quota, level = channel.max_subscription_backlog, None
            if channel.flag:
                quota, level = EDGES, channel.content
            self.outbox.event(sub.subscriptionid, quota, (sub, event), level)

    def _outside(self, subscription: int, band: Any, values: Any) -> bool:
        """Apply the deadband that a client has put into the channel's name."""
        last = self.sent.get(subscription)
        new = float(values[0]) if len(values) == 1 and not isinstance(values[0], bytes) else None
        if last is not None and new is not None:
            limit = band.d * abs(last) / 100 if band.m == "rel" else band.d
            if abs(new - last) <= limit:
                return False
        if new is not None:
            self.sent[subscription] = new
        return True

    async def subscription_queue_loop(self) -> None:
        """Send what the outbox holds."""
        self.events_on.set()
        while True:
            await self.outbox.wait()
            buffers: list[bytes] = []
            size = 0
            while size < BATCH_BYTES and (item := self.outbox.pop()) is not None:
                buffers.append(self._encoded(item))
                size += len(buffers[-1])
            if buffers:
                await self._send_buffers(*buffers)

    def _encoded(self, item: Any) -> bytes:
        if isinstance(item, tuple):  # an update; that its subscription lives is the outbox' business
            sub, event = item
            answer: bytes = event.message(
                int(sub.data_type), sub.subscriptionid, sub.data_count, sub.channel_filter.arr
            )
            return answer
        try:
            return b"".join(self.circuit.send(item))
        except ca.CaprotoError:  # its channel has ended meanwhile
            return b""

    async def _send_buffers(self, *buffers: Any) -> None:
        try:
            async with asyncio.timeout(SEND_TIMEOUT_S):
                await self.client.send(b"".join(buffers))
        except TimeoutError:
            raise ca.CaprotoNetworkError(f"has not read for {SEND_TIMEOUT_S:g} s") from None
