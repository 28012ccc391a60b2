r"""CHIRP version 1: the 42-byte UDP datagrams by which satellites find one another.

Source: Constellation, "Constellation Host Identification & Reconnaissance Protocol". Layout: `CHIRP\x01`,
kind u8, MD5 of the group, MD5 of the canonical name (both of the lower-case text), service u8, port u16
big-endian. The address of a service is the source address of the datagram. A datagram from the net is parsed
here and nowhere else.
"""

import struct
from dataclasses import dataclass
from enum import IntEnum
from hashlib import md5

from .pack import Malformed

ADDRESS = "239.192.7.123"
PORT = 7123
TTL = 8
MAGIC = b"CHIRP\x01"
_LAYOUT = struct.Struct(">6sB16s16sBH")
SIZE = _LAYOUT.size


class Kind(IntEnum):
    """What a beacon says."""

    REQUEST = 1
    """Whoever has this service, offer it."""
    OFFER = 2
    DEPART = 3


class Service(IntEnum):
    """What is offered."""

    CONTROL = 1
    """CSCP."""
    HEARTBEAT = 2
    """CHP."""
    MONITORING = 3
    """CMDP."""
    DATA = 4
    """CDTP."""


@dataclass(frozen=True, slots=True)
class Beacon:
    """One datagram; `group` and `host` are the 16 bytes of `identity`."""

    kind: Kind
    group: bytes
    host: bytes
    service: Service
    port: int = 0


def identity(name: str) -> bytes:
    """Return the 16 bytes that stand for a group or a canonical name; upper and lower case are the same."""
    return md5(name.lower().encode(), usedforsecurity=False).digest()


def encode(beacon: Beacon) -> bytes:
    """Return the 42 bytes."""
    return _LAYOUT.pack(MAGIC, beacon.kind, beacon.group, beacon.host, beacon.service, beacon.port)


def decode(datagram: bytes) -> Beacon:
    """Return the beacon, or raise Malformed."""
    if len(datagram) != SIZE:
        raise Malformed(f"beacon of {len(datagram)} bytes instead of {SIZE}")
    magic, kind, group, host, service, port = _LAYOUT.unpack(datagram)
    if magic != MAGIC:
        raise Malformed(f"beacon begins with {magic!r} instead of {MAGIC!r}")
    try:
        return Beacon(Kind(kind), group, host, Service(service), port)
    except ValueError as error:
        raise Malformed(str(error)) from None
