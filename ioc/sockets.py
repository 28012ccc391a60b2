"""Addresses and UDP sockets of instruments that talk over a network."""

import asyncio
import ipaddress
import socket


async def resolved(address: str) -> str:
    """IPv4 address of a host; only a name is looked up. Raises OSError."""
    try:
        return str(ipaddress.IPv4Address(address))
    except ValueError:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(address, 0, family=socket.AF_INET, type=socket.SOCK_DGRAM)
        return str(found[0][4][0])


def bound(address: str, port: int, option: str) -> socket.socket:
    """Bind a UDP socket that nobody shares; raises OSError that names the option and what to do."""
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setblocking(False)
    try:
        made.bind((address, port))
    except OSError as error:
        made.close()
        raise OSError(
            f"UDP port {port} of {address} cannot be had ({error.strerror}): stop the other program that "
            f"has it, or choose another {option} or interface",
        ) from error
    return made


def local_address(host: str, port: int) -> str:
    """Address of this computer from which datagrams to a host go; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((host, port))
        except OSError as error:
            raise OSError(
                f"there is no way to {host} ({error.strerror}): check the cable and the network settings",
            ) from error
        return str(probe.getsockname()[0])
