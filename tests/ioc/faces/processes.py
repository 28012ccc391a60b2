"""Processes of a station, started and stopped by tests: readiness from their line, errors from their log."""

import json
import os
import signal
import subprocess
import sys
import threading
from typing import Any

from kit.patience import WAIT_S
from kit.toys import with_toys


class Process:
    """`python -m MODULE ARGS`, up when it has printed its `ready` line."""

    def __init__(self, module: str, *args: str, env: dict[str, str] | None = None) -> None:
        self.name = f"{module} {' '.join(args)}"
        self.child = subprocess.Popen(
            [sys.executable, "-m", module, *args],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **(env or {}), "PYTHONPATH": with_toys()},
            text=True,
        )
        self.log: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.child.stderr is not None
        self.log.extend(self.child.stderr)

    def ready(self) -> dict[str, Any]:
        """Wait for the line and return what it says."""
        assert self.child.stdout is not None
        late = threading.Timer(WAIT_S, self.child.kill)
        late.start()
        try:
            for line in self.child.stdout:
                if line.startswith("ready "):
                    facts: dict[str, Any] = json.loads(line.removeprefix("ready "))
                    return facts
        finally:
            late.cancel()
        self.end()
        raise AssertionError(f"{self.name} is not ready:\n{''.join(self.log)}")

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and return the exit code; kills what does not end, shows what a crashed one said."""
        if self.child.poll() is None:
            self.child.send_signal(number)
        try:
            code = self.child.wait(WAIT_S)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
            raise
        finally:
            self._reader.join(WAIT_S)
            for stream in (self.child.stdout, self.child.stderr):
                if stream is not None:
                    stream.close()
        if code < 0 and code not in (-number, -signal.SIGKILL):
            print(f"{self.name} was ended by signal {-code}:\n{''.join(self.log)}")
        return code

    def kill(self) -> None:
        """Kill -9."""
        self.end(signal.SIGKILL)
