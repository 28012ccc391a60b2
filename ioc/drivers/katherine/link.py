"""The control link of a Katherine: one question at a time, and every answer told from strays.

Its datagrams carry no numbers. An answer is told by its opcode, so an old one could be taken for the answer
to a new question of the same kind. Hence: whatever has come is put away as stray before a question is sent;
and after an answer that did not come in time, nothing is sent before the readout has answered a harmless
question of another kind (its status), for it answers in order: then the late answer has come or never will.

Nothing is ever repeated. All of this happens on the event loop.
"""

import asyncio
import socket
from dataclasses import dataclass, field

from ...protocols.katherine.message import Answer, Request
from ...protocols.katherine.opcodes import ANSWER_S, PATIENCE_S, Op, answer_of, answers
from ...sockets import bound, local_address, resolved
from ...trace import Trace

PATIENT_S = 3 * ANSWER_S
"""Longer than libkatherine waits: a busy readout is not a dead one. More makes a dead one show later."""
SLICES = 5
"""Patience is counted in so many parts; a process that was held up loses one of them."""
LARGEST = 2048
DRAIN = 512
"""Datagrams read in a row at most: a flood must not hold the event loop."""


class Silence(Exception):
    """A command was not answered in time: what became of it is not known."""


@dataclass(slots=True)
class _Waiting:
    op: int | None
    """Number of the answer; None: any."""
    count: int
    done: asyncio.Future[None]
    came: list[Answer] = field(default_factory=list)


class Link:
    """The control socket of one readout."""

    def __init__(
        self,
        address: str,
        port: int,
        *,
        local_port: int = 0,
        interface: str = "",
        check_answers: bool = True,
        trace: Trace | None = None,
    ) -> None:
        self.address, self.port = address, port
        self.local_port, self.interface = local_port, interface
        self.check_answers, self.trace = check_answers, trace
        self.missing = 0
        """Commands that were not answered in time."""
        self.strays = 0
        """Datagrams that nobody waited for, those of other hosts too."""
        self.foreign = ""
        """Host of the last datagram that came from elsewhere."""
        self.answer_ms = 0.0
        """How long the last answer took."""
        self.turn = asyncio.Lock()
        """Who holds it sends; first come, first served."""
        self._socket: socket.socket | None = None
        self.host = ""
        """IPv4 address of the readout, once open."""
        self._waiting: _Waiting | None = None
        self._owing = False

    @property
    def is_open(self) -> bool:
        """True between `open` and `close`."""
        return self._socket is not None

    async def open(self) -> None:
        """Find the readout's address and bind; raises OSError that says what to do."""
        loop = asyncio.get_running_loop()
        try:
            self.host = await resolved(self.address)
        except OSError as error:
            raise OSError(f"address {self.address!r} of the readout is not known: {error}") from error
        self.interface = self.interface or local_address(self.host, self.port)
        self._socket = bound(self.interface, self.local_port, "local_control_port")
        loop.add_reader(self._socket.fileno(), self.drain)

    def close(self) -> None:
        """Give the socket back; who waits for an answer gets none."""
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket.fileno())
            self._socket.close()
            self._socket = None

    async def ask(self, request: Request, patience_s: float | None = None) -> Answer:
        """Send a command and return its answer; raises Silence."""
        return (await self.collect(request, patience_s))[0]

    async def collect(self, request: Request, patience_s: float | None = None) -> list[Answer]:
        """Send a command and return all datagrams that answer it; raises Silence."""
        async with self.turn:
            await self.settle()
            return await self.exchange(request, patience_s)

    async def tell(self, request: Request) -> None:
        """Send a command that is never answered."""
        async with self.turn:
            await self.settle()
            self.send(request.encode())

    def tell_now(self, request: Request) -> None:
        """Send such a command before all that wait for their turn."""
        self.send(request.encode())

    # For those who hold the turn.

    async def settle(self) -> None:
        """After a time-out: see that no late answer is under way; raises Silence, and nothing was sent."""
        if self._owing:
            await self.exchange(Request(Op.STATUS))
            self._owing = False

    async def exchange(self, request: Request, patience_s: float | None = None) -> list[Answer]:
        """Send a command and wait for what answers it."""
        self.drain()
        self.send(request.encode())
        return await self.wait(request.op, patience_s)

    async def wait(self, op: int, patience_s: float | None = None) -> list[Answer]:
        """Wait for what answers a command that was sent just now."""
        loop = asyncio.get_running_loop()
        number = answer_of(op) if self.check_answers else None
        waiting = self._waiting = _Waiting(number, answers(op), loop.create_future())
        patience_s = PATIENCE_S.get(op, PATIENT_S) if patience_s is None else patience_s
        begun_s, complete = loop.time(), False
        try:
            for _ in range(SLICES):
                if (await asyncio.wait({waiting.done}, timeout=patience_s / SLICES))[0]:
                    break
            complete = len(waiting.came) == waiting.count
        finally:
            self._waiting = None
            self._owing |= not complete
        if not complete:
            self.missing += 1
            raise Silence(self._missed(op, waiting, patience_s))
        self.answer_ms = (loop.time() - begun_s) * 1e3
        return waiting.came

    def send(self, data: bytes) -> None:
        """Send one datagram; raises Silence when this computer cannot."""
        if self._socket is None:
            raise Silence(f"the link to {self.address} is not open: send initialize")
        if self.trace:
            self.trace.sent("control", data)
        try:
            self._socket.sendto(data, (self.host, self.port))
        except OSError as error:
            raise Silence(f"nothing can be sent to {self.address}: {error}") from error

    def drain(self) -> int:
        """Take what has come; return how many datagrams it was."""
        for count in range(DRAIN):
            try:
                if self._socket is None:
                    return count
                data, (host, _) = self._socket.recvfrom(LARGEST)
            except BlockingIOError:
                return count
            except OSError:
                continue  # an error that an earlier datagram brought back, on some systems
            if self.trace:
                self.trace.received("control", data)
            self._take(data, host)
        return DRAIN

    def _take(self, data: bytes, host: str) -> None:
        waiting, answer = self._waiting, Answer.decode(data)
        if host != self.host:
            self.foreign = host
        elif waiting and answer and waiting.op in (None, answer.op) and not waiting.done.done():
            waiting.came.append(answer)
            if len(waiting.came) == waiting.count:
                waiting.done.set_result(None)
            return
        self.strays += 1

    def _missed(self, op: int, waiting: _Waiting, patience_s: float) -> str:
        name = Op(op).name.lower().replace("_", " ")
        some = f" but {len(waiting.came)} of {waiting.count} datagrams" if waiting.came else ""
        return f"no answer from {self.address} to {name} (0x{op:02x}) within {patience_s:g} s{some}"
