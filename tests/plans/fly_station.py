"""A station whose stages fly: PI with pulses, phyMOTION without; a Katherine and a tpx3 stream."""

from pathlib import Path

from kit.ports import free_ports
from kit.station import Table, axis, entry, katherine

CLIENT = Path(__file__).parent / "fly_client.py"
FAST = {"velocity": 20.0, "acceleration_time": 0.1}
HERE = "127.0.0.1"


def fly_station() -> Table:
    """Stages `stage` (x, y) and `stage2` (z, y) in a world with a source, detectors `kat` and `det`."""
    pi, phymotion = free_ports(2)
    rails = {"model": "C-884", "axes": ["1", "2"], "referenced": True, "rail_steps": 20000}
    holes = {"polarity": "Holes", "bias_low": 0.0, "bias_high": 200.0}
    kat, emu = katherine(HERE, process="world", emulated={}, **holes)
    emulated = {
        "rails": entry("pi_emulator", "world", port=pi, **rails),
        "rails2": entry("phymotion_emulator", "world", port=phymotion),
        "world": entry("world", "world", source="Fe55", source_rate=2e4, spot_mm=3.0, stage="rails"),
        "emu": emu,
        "stream": entry("tpx3_stream", "world", file="live.tpx3"),
    }
    detectors = {"kat": kat, "det": entry("replay", file="live.tpx3", follow=True)}
    motion = {
        "box": entry("pi", "motion", where=f"tcp://{HERE}:{pi}", axes=["1", "2"]),
        "x": axis("box", "1", low=-10.0, high=10.0, **FAST),
        "y": axis("box", "2", low=-10.0, high=10.0, **FAST),
        "stage": entry("stage", "motion", axes=["x", "y"]),
        "box2": entry("phymotion", "motion", where=f"tcp://{HERE}:{phymotion}"),
        "z": axis("box2", **FAST),
        "stage2": entry("stage", "motion", axes=["z", "y"]),
    }
    return {
        "conductor": {},
        "instruments": {**emulated, **detectors, **motion},
        "workers": {"ana1": {"source": "det"}, "ana2": {"source": "kat"}},
    }
