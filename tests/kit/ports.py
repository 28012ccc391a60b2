"""Free ports, for servers that must know theirs before they begin."""

import os
import random
import re
import socket
from contextlib import suppress

BELOW_EPHEMERAL = range(20_000, 32_000)
"""Below those that the kernel gives away by itself: nobody gets one between our look and its use."""
PARTS = 8
"""Each of so many processes that run tests beside each other has a part of its own."""

_dice = random.SystemRandom()
"""Whoever seeds the common one would have the same ports chosen again."""
_given: set[int] = set()


def _ours() -> list[int]:
    """Ports of this process, by the name that pytest-xdist gives it, that it has not given to anybody."""
    number = re.search(r"\d+$", os.environ.get("PYTEST_XDIST_WORKER", ""))
    part = BELOW_EPHEMERAL[int(number[0]) % PARTS :: PARTS] if number else BELOW_EPHEMERAL
    return [port for port in part if port not in _given]


def free_ports(count: int) -> list[int]:
    """Ports that are free for TCP and UDP now, on every address, and were given to nobody before."""
    found: list[int] = []
    ours = _ours()
    for port in _dice.sample(ours, len(ours)):
        with socket.socket() as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            with suppress(OSError):
                tcp.bind(("", port))
                udp.bind(("", port))
                found.append(port)
                _given.add(port)
            if len(found) == count:
                return found
    raise RuntimeError(f"no {count} free ports")


def free_port() -> int:
    """One such port."""
    return free_ports(1)[0]
