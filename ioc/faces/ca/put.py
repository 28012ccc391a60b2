"""A write as it came over Channel Access, before anybody has looked at it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import caproto as ca

from .channel import Channel


@dataclass(slots=True)
class Client:
    """Who is asking: the address is a fact, user and host are the client's claims."""

    address: str
    local: bool
    """True when it runs on this machine."""
    host: str = ""
    user: str = ""

    def __str__(self) -> str:
        return f"{self.user or '?'}@{self.host or '?'} ({self.address})"


@dataclass(slots=True)
class Put:
    """One write."""

    channel: Channel
    data: Any
    """numpy array in wire order, or list of bytes for strings."""
    data_type: ca.ChannelType
    client: Client
    waits: bool
    """True when the client wants to hear of its end."""
    accepted: Callable[[], None]
    """To be called when the instrument has answered: the same client's reads go on."""


Putter = Callable[[Put], Awaitable[None]]
"""Carries out a put to its end; raises Refused."""
