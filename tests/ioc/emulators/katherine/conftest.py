"""An emulated Katherine and a client like the public C library's."""

import sys
from collections.abc import Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2]))  # for the rig of the emulator

from katherine_rig import katherine
from lib_client import LibClient


@asynccontextmanager
async def pair(**options):
    """An emulator with these options, and a client of the ports that it sends to; gives both."""
    async with katherine(**{"rate_hz": 2e4, **options}) as rig:
        client = LibClient(rig.control, rig.client_control_port, rig.client_data_port)
        try:
            yield rig.emulator, client
        finally:
            client.close()


@pytest.fixture
def make() -> Iterator:
    """`async with make(options) as (emulator, client)`."""
    return pair
