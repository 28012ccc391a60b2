"""An emulated Katherine for tests: in this process, on an address of its own, with free ports."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from hitline.ioc.emulators.katherine.emulator import KatherineEmulator
from hitline.ioc.emulators.katherine.knobs import KatherineEmulatorOptions
from kit.ports import free_port

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
