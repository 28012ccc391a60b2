"""A station with an axis on an emulated phyMOTION, and another one for ophyd's own tests."""

from pathlib import Path
from typing import Any

from kit.ports import free_port
from kit.station import Table, axis, entry

CLIENT = Path(__file__).parent / "motor_client.py"
BRISK = {"low": -10.0, "high": 12.0, "velocity": 5.0, "home_velocity": 50.0, "acceleration_time": 0.05}
OPHYDS = {**BRISK, "low": -100.0, "high": 100.0, "home_velocity": 2.5}
"""Its tests write limits of their own, and two assert that homing has not succeeded after 2 s: it takes 4."""


def motor_station(**box: Any) -> Table:
    """Axis `x` on `box`, with these options of it more, and axis `slow`."""
    brisk, slow = free_port(), free_port()
    return {
        "conductor": {},
        "instruments": {
            "emu": entry("phymotion_emulator", "emulators", port=brisk, rail_steps=20000),
            "box": entry("phymotion", "motion", where=f"tcp://127.0.0.1:{brisk}", homing="centre", **box),
            "x": axis("box", **BRISK),
            "emu2": entry("phymotion_emulator", "emulators", port=slow, rail_steps=20000),
            "box2": entry("phymotion", "motion", where=f"tcp://127.0.0.1:{slow}", homing="limit"),
            "slow": axis("box2", **OPHYDS),
        },
        "faces": {"tango": {"port": free_port()}},
    }
