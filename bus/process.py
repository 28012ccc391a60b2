"""What every hitline process does alike: signals, crashes, descriptors, logging, the readiness line.

A process is ready when it has printed one line `ready {json}` on its standard output; its log goes to
standard error. SIGTERM and SIGINT set the stop event that `main` waits for. Under a supervisor SIGINT is
ignored: a Ctrl-C in the terminal reaches all processes at once, and the supervisor stops them in order.
"""

import asyncio
import json
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from . import crash
from .attribute import Refused

SUPERVISED = "HITLINE_SUPERVISED"
"""Set in the environment of a process that a supervisor started."""

DESCRIPTORS = 4096
"""ZeroMQ takes some 25 per satellite and peer; the usual limit of 1024 ends at about forty of them."""

log = logging.getLogger("hitline")


def run(main: Callable[[asyncio.Event], Awaitable[None]]) -> int:
    """Run `main(stop)` until it returns; give the exit code: 0, or 1 after one line on standard error."""
    crash.tell()
    set_logging()
    raise_descriptor_limit()
    try:
        asyncio.run(_until_stopped(main))
    except (Refused, OSError, ValueError, LookupError, RuntimeError, TimeoutError) as error:
        log.debug("ended by", exc_info=error)
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


def ready(**facts: Any) -> None:
    """Tell whoever started this process that it does its job, and where (ports, names)."""
    sys.stdout.write(f"ready {json.dumps(facts)}\n")
    sys.stdout.flush()


def set_logging() -> None:
    """Log to standard error; HITLINE_LOG gives the level (default INFO)."""
    logging.basicConfig(
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        level=os.environ.get("HITLINE_LOG", "INFO").upper(),
    )


def raise_descriptor_limit() -> None:
    """Allow this process up to `DESCRIPTORS` open files and sockets, where the platform has such a limit."""
    try:
        import resource
    except ImportError:  # not a POSIX system
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(DESCRIPTORS, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def stop_on_signals(stop: asyncio.Event) -> None:
    """Let SIGTERM and what a terminal sends (Ctrl-C, its end) set `stop`. Call it on the running loop.

    A supervised process ignores the latter; so does one that was started with `nohup`.
    """
    loop = asyncio.get_running_loop()
    terminal = [signal.SIGINT, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
    for number in (signal.SIGTERM, *terminal):
        if number in terminal and (os.environ.get(SUPERVISED) or signal.getsignal(number) is signal.SIG_IGN):
            signal.signal(number, signal.SIG_IGN)
            continue
        try:
            loop.add_signal_handler(number, stop.set)
        except NotImplementedError:  # Windows: handlers run between bytecodes, so wake the loop
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))


async def _until_stopped(main: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    stop = asyncio.Event()
    stop_on_signals(stop)
    await main(stop)
