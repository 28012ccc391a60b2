"""The state machine of one satellite at work: each accepted transition is a task that ends in a steady state.

Rules of who may go where are in `states`. A transition that the instrument refuses leaves everything as it
was; one that fails ends in ERROR, and if a run was on, the instrument is sent to its safe state. Conditions
and autonomy of the group come in through the two callables and `interrupt`.
"""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from typing import Any

from .asker import asker
from .attribute import Refused
from .instrument import Instrument
from .states import TRANSITIONS, State, next_state
from .turn import Turn

log = logging.getLogger(__name__)

ACCEPT_S = 0.1
"""A transition is answered after this time at the latest; one that is refused sooner is answered with the
refusal."""
OVERTAKING = ("stop", "interrupt")
RUN_ID = re.compile(r"[\w-]+")
_AT_WORK = (
    State.LAUNCHING,
    State.LANDING,
    State.ORBIT,
    State.RECONFIGURING,
    State.STARTING,
    State.RUN,
    State.STOPPING,
)


class Machine:
    """Moves an instrument through its states; `on_change` is called after each change of state or status."""

    def __init__(self, instrument: Instrument, turn: Turn) -> None:
        self.instrument, self.turn = instrument, turn
        self.state, self.status, self.run_id = State.NEW, "", ""
        self.config: dict[str, Any] = {}
        self.changed_ns = instrument.clock_ns()
        self.on_change: Callable[[], None] = lambda: None
        self.prepare: Callable[[dict[str, Any]], None] = lambda config: None
        """Checks and takes the framework's own keys (`_conditions`, `_autonomy`) of a configuration."""
        self.conditions: Callable[[State], Awaitable[None]] = _none
        """Waits for other satellites, in a transitional state."""
        self.asked = ""
        """Who asked for the last transition; empty for one that nobody asked for, as after a failure."""
        self._working = ""
        self._pending = ""

    async def request(self, command: str, payload: Any = None) -> asyncio.Task[Refused | None]:
        """Begin a transition; return when it has ended or ACCEPT_S after it began. Raises Refused."""
        payload = self._checked(command, payload)
        name, before = self.instrument.name, self.state
        target = next_state(command, before)
        if target is None:
            legal = ", ".join(s.name for s in TRANSITIONS[command])
            raise Refused("state", f"{name}: {command} is not possible in {before.name}, only in {legal}")
        if self._working:
            raise Refused("busy", f"{name}: {self._working} has not ended yet, try again later")
        if command == "initialize":
            self.prepare(payload)
        locked = command not in OVERTAKING and not self.turn.mine
        self._working, self.asked = command, asker()
        self._enter(target, f"{command} requested")
        task = self.turn.begin(self._carry_out(command, payload, before, target, locked))
        await asyncio.wait({task}, timeout=ACCEPT_S)
        if task.done() and (refusal := task.result()) is not None:
            raise refusal
        return task

    async def move(self, command: str, payload: Any = None) -> None:
        """Make a transition and wait for its end; raises Refused, with code "failed" if it ended in ERROR."""
        task = await self.request(command, payload)
        refusal = await asyncio.shield(task)  # who waits may give up; what was begun comes to its end
        if refusal is not None:
            raise refusal
        if self.state is State.ERROR:
            raise Refused("failed", f"{self.instrument.name}: {self.status}")

    def fail(self, reason: str) -> None:
        """Go to ERROR, from anywhere."""
        before = self.state
        if before is State.DEAD:
            return
        log.critical("%s: %s", self.instrument.name, reason)
        self._pending = self.asked = ""
        self._enter(State.ERROR, reason)
        if before in _AT_WORK:
            self.turn.begin(self._make_safe())

    def interrupt(self, reason: str) -> None:
        """Go to SAFE if in ORBIT or RUN, or as soon as a transition under way has led there."""
        if self.state in TRANSITIONS["interrupt"] and not self._working:
            self._working, self.asked = "interrupt", ""
            self._enter(State.INTERRUPTING, reason)
            self.turn.begin(self._carry_out("interrupt", None, self.state, State.INTERRUPTING, False, reason))
        elif self.state.goal in TRANSITIONS["interrupt"]:
            self._pending = reason

    def end(self) -> None:
        """Be DEAD; nothing moves any more."""
        self.turn.cancel()
        self._enter(State.DEAD, "stopped")

    async def _carry_out(
        self, command: str, payload: Any, before: State, target: State, locked: bool, done: str = ""
    ) -> Refused | None:
        refusal: Refused | None = None
        goal, status = target.goal, done or f"{command} done"
        try:
            await self.conditions(target)
            if locked:
                async with self.turn:
                    await self._work(command, payload)
            else:
                await self._work(command, payload)
        except Refused as error:
            refusal, goal, status = error, before, error.text
            if command == "interrupt":
                goal = State.ERROR
        except Exception as error:
            log.debug("%s: %s failed", self.instrument.name, command, exc_info=True)
            goal, status = State.ERROR, f"{command} failed: {error or type(error).__name__}"
        self._working = ""
        if self.state is not target:
            return refusal  # a failure came in between: what was begun has ended, but leads nowhere
        if goal is State.ERROR:
            self.fail(status)
            return refusal
        if refusal is None:
            self._remember(command, payload)
        self._enter(goal, status)
        if self._pending and goal in TRANSITIONS["interrupt"]:
            self.interrupt(self._pending)
        self._pending = ""
        return refusal

    async def _work(self, command: str, payload: Any) -> None:
        method = getattr(self.instrument, command)
        if command in ("initialize", "reconfigure"):
            payload = {key: value for key, value in payload.items() if not key.startswith("_")}
        await (method() if payload is None else method(payload))

    def _remember(self, command: str, payload: Any) -> None:
        if command == "initialize":
            self.config = payload
            self.instrument.forget_failures()
        elif command == "reconfigure":
            self.config = self.config | payload
        elif command == "start":
            self.run_id = payload

    async def _make_safe(self) -> None:
        try:
            await self.instrument.interrupt()
        except Exception as error:
            log.critical("%s: cannot reach its safe state: %s", self.instrument.name, error)

    def _checked(self, command: str, payload: Any) -> Any:
        if command in ("initialize", "reconfigure"):
            payload = {} if payload is None else payload
            if not isinstance(payload, dict):
                raise Refused("type", f"{command} takes a map, got {type(payload).__name__}")
            return payload
        if command == "start":
            if not isinstance(payload, str) or not RUN_ID.fullmatch(payload):
                raise Refused("type", f"start takes a run id of letters, digits, _ and -, got {payload!r}")
            return payload
        if payload not in (None, [], {}):
            raise Refused("type", f"{command} takes no arguments, got {payload!r}")
        return None

    def _enter(self, state: State, status: str) -> None:
        if state is not self.state:
            self.changed_ns = self.instrument.clock_ns()
        self.state, self.status = state, status
        self.on_change()


async def _none(state: State) -> None:
    """No conditions."""
