"""A trace played over UDP: an instrument that says what it said when the trace was taken.

    async with Traced(Path("det1.trace"), address="127.0.0.2", port=1555) as readout:
        ...                                # a driver talks to it
    assert not readout.script.unknown      # and asked for nothing new

A trace from hardware so becomes a test. `hitline trace FILE --play` does the same from the command line.
"""

import asyncio
import contextlib
import logging
import socket
from collections import deque
from pathlib import Path
from types import TracebackType

from hitline.ioc.tell import teller
from hitline.ioc.trace_file import read

from .script import Script, Turn

BURST = 16
"""Datagrams without a pause when the spacing of the trace is not kept: a small receive buffer holds them."""
PAUSE_S = 0.001

log = logging.getLogger(__name__)


class Traced(asyncio.DatagramProtocol):
    """Plays a trace with the channels `control` (asked and answered) and others, which are streams.

    port: 0 takes a free one. stream_port: where streams go on the host that asked; by default the option
    `data_port` of the trace. timed: keep the spacing of the trace; else all comes as soon as it may.
    """

    def __init__(
        self,
        path: Path,
        *,
        address: str = "127.0.0.2",
        port: int = 0,
        stream_port: int | None = None,
        timed: bool = False,
    ) -> None:
        self.header, records = read(path)
        self.script = Script(records, self.header.type)
        self.address, self.port, self.timed = address, port, timed
        self.stream_port = int(
            self.header.options.get("data_port", 1556) if stream_port is None else stream_port
        )
        self.sent = 0
        """Stream datagrams sent."""
        self._tell = teller(self.header.type)
        self._turns: deque[Turn] = deque()
        self._news = asyncio.Event()
        self._peer: tuple[str, int] | None = None

    async def __aenter__(self) -> "Traced":
        loop = asyncio.get_running_loop()
        self._stream = _bound(self.address, 0)
        control = _bound(self.address, self.port)
        self.port = control.getsockname()[1]
        self._control, _ = await loop.create_datagram_endpoint(lambda: self, sock=control)
        self._player = asyncio.create_task(self._play())
        for skipped in self.script.skipped:
            log.warning(
                "%d records of %s are not in the trace: %s", skipped.records, skipped.channel, skipped.why
            )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._player.cancel()
        await asyncio.wait([self._player])
        self._control.close()
        self._stream.close()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer a request."""
        self._peer = addr
        turn = self.script.reply(data)
        if turn is None:
            if self.script.unknown[data] == 1:
                log.warning("not in the trace, not answered: %s", self._tell("control", True, data))
            return
        for after_ns, answer in turn.answers:
            if self.timed:
                asyncio.get_running_loop().call_later(after_ns / 1e9, self._answer, answer, addr)
            else:
                self._answer(answer, addr)
        if turn.stream:
            self._turns.append(turn)
            self._news.set()

    def _answer(self, answer: bytes, addr: tuple[str, int]) -> None:
        if not self._control.is_closing():
            self._control.sendto(answer, addr)

    async def _play(self) -> None:
        """Send the streams of one request after the other; a new one hurries the last."""
        loop = asyncio.get_running_loop()
        while True:
            self._news.clear()
            if not self._turns:
                await self._news.wait()
                continue
            turn, began = self._turns.popleft(), loop.time()
            for number, (after_ns, data) in enumerate(turn.stream):
                if self.timed and not self._turns:
                    await self._wait(began + after_ns / 1e9 - loop.time())
                elif number % BURST == 0:
                    await asyncio.sleep(PAUSE_S)
                if self._peer:
                    self._stream.sendto(data, (self._peer[0], self.stream_port))
                    self.sent += 1

    async def _wait(self, seconds: float) -> None:
        """Wait so long, or until the next request with a stream comes."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._news.wait(), max(0.0, seconds))


def _bound(address: str, port: int) -> socket.socket:
    """A socket as a readout's must be for clients on the same machine, which bind these ports everywhere."""
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.setblocking(False)
    made.bind((address, port))
    return made
