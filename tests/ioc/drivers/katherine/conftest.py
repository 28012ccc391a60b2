"""The driver on the bus, against an emulated readout over UDP on loopback."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parents[2]))  # for the rig of the emulator

from katherine_bench import Bench, driver_on
from katherine_rig import katherine


@pytest.fixture
def make(tmp_path: Path, group: str):
    """`async with make(options of the driver, emulator=options of the emulator) as bench`."""

    @asynccontextmanager
    async def bench(
        *, emulator: dict[str, Any] | None = None, initialize: bool = True, **options: Any
    ) -> AsyncIterator[Bench]:
        async with katherine(**{"rate_hz": 2e4, **(emulator or {})}) as rig:
            given = {
                "address": rig.control[0],
                "control_port": rig.control[1],
                "local_control_port": rig.client_control_port,
                "data_port": rig.client_data_port,
                "poll_s": 0.1,
                "bias_low": -10.0,
                "bias_high": 200.0,
                "receive_mib": 4,
                **options,
            }
            async with driver_on(group, tmp_path, given, rig) as made:
                if initialize:
                    await made.satellite.move("initialize", {})
                yield made

    return bench
