"""An emulated Katherine for tests: in this process, on an address of its own, with free ports."""

import random
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from hitline.ioc.emulators.katherine.emulator import KatherineEmulator
from hitline.ioc.emulators.katherine.knobs import KatherineEmulatorOptions

ADDRESS = "127.0.0.2"


@dataclass
class Rig:
    """The emulator and where its client should be."""

    emulator: KatherineEmulator
    control: tuple[str, int]
    """Where commands go."""
    data: tuple[str, int]
    """Where data come from."""
    client_control_port: int
    """A free port for the client's commands."""
    client_data_port: int
    """Where data go: the client must bind it."""


def free_port() -> int:
    """A UDP port that is free on every address, below those that the kernel hands out."""
    for port in random.sample(range(20000, 32000), 1000):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            try:
                sock.bind(("0.0.0.0", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no free UDP port")


@asynccontextmanager
async def katherine(**options: Any) -> AsyncIterator[Rig]:
    """Run an emulator with these options; ports are free ones where not given.

    Truth: `rig.emulator.sent` (frames with hits) and `.counts`; knobs: `rig.emulator.knobs`.
    """
    given = {
        "address": ADDRESS,
        "control_port": 0,
        "data_port": 0,
        "client_data_port": free_port(),
        **options,
    }
    emulator = KatherineEmulator("kat-emu", KatherineEmulatorOptions(**given))
    await emulator.connect()
    try:
        yield Rig(emulator, emulator.link.control, emulator.link.data, free_port(), given["client_data_port"])
    finally:
        await emulator.disconnect()
