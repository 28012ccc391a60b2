"""A Bluesky session in a process of its own, asked by a test in lines of JSON: both ends.

Each request, `{"do": NAME, ...}`, is answered by lines `[NAME, VALUE]`: what the session says meanwhile, such
as documents, and at last `["done", result]` or `["failed", "the exception and its causes"]`. ophyd takes one
control layer for good, hence a process for each.
"""

import json
import queue
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kit.patience import WAIT_S
from kit.station import Running


@dataclass
class Session:
    """The test's end."""

    process: subprocess.Popen[str]
    lines: "queue.Queue[list[Any] | None]" = field(default_factory=queue.Queue)

    def __post_init__(self) -> None:
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.put(json.loads(line))
        self.lines.put(None)

    def next(self, timeout_s: float = 3 * WAIT_S) -> list[Any]:
        line = self.lines.get(timeout=timeout_s)
        assert line is not None, "the client has died"
        return line

    def tried(
        self, do: str, heard: Callable[[str, Any], None] = lambda name, value: None, **more: Any
    ) -> tuple[str, Any]:
        """Send a request; returns ("done" or "failed", its value). `heard` gets what is said meanwhile."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"do": do, **more}) + "\n")
        self.process.stdin.flush()
        while True:
            name, value = self.next()
            if name in ("done", "failed"):
                return name, value
            heard(name, value)

    def ask(self, do: str, heard: Callable[[str, Any], None] = lambda name, value: None, **more: Any) -> Any:
        """The value of a request that must not fail."""
        outcome, value = self.tried(do, heard, **more)
        assert outcome == "done", value
        return value


@contextmanager
def session_on(station: Running, layer: str, client: Path) -> Iterator[Session]:
    """A program `client STATION LAYER` that ends with `answer`, on a station."""
    with subprocess.Popen(
        [sys.executable, str(client), str(station.file), layer],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=station.env,
    ) as process:
        session = Session(process)
        try:
            assert session.next()[0] == "ready"
            yield session
        finally:
            process.terminate()
            process.wait(WAIT_S)
            session.reader.join(WAIT_S)


def say(name: str, value: Any) -> None:
    """The session's end: say something; arrays as lists, what JSON does not know as text."""
    print(json.dumps([name, value], default=_plain), flush=True)


def answer(requests: Mapping[str, Callable[..., Any]]) -> None:
    """The session's end: answer requests until there are no more."""
    say("ready", None)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            result = requests[request.pop("do")](**request)
        except BaseException as error:
            print(traceback.format_exc(), file=sys.stderr)
            say("failed", _causes(error))
        else:
            say("done", result)


def _plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else str(value)


def _causes(error: BaseException | None) -> str:
    """The text of an exception and of what led to it."""
    texts = []
    while error is not None:
        texts.append(f"{type(error).__name__}: {error}")
        error = error.__cause__ or error.__context__
    return " <- ".join(texts)
