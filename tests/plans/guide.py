"""The Python of a page of docs/how-to, run as its reader would."""

import re
import subprocess
import sys
from pathlib import Path

from kit.patience import WAIT_S
from kit.station import Running

PAGES = Path(__file__).parents[2] / "docs" / "how-to"


def examples(page: str, least: int) -> str:
    """All of it, in order; there are so many pieces at least."""
    pieces = re.findall(r"```python\n(.*?)```", (PAGES / page).read_text(), re.DOTALL)
    assert len(pieces) >= least, page
    return "\n".join(pieces)


def run(code: str, station: Running) -> str:
    """What it prints, in the folder of a station file."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=station.file.parent,
        env=station.env,
        capture_output=True,
        text=True,
        timeout=4 * WAIT_S,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
