"""An instrument on the bus: sockets and life cycle, from the check of its name to the orderly goodbye.

The parts: `Machine` moves it through its states, `Stock` and `Requests` serve what is asked, `Server` reads
and answers, `Publisher` sends what it shows, `Heart` beats. Here they are joined.
"""

import asyncio
import logging
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from .attribute import Board, Refused, Update
from .conditions import Conditions
from .constellation.chirp import Service, identity
from .health import HEALTH, HEALTH_S, OWN, PSEUDO
from .heart import Heart
from .instrument import Instrument
from .machine import Machine
from .publish import Publisher
from .requests import Requests
from .serve import Server
from .states import Role, State
from .stock import RESERVED, Stock, wire_name
from .turn import Turn

if TYPE_CHECKING:
    from .node import Node

log = logging.getLogger(__name__)

DEPART_S = 0.5
"""Sockets stay open this long after the goodbye: with them closed at once, a stock controller blocks for 2 s
each."""
ANSWER_S = 0.1
"""Whoever asked for the end reads the answer first; on its own connection the goodbye would overtake it."""
LAND_S = 3.0
"""A run that is on when the process ends gets this long to stop and land."""


class Taken(RuntimeError):
    """Another satellite has this name in the group."""


class Satellite:
    """Runs one instrument; `node.add(satellite)`, then `await satellite.start()`.

    Names are letters, digits and underscores, as Constellation wants them. `role` overrides the instrument's.
    """

    def __init__(self, instrument: Instrument, *, role: Role | None = None) -> None:
        self.instrument = instrument
        self.canonical = f"{instrument.TYPE or type(instrument).__name__}.{instrument.name}"
        if not re.fullmatch(r"\w+\.\w+", self.canonical):
            raise ValueError(f"{self.canonical!r} is not Type.name of letters, digits and underscores")
        self.host = identity(self.canonical)
        self.node: Node | None = None
        self.closed = asyncio.Event()
        """Set when it has ended, also by the command `shutdown`."""
        board = instrument.board
        numbers = (f"{a.name}_seq" for a in board.attributes.values() if a.array)
        for name in (*PSEUDO, *(a.name for a in HEALTH), *numbers):
            if name in board.attributes:
                raise ValueError(f"{self.canonical}: the attribute name {name!r} is taken by the bus itself")
        board.attributes.update({a.name: a for a in HEALTH})
        self._own = Board({a.name: a for a in OWN if a.name not in board.attributes}, board.epoch)
        self._role = instrument.ROLE if role is None else role
        self.turn = Turn()
        self.machine = Machine(instrument, self.turn)
        self.requests = Requests(instrument, self.turn, RESERVED)
        self._ready = False
        self._last: tuple[str, int] | None = None
        """Name and number of the newest update that is no array."""
        self._health_s = 0.0
        self._ending: asyncio.Task[None] | None = None
        instrument.state = lambda: self.machine.state
        instrument.cause = lambda: (self.machine.asked, self.machine.status)
        instrument.move = self.move
        instrument.on_failure = self.machine.fail
        instrument.on_update = self._updated

    @property
    def state(self) -> State:
        """State now."""
        return self.machine.state

    @property
    def role(self) -> Role:
        """Role now: what the configuration says, else what it was made with."""
        return self._conditions.role or self._role if self._ready else self._role

    async def start(self) -> None:
        """Go on the bus; raises Taken when a living satellite has the name already."""
        node = self.node
        if node is None:
            raise RuntimeError(f"{self.canonical} is not on a node yet: node.add(satellite) comes first")
        if address := await node.taken(self.host):
            raise Taken(
                f"{self.canonical} is taken in group {node.group} by a satellite at {address}"
                f": stop that one, or give this one another name"
            )
        self._conditions = Conditions(self.canonical, node)
        boards = (self.instrument.board, self._own)
        self.publisher = Publisher(node.context, node.bind, self.canonical, boards)
        self.heart = Heart(
            node.context,
            node.bind,
            self.canonical,
            lambda: (self.machine.state, self.machine.status, self.role),
        )
        self.server = Server(
            node.context,
            node.bind,
            self.canonical,
            Stock(self).handlers() | self.requests.handlers(),
            self.instrument.clock_ns,
            self._mark,
        )
        self.requests.arrays_port = self.publisher.arrays.port if self.publisher.arrays else 0
        self.machine.on_change = self._changed
        self.machine.prepare, self.machine.conditions = self._conditions.prepare, self._conditions.wait
        self._ready = True
        self.instrument.publish("degraded", False)
        self._changed()
        try:
            await self.instrument.connect()
        except BaseException:
            self._close()
            raise
        node.offer(
            self.host,
            {
                Service.CONTROL: self.server.port,
                Service.HEARTBEAT: self.heart.port,
                Service.MONITORING: self.publisher.metrics.port,
            },
        )

    async def stop(self) -> None:
        """Stop and land a run, release the hardware, say goodbye, close; takes DEPART_S at least."""
        if self._ending is None:
            self._ending = asyncio.create_task(self._end())
        await asyncio.shield(self._ending)

    def end_soon(self) -> None:
        """Begin `stop` and return; the goodbye waits for ANSWER_S."""
        if self._ending is None:
            self._ending = asyncio.create_task(self._end(ANSWER_S))

    async def move(self, command: str, payload: Any = None) -> None:
        """Make a transition as a request would, and wait for its end; raises Refused.

        A setter or command may call this in its own task, although it holds the instrument's turn.
        """
        await self.machine.move(command, payload)

    def interrupt(self, reason: str) -> None:
        """Go to SAFE if in ORBIT or RUN, or on the way there."""
        self.machine.interrupt(reason)

    def degrade(self, reason: str) -> None:
        """Note that a peer failed during a run."""
        if self.state in (State.STARTING, State.RUN) and not self.instrument.value("degraded"):
            self.instrument.publish("degraded", True, status=reason)
            self._log("WARNING", "FSM", f"run degraded: {reason}")

    def tick(self, now_s: float) -> None:
        """Beat and show the health of the process; called by the node."""
        if not self._ready:
            return
        self.heart.tick(now_s)
        if now_s >= self._health_s and self.node is not None:
            self._health_s = now_s + HEALTH_S
            self.instrument.publish("loop_lag", round(self.node.loop_lag_s * 1e3, 1))
            malformed = self.server.malformed + self.server.wire.malformed + self.node.malformed
            if malformed != self.instrument.value("malformed"):
                self.instrument.publish("malformed", malformed)

    def _updated(self, name: str, update: Update) -> None:
        self.requests.noticed(name, update)
        attribute = self.instrument.board.attributes[name]
        if not attribute.array:
            self._last = name, update.seq
        if self._ready:
            self.publisher.publish(attribute, update)

    def _mark(self) -> dict[str, Any]:
        """Tell in each reply how far the updates had come: whoever has that one has all before it."""
        return {"after": [*self._last, self.instrument.board.epoch]} if self._last else {}

    def _changed(self) -> None:
        machine = self.machine
        if machine.state is State.STARTING:
            self.instrument.publish("degraded", False)
        if self._ready:
            self.heart.changed()
            for name, value in (("state", wire_name(machine.state)), ("run_id", machine.run_id)):
                last = self._own.updates.get(name)
                if name in self._own.attributes and (last is None or last.value != value):
                    update = self._own.post(name, value, machine.changed_ns)
                    self.publisher.publish(self._own.attributes[name], update)
        self._log(
            "CRITICAL" if machine.state is State.ERROR else "STATUS",
            "FSM",
            f"{wire_name(machine.state)}: {machine.status}",
        )

    def _log(self, level: str, topic: str, text: str) -> None:
        log.info("%s: %s", self.canonical, text)
        if self._ready:
            self.publisher.log(level, topic, text, self.instrument.clock_ns())

    async def _end(self, after_s: float = 0.0) -> None:
        if self._ready:
            await asyncio.sleep(after_s)
            with suppress(Refused, TimeoutError):
                async with asyncio.timeout(LAND_S):
                    if self.state is State.RUN:
                        await self.move("stop")
                    if self.state is State.ORBIT:
                        await self.move("land")
            try:
                async with asyncio.timeout(LAND_S):
                    await self.instrument.disconnect()
            except Exception as error:  # whatever it is, the others must hear the goodbye
                log.error("%s: disconnect failed: %s", self.canonical, error or type(error).__name__)
        if self.node is not None:
            if self._ready:
                self.node.depart(self.host)
                await asyncio.sleep(DEPART_S)
            self.node.satellites.remove(self)
        self.machine.end()
        self._close()
        self.closed.set()

    def _close(self) -> None:
        if self._ready:
            self._ready = False
            for part in (self.server, self.heart, self.publisher):
                part.close()
