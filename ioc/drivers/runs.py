"""Names of the runs that a readout opens by itself."""

import time
from pathlib import Path


def new_run_id(root: Path, name: str, now_ns: int) -> str:
    """Return `YYYYMMDD-HHMMSS-NAME` in local time, with a number behind it when that is taken."""
    stem = time.strftime("%Y%m%d-%H%M%S", time.localtime(now_ns / 1e9)) + f"-{name}"
    run_id, number = stem, 2
    while (root / run_id).exists():
        run_id, number = f"{stem}-{number}", number + 1
    return run_id
