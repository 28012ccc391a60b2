"""Who may read and write a record over Channel Access: the rules of an .acf file, applied in one place.

A client claims its user and host name itself, so host groups are matched by the address that it really comes
from (as EPICS base does with asCheckClientIP): names in the file are looked up once, at the start. User names
stay claims. Limits and interlocks are in the backends for that reason.
"""

import logging
import socket
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path

import caproto as ca
from hitline.db.access import DEFAULT, Policy, Right, load
from hitline.db.binding import sets
from hitline.db.error import DbError
from hitline.db.records import Record

from .put import Client

log = logging.getLogger("hitline.ca")

NONE = ca.AccessRights(0)


class Gate:
    """The one gate that every read and write passes."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy

    def right(self, record: Record, client: Client, *, level: int = 0) -> Right:
        """Return what a client may do with a record's value (level 0) or other fields (level 1)."""
        hosts = {client.address, "localhost"} if client.local else {client.address}
        group = record.fields.get("ASG", "") or DEFAULT
        return self.policy.decide(group, client.user, hosts, level=level)

    def value(self, record: Record) -> Callable[[Client], ca.AccessRights]:
        """Return the rule for a record's value, as clients are shown it."""
        writable = sets(record)

        def rights(client: Client) -> ca.AccessRights:
            right = self.right(record, client)
            found = ca.AccessRights.READ if right.read else NONE
            return found | ca.AccessRights.WRITE if right.write and writable else found

        return rights

    def field(self, record: Record) -> Callable[[Client], ca.AccessRights]:
        """Return the rule for the other fields: they say what the files say, and are never written."""
        return lambda client: ca.AccessRights.READ if self.right(record, client, level=1).read else NONE


def read(path: Path) -> tuple[Gate, str]:
    """Read the rules; when that fails nobody may write, and the second value says why."""
    try:
        policy = load(path)
    except DbError as error:
        return Gate(Policy(groups={DEFAULT: []})), f"access: {error}; nobody may write"
    policy.hosts = {name: members | _addresses(members) for name, members in policy.hosts.items()}
    return Gate(policy), ""


def _addresses(names: frozenset[str]) -> frozenset[str]:
    found: set[str] = set()
    for name in names:
        try:
            ip_address(name)
        except ValueError:
            try:
                found.update(socket.gethostbyname_ex(name)[2])
            except OSError as error:
                log.warning("access: host %r is not known (%s) and matches nobody", name, error)
    return frozenset(found)
