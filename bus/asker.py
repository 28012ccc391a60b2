"""Who asks: goes along with each request and what it leads to, through faces and the conductor.

It is told, not proven: nothing may be allowed by it.
"""

import getpass
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache

TAG = "for"
"""Of a request: the client that it is made for, where that is not the one that sends it."""
LONGEST = 128
"""Characters of a name that are kept."""

_asker: ContextVar[str] = ContextVar("asker", default="")


def asker() -> str:
    """Give the client that this is done for; empty where nobody asked."""
    return _asker.get()


@contextmanager
def asking(name: str) -> Iterator[None]:
    """Do something for a client; tasks that are begun within are for it, too."""
    token = _asker.set(name[:LONGEST])
    try:
        yield
    finally:
        _asker.reset(token)


@cache
def user() -> str:
    """Give whoever runs this process."""
    try:
        name = getpass.getuser()
    except (OSError, KeyError):  # an account without a name
        name = "?"
    return f"{name}@{socket.gethostname()}"
