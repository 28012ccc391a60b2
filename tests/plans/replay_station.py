"""A station of two replays of one scene, three workers, conductor, CA and Tango face."""

import subprocess
from pathlib import Path
from typing import Any

from kit.station import HITLINE, Table, entry

CLIENT = Path(__file__).parent / "client.py"
HITS = 40_000


def replay(**options: Any) -> Table:
    return entry("replay", file="scene.tpx3", speed="flat", slice="Hits", **options)


def scene(folder: Path) -> None:
    """Write what it replays."""
    argv = [*HITLINE, "scene", str(folder / "scene.tpx3"), "--hits", str(HITS), "--rate", "1e5"]
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)


def replay_station() -> Table:
    """`ana1` analyses all of `det1`, `ana2` some of it, `ana3` some of `det2`."""
    return {
        "conductor": {},
        "instruments": {"det1": replay(), "det2": replay(slice_hits=300)},
        "workers": {
            "ana1": {"source": "det1"},
            "ana2": {"source": "det1", "blocks": ["counts"]},
            "ana3": {"source": "det2", "blocks": ["counts", "spectra"]},
        },
        "faces": {"tango": {"port": 0}},
    }
