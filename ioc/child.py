"""One process of a station, kept alive: started, waited for until ready, started again when it dies, stopped.

What it prints goes to a log file of its own, whose last lines are at hand when it fails; what a signal ended
leaves a report of its crash. The pause between restarts is decided in `supervision`.
"""

import asyncio
import contextlib
import json
import logging
import os
import signal
import time
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import IO, Any

from hitline.bus import crash
from hitline.bus.process import SUPERVISED

from .log_file import LogFile
from .processes import ProcessSpec
from .supervision import Policy, Record

READY_S = 120.0
"""A process that is not ready by then is ended and counts as failed. Compiling the analysis kernels for the
first time is the longest start there is: half a minute on a slow machine."""
CRASHES = ".crash"
"""Folder of the reports of crashes, in that of the data."""

log = logging.getLogger("hitline.supervisor")


class Phase(Enum):
    """Where a process stands."""

    STOPPED = "stopped"
    STARTING = "starting"
    UP = "up"
    WAITING = "waiting to restart"
    FAILED = "failed"


class Child:
    """A process and its history; `on_change(child)` is called at every change of phase."""

    def __init__(
        self,
        spec: ProcessSpec,
        data: Path,
        on_change: Callable[["Child"], None],
        *,
        policy: Policy | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.spec = spec
        self.log = LogFile(data, spec.name)
        self._crashes = data / CRASHES
        self.phase = Phase.STOPPED
        self.starts = 0
        self.facts: dict[str, Any] = {}
        """What its readiness line said."""
        self.reason = ""
        """What ended it last."""
        self.keeper: asyncio.Task[None] | None = None
        """Runs from `start` until the process has ended after `stop`."""
        self._record = Record(policy or Policy())
        self._on_change = on_change
        self._clock = clock
        self._process: asyncio.subprocess.Process | None = None
        self._wanted = False
        self._asked = False
        self._again = asyncio.Event()

    @property
    def restarts(self) -> int:
        """Times that it was started again."""
        return max(0, self.starts - 1)

    @property
    def pid(self) -> int | None:
        """Its process id while it lives."""
        return self._process.pid if self._process and self._process.returncode is None else None

    def start(self) -> None:
        """Start it, and again whenever it dies, until `stop`."""
        self._wanted = True
        self.keeper = asyncio.create_task(self._keep(), name=f"keep {self.spec.name}")

    def again(self) -> None:
        """Start it anew now, whether it runs, waits or was given up."""
        self._record.pardon()
        self._again.set()
        self._signal(signal.SIGTERM)

    def stop(self) -> None:
        """Ask it to end; `keeper` is done when it has."""
        self._wanted = False
        self._again.set()
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it without asking."""
        if self.pid is not None:
            log.warning("%s did not end in time and is killed", self.spec.name)
            self._signal(getattr(signal, "SIGKILL", signal.SIGTERM))

    def tail(self, lines: int = 8) -> list[str]:
        """Return the last lines that it wrote."""
        return self.log.tail(lines)

    async def _keep(self) -> None:
        while self._wanted:
            self._again.clear()
            self.reason = await self._live()
            if not self._wanted:
                break
            pause_s = self._record.died(self._clock())
            log.warning("%s %s", self.spec.name, self.reason)
            self._become(Phase.FAILED if pause_s is None else Phase.WAITING)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._again.wait(), pause_s)
        self._become(Phase.STOPPED)

    async def _live(self) -> str:
        """Start it once and see it to its end; return what ended it."""
        self.starts += 1
        self._asked = False
        try:
            with self.log.open(self.spec.argv) as output:
                began = output.tell()
                process = await asyncio.create_subprocess_exec(
                    *self.spec.argv,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=output,
                    env={**os.environ, SUPERVISED: "1"},
                )
                self._process = process
                self._become(Phase.STARTING)
                if not self._wanted:  # stopped while it was being started
                    self._signal(signal.SIGTERM)
                overdue = asyncio.get_running_loop().call_later(READY_S, self._overdue)
                listening = asyncio.create_task(self._listen(process, output))
                code = await process.wait()
                overdue.cancel()
                listening.cancel()
                await asyncio.wait([listening])
        except OSError as error:
            return f"cannot be started: {error}"
        if code < 0:
            return self._crashed(-code, self.log.read(began, crash.READ_BYTES))
        last = self.tail(1) if code > 0 else []
        return ": ".join([f"ended with exit code {code}", *last])

    def _crashed(self, number: int, said: bytes) -> str:
        """Put aside what it said before a signal ended it, and name the report in the reason."""
        known = number in set(signal.Signals)
        reason = f"was ended by {signal.Signals(number).name if known else f'signal {number}'}"
        if self._asked and number == signal.SIGTERM:  # before it had its handler
            return reason
        try:
            report = crash.leave(self._crashes, self.spec.name, self.spec.argv, reason, said)
        except OSError as error:
            log.warning("%s left no report of its crash: %s", self.spec.name, error)
            return reason
        if not self._wanted:  # nobody else tells
            log.warning("%s %s, see %s", self.spec.name, reason, report)
        return f"{reason}, see {report}"

    async def _listen(self, process: asyncio.subprocess.Process, output: IO[bytes]) -> None:
        """Read what it prints to the end, so that it never waits for a reader; the log gets whole lines."""
        assert process.stdout is not None  # noqa: S101 - asked for above
        rest = b""
        while chunk := await process.stdout.read(4096):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                output.write(line + b"\n")
                if line.startswith(b"ready") and self.phase is Phase.STARTING:
                    self._ready(line)
        output.write(rest)

    def _ready(self, line: bytes) -> None:
        _, _, text = line.partition(b" ")
        try:
            facts = json.loads(text or b"{}")
        except ValueError:
            log.warning("%s: cannot read its readiness line %r", self.spec.name, line[:200])
            facts = {}
        self.facts = facts if isinstance(facts, dict) else {}
        self._record.ready(self._clock())
        self._become(Phase.UP)

    def _overdue(self) -> None:
        if self.phase is Phase.STARTING:
            log.warning("%s is not ready after %.0f s and is ended", self.spec.name, READY_S)
            self._signal(getattr(signal, "SIGKILL", signal.SIGTERM))

    def _signal(self, number: int) -> None:
        self._asked = True
        if self._process and self.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    def _become(self, phase: Phase) -> None:
        self.phase = phase
        self._on_change(self)
