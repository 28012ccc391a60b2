"""Free ports, for servers that must know theirs before they begin."""

import random
import socket
from contextlib import suppress

BELOW_EPHEMERAL = range(20_000, 32_000)
"""Below those that the kernel gives away by itself: nobody gets one between our look and its use."""


def free_ports(count: int) -> list[int]:
    """Ports that are free for TCP and UDP now, on every address."""
    found: list[int] = []
    for port in random.sample(BELOW_EPHEMERAL, 1000):
        with socket.socket() as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            with suppress(OSError):
                tcp.bind(("", port))
                udp.bind(("", port))
                found.append(port)
            if len(found) == count:
                return found
    raise RuntimeError(f"no {count} free ports")


def free_port() -> int:
    """One such port."""
    return free_ports(1)[0]
